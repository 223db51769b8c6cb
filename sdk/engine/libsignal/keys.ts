/** Identity keys, prekeys and signatures. */

import { randomInt } from "node:crypto";
import type { IdentityKeyPair, PrivateKey } from "@signalapp/libsignal-client";
import {
  type Engine,
  EngineRefusal,
  type IdentityKeys,
  type NewPrekey,
  type NewSignedPrekey,
} from "../../core/ports.js";
import { type Libsignal, plain } from "./library.js";
import { parsed, stored } from "./refusal.js";

/** Registration ids have 14 bits; 0 means none. */
const REGISTRATION_IDS = 0x4000;

type Keys = Pick<
  Engine,
  | "generateIdentity"
  | "generateRegistrationId"
  | "generateCurvePrekeys"
  | "generateSignedPrekey"
  | "generateKyberPrekeys"
  | "sign"
  | "verify"
  | "agree"
  | "publicKeyOf"
>;

/** The part of the engine that makes keys, and the library's form of an identity. */
export function keysOf(lib: Libsignal): Keys & { pairOf(identity: IdentityKeys): IdentityKeyPair } {
  // An account's identity lives as long as its client: parse it once.
  const pairs = new WeakMap<IdentityKeys, IdentityKeyPair>();

  function pairOf(identity: IdentityKeys): IdentityKeyPair {
    const known = pairs.get(identity);
    if (known !== undefined) return known;
    const pair = stored(
      () =>
        new lib.IdentityKeyPair(
          lib.PublicKey.deserialize(plain(identity.publicKey)),
          lib.PrivateKey.deserialize(plain(identity.privateKey)),
        ),
    );
    pairs.set(identity, pair);
    return pair;
  }

  const privateKeyOf = (identity: IdentityKeys): PrivateKey => pairOf(identity).privateKey;

  return {
    pairOf,

    generateIdentity() {
      const { publicKey, privateKey } = lib.IdentityKeyPair.generate();
      return { publicKey: publicKey.serialize(), privateKey: privateKey.serialize() };
    },

    generateRegistrationId: () => randomInt(1, REGISTRATION_IDS),

    generateCurvePrekeys: (ids) =>
      ids.map((id): NewPrekey => {
        const pair = lib.PrivateKey.generate();
        const publicKey = pair.getPublicKey();
        return { id, record: lib.PreKeyRecord.new(id, publicKey, pair).serialize(), key: publicKey.serialize() };
      }),

    generateSignedPrekey(identity, id, nowMs): NewSignedPrekey {
      const pair = lib.PrivateKey.generate();
      const publicKey = pair.getPublicKey();
      const key = publicKey.serialize();
      const signature = privateKeyOf(identity).sign(key);
      return {
        id,
        record: lib.SignedPreKeyRecord.new(id, nowMs, publicKey, pair, signature).serialize(),
        key,
        signature,
      };
    },

    generateKyberPrekeys: (identity, ids, nowMs) =>
      ids.map((id): NewSignedPrekey => {
        const pair = lib.KEMKeyPair.generate();
        const key = pair.getPublicKey().serialize();
        const signature = privateKeyOf(identity).sign(key);
        return { id, record: lib.KyberPreKeyRecord.new(id, nowMs, pair, signature).serialize(), key, signature };
      }),

    sign: (identity, message) => privateKeyOf(identity).sign(plain(message)),

    verify(identityKey, message, signature) {
      try {
        return lib.PublicKey.deserialize(plain(identityKey)).verify(plain(message), plain(signature));
      } catch {
        return false;
      }
    },

    publicKeyOf: (privateKey) =>
      parsed("malformed", () => lib.PrivateKey.deserialize(plain(privateKey)).getPublicKey().serialize()),

    agree(privateKey, publicKey) {
      const shared = parsed("malformed", () =>
        lib.PrivateKey.deserialize(plain(privateKey)).agree(lib.PublicKey.deserialize(plain(publicKey))),
      );
      // RFC 7748 §6.1: all zeros means that the other key was chosen so that it contributes nothing.
      if (shared.every((byte) => byte === 0)) throw new EngineRefusal("malformed");
      return shared;
    },
  };
}
