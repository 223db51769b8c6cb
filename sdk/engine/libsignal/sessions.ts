/** Sessions between two devices: start, use, archive. */

import { type Address, type Engine, type EngineRecords, EngineRefusal, type PrekeyBundle } from "../../core/ports.js";
import { capArchived } from "./archive.js";
import { CallStores } from "./call-stores.js";
import type { keysOf } from "./keys.js";
import { KnownCertificates } from "./known-certificates.js";
import { type Libsignal, plain } from "./library.js";
import { parsed, stored } from "./refusal.js";
import { protocolAddress, seal, unseal, ValidatedCiphertext } from "./sealed.js";
import { decryptUnderSenderKey } from "./sender-keys.js";

type Sessions = Pick<Engine, "startSession" | "usableSession" | "encrypt" | "unseal" | "decrypt" | "archiveSession">;

/** The part of the engine that works on sessions. */
export function sessionsOf(lib: Libsignal, { pairOf }: Pick<ReturnType<typeof keysOf>, "pairOf">): Sessions {
  const known = new KnownCertificates();
  const sessionRecord = (record: Uint8Array) => stored(() => lib.SessionRecord.deserialize(plain(record)));

  function usableSession(session: Uint8Array | undefined, nowMs: number): number | undefined {
    if (session === undefined) return undefined;
    const record = sessionRecord(session);
    return record.hasCurrentState(new Date(nowMs)) ? record.remoteRegistrationId() : undefined;
  }

  function begin(records: EngineRecords, peer: Address, certified?: Uint8Array) {
    const { identity, address } = records.own();
    const call = { lib, records, own: pairOf(identity), peer, ...(certified === undefined ? {} : { certified }) };
    return { stores: new CallStores(call), local: protocolAddress(lib, address), remote: protocolAddress(lib, peer) };
  }

  return {
    usableSession,

    async startSession(records, peer, bundle, nowMs) {
      const { stores, local, remote } = begin(records, peer);
      const prekeys = parsed("malformed", () => parseBundle(lib, peer, bundle));
      const broken = () => (isSigned(lib, bundle) ? "malformed" : "badSignature");
      await stores.run(broken, () => lib.processPreKeyBundle(prekeys, remote, local, stores, stores, new Date(nowMs)));
      return stores.changes;
    },

    async encrypt(records, peer, plaintext, certificate, nowMs) {
      const registrationId = usableSession(await records.session(peer), nowMs);
      if (registrationId === undefined) throw new EngineRefusal("noSession");
      const { stores, local, remote } = begin(records, peer);
      const message = await stores.run("noSession", () =>
        lib.signalEncrypt(plain(plaintext), remote, local, stores, stores, new Date(nowMs)),
      );
      const sealed = await seal(lib, stores, message, { peer, certificate });
      return { sealed, registrationId, changes: stores.changes };
    },

    async unseal(records, sealed, roots, nowMs) {
      const { address } = records.own();
      const { stores } = begin(records, address);
      return unseal(lib, stores, sealed, { own: address, roots, nowMs, known });
    },

    async decrypt(records, { inner }) {
      if (!(inner instanceof ValidatedCiphertext)) throw new EngineRefusal("malformed");
      const { envelope, bytes } = inner;
      const { sender, senderIdentity, kind } = envelope;
      if (kind === "senderKey") return decryptUnderSenderKey(lib, records, inner);
      const { stores, local, remote } = begin(records, sender, senderIdentity);
      if (kind === "prekey") {
        const message = parsed("malformed", () => lib.PreKeySignalMessage.deserialize(bytes));
        const plaintext = await stores.run("invalidMessage", () =>
          lib.signalDecryptPreKey(message, remote, local, stores, stores, stores, stores, stores),
        );
        return { plaintext, changes: stores.changes };
      }
      const message = parsed("malformed", () => lib.SignalMessage.deserialize(bytes));
      if ((await records.session(sender)) === undefined) throw new EngineRefusal("noSession");
      const plaintext = await stores.run("invalidMessage", () =>
        lib.signalDecrypt(message, remote, local, stores, stores),
      );
      return { plaintext, changes: stores.changes };
    },

    archiveSession(session) {
      const record = sessionRecord(session);
      record.archiveCurrentState();
      return capArchived(record.serialize());
    },
  };
}

function parseBundle(lib: Libsignal, peer: Address, bundle: PrekeyBundle) {
  const { identityKey, registrationId, signedPrekey, kyberPrekey, oneTimePrekey } = bundle;
  return lib.PreKeyBundle.new(
    registrationId,
    peer.device,
    oneTimePrekey?.id ?? null,
    oneTimePrekey === undefined ? null : lib.PublicKey.deserialize(plain(oneTimePrekey.key)),
    signedPrekey.id,
    lib.PublicKey.deserialize(plain(signedPrekey.key)),
    plain(signedPrekey.signature),
    lib.PublicKey.deserialize(plain(identityKey)),
    kyberPrekey.id,
    lib.KEMPublicKey.deserialize(plain(kyberPrekey.key)),
    plain(kyberPrekey.signature),
  );
}

/** Whether the bundle's identity signed both keys. The library checks this too, but does not say that it was this. */
function isSigned(lib: Libsignal, { identityKey, signedPrekey, kyberPrekey }: PrekeyBundle): boolean {
  const identity = lib.PublicKey.deserialize(plain(identityKey));
  return [signedPrekey, kyberPrekey].every(({ key, signature }) => identity.verify(plain(key), plain(signature)));
}
