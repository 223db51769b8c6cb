/** The Signatures port on libsignal (XEdDSA, certificates) and node:crypto (Ed25519, HMAC). */

import { createHmac, createPublicKey, hash, verify } from "node:crypto";
import { KEMPublicKey, PrivateKey, PublicKey, SenderCertificate, ServerCertificate } from "@signalapp/libsignal-client";
import { ACCESS_TAG_BYTES, deliveryKeyText, labelled } from "@sotto/protocol";
import type { Signatures } from "../ports.js";
import { AccessTagText } from "./access-tag-text.js";
import { ownBytes } from "./certificates.js";

/** What a running relay holds: the root's public half only, and what it signs sender certificates with. */
export interface RelayKeys {
  /** The root's public key, 33 bytes. */
  readonly root: Uint8Array;
  /** The root's certificate over the certificate key. */
  readonly serverCertificate: Uint8Array;
  /** The private certificate key, 32 bytes. */
  readonly certificateKey: Uint8Array;
  /** 32 bytes under which the relay hashes the host's user ids; never changes in a relay's life. */
  readonly secret: Uint8Array;
}

const CURVE_KEY_TYPE = 0x05;
const CURVE_KEY_BYTES = 33;
const KYBER_1024_TYPE = 0x08;
const KYBER_1024_BYTES = 1569;
const SIGNATURE_BYTES = 64;
const ED25519_KEY_BYTES = 32;
/** Stands for a byte that is missing; no byte equals it. */
const NO_BYTE = 0x100;

/** Checks and makes signatures under the relay's keys. */
export function createSignatures(keys: RelayKeys): Signatures {
  const certificate = ServerCertificate.deserialize(ownBytes(keys.serverCertificate));
  const certificateKey = PrivateKey.deserialize(ownBytes(keys.certificateKey));
  const secret = ownBytes(keys.secret);
  const encoder = new TextEncoder();
  const tagText = new AccessTagText();

  return {
    root: ownBytes(keys.root),
    verifyIdentity(publicKey, message, signature) {
      if (signature.length !== SIGNATURE_BYTES) return false;
      const key = curveKey(publicKey);
      return key !== undefined && parses(() => key.verify(ownBytes(message), ownBytes(signature))) === true;
    },
    verifyDevice(publicKey, message, signature) {
      if (publicKey.length !== ED25519_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
      const x = Buffer.from(publicKey).toString("base64url");
      const valid = parses(() => {
        const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
        return verify(null, message, key, signature);
      });
      return valid === true;
    },
    isCurveKey: (publicKey) => curveKey(publicKey) !== undefined,
    isKyberKey: (publicKey) =>
      publicKey.length === KYBER_1024_BYTES &&
      publicKey[0] === KYBER_1024_TYPE &&
      parses(() => KEMPublicKey.deserialize(ownBytes(publicKey))) !== undefined,
    issueCertificate({ account, device, identityKey, role, expiresMs }) {
      const sender = PublicKey.deserialize(ownBytes(identityKey));
      // The certificate's place for a phone number, which no account here has; of a person it stays empty.
      const label = role === "person" ? null : role;
      return SenderCertificate.new(account, label, device, sender, expiresMs, certificate, certificateKey).serialize();
    },
    isDeliveryKey(deliveryKey, expected) {
      const digest = fastDigest(deliveryKeyText(deliveryKey));
      let difference = digest.length ^ expected.length;
      for (let index = 0; index < digest.length; index++)
        difference |= digest.charCodeAt(index) ^ (expected[index] ?? 0);
      return difference === 0;
    },
    isAccessTag({ messageId, account, hash: deliveryKeyHash }, tags, offset) {
      const digest = fastDigest(tagText.of(messageId, account, deliveryKeyHash));
      let difference = 0;
      for (let index = 0; index < ACCESS_TAG_BYTES; index++)
        difference |= digest.charCodeAt(index) ^ (tags[offset + index] ?? NO_BYTE);
      return difference === 0;
    },
    sha256: (message) => hash("sha256", message, "buffer"),
    keyedHash: (label, text) =>
      createHmac("sha256", secret)
        .update(labelled(`sotto/keyed-hash/1/${label}`, encoder.encode(text)))
        .digest("hex"),
  };
}

/** SHA-256 as text of one character a byte: Node makes no other digest as fast, and every send needs some. */
function fastDigest(text: Uint8Array): string {
  return hash("sha256", text, "binary");
}

function curveKey(bytes: Uint8Array): PublicKey | undefined {
  if (bytes.length !== CURVE_KEY_BYTES || bytes[0] !== CURVE_KEY_TYPE) return undefined;
  return parses(() => PublicKey.deserialize(ownBytes(bytes)));
}

/** The result of a call on a caller's bytes, or `undefined` if they do not parse. */
function parses<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
