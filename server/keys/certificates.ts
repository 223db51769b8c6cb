/** The chain of trust: the root signs the relay's certificate key once, the certificate key signs sender certificates daily. */

import { randomInt } from "node:crypto";
import { PrivateKey, PublicKey, ServerCertificate } from "@signalapp/libsignal-client";

/** Bytes over a buffer of their own, as libsignal's types ask for. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}

/** A new key pair: 32 private bytes, 33 public bytes with type 05. */
export function newKeyPair(): { readonly privateKey: Uint8Array; readonly publicKey: Uint8Array } {
  const key = PrivateKey.generate();
  return { privateKey: key.serialize(), publicKey: key.getPublicKey().serialize() };
}

/** The public half of a private key. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  return PrivateKey.deserialize(ownBytes(privateKey)).getPublicKey().serialize();
}

/** Certificate ids stay below this; libsignal revokes ids by a list whose one entry (0xDEADC357) lies above. */
const MAX_CERTIFICATE_ID = 0x7fff_ffff;

/** The root's certificate over a certificate key. It has no expiry of its own; it ends when another is installed. */
export function certify(rootPrivateKey: Uint8Array, certificatePublicKey: Uint8Array): Uint8Array {
  const certificate = ServerCertificate.new(
    randomInt(1, MAX_CERTIFICATE_ID),
    PublicKey.deserialize(ownBytes(certificatePublicKey)),
    PrivateKey.deserialize(ownBytes(rootPrivateKey)),
  );
  return certificate.serialize();
}

/** Whether the root signed this certificate, and it is one for this certificate key. False for bytes that do not parse. */
export function isCertifiedBy(root: Uint8Array, certificate: Uint8Array, certificatePublicKey: Uint8Array): boolean {
  try {
    const parsed = ServerCertificate.deserialize(ownBytes(certificate));
    const signed = PublicKey.deserialize(ownBytes(root)).verify(parsed.certificateData(), parsed.signature());
    return signed && parsed.key().equals(PublicKey.deserialize(ownBytes(certificatePublicKey)));
  } catch {
    return false;
  }
}
