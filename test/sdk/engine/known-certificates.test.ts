import { PrivateKey, SenderCertificate, ServerCertificate } from "@signalapp/libsignal-client";
import { describe, expect, test } from "vitest";
import { KnownCertificates } from "../../../sdk/engine/libsignal/known-certificates.js";

const EXPIRES_MS = 1_000_000;
const account = "00112233-4455-6677-8899-aabbccddeeff";

function issue(root: PrivateKey): SenderCertificate {
  const key = PrivateKey.generate();
  const server = ServerCertificate.new(1, key.getPublicKey(), root);
  return SenderCertificate.new(account, null, 1, PrivateKey.generate().getPublicKey(), EXPIRES_MS, server, key);
}

describe("a certificate that was valid before", () => {
  const root = PrivateKey.generate();
  const roots = [root.getPublicKey()];

  test("is valid up to its last millisecond and not beyond", () => {
    const known = new KnownCertificates();
    const certificate = issue(root);
    expect(known.isValid(certificate, roots, EXPIRES_MS - 1)).toBe(true);
    expect(known.isValid(certificate, roots, EXPIRES_MS)).toBe(true);
    expect(known.isValid(certificate, roots, EXPIRES_MS + 1)).toBe(false);
  });

  test("is not valid under another root", () => {
    const known = new KnownCertificates();
    const certificate = issue(root);
    expect(known.isValid(certificate, roots, 1)).toBe(true);
    expect(known.isValid(certificate, [PrivateKey.generate().getPublicKey()], 1)).toBe(false);
  });

  test("lends nothing to another certificate, and one refused before stays refused", () => {
    const known = new KnownCertificates();
    const foreign = issue(PrivateKey.generate());
    expect(known.isValid(issue(root), roots, 1)).toBe(true);
    expect(known.isValid(foreign, roots, 1)).toBe(false);
    expect(known.isValid(foreign, roots, 1)).toBe(false);
  });
});
