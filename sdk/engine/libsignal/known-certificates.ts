/** Sender certificates found valid before: a peer sends the same one with every message of a day. */

import type { PublicKey, SenderCertificate } from "@signalapp/libsignal-client";

/** Certificates remembered; beyond that the first remembered goes. */
const MAX_KNOWN = 1_000;

/** Remembers the exact bytes of valid certificates until they expire. */
export class KnownCertificates {
  readonly #expiryMs = new Map<string, number>();

  /**
   * Whether a certificate is valid now under one of the roots. What was not seen before, byte for byte and under the
   * same roots, is validated by the library; a certificate is never valid beyond its own end.
   */
  isValid(certificate: SenderCertificate, roots: readonly PublicKey[], nowMs: number): boolean {
    const name = [certificate, ...roots].map((part) => Buffer.from(part.serialize()).toString("latin1")).join("\n");
    const expiryMs = this.#expiryMs.get(name);
    if (expiryMs !== undefined) return nowMs <= expiryMs;
    if (!certificate.validateWithTrustRoots([...roots], nowMs)) return false;
    const [first] = this.#expiryMs.keys();
    if (this.#expiryMs.size >= MAX_KNOWN && first !== undefined) this.#expiryMs.delete(first);
    this.#expiryMs.set(name, certificate.expiration());
    return true;
  }
}
