import { generateKeyPairSync, sign } from "node:crypto";
import { KEMKeyPair, PrivateKey, PublicKey, SenderCertificate } from "@signalapp/libsignal-client";
import { accessTag, accountIdFromBytes, parseAccountId, parseDeviceId } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { certify, newKeyPair, ownBytes } from "../../../server/keys/certificates.js";
import { createSignatures } from "../../../server/keys/signatures.js";

const root = newKeyPair();
const certificate = newKeyPair();
const signatures = createSignatures({
  root: root.publicKey,
  serverCertificate: certify(root.privateKey, certificate.publicKey),
  certificateKey: certificate.privateKey,
  secret: new Uint8Array(32).fill(7),
});
const NOW = Date.parse("2026-06-01T12:00:00Z");
const account = parseAccountId("9d0652a3-dcc3-4d11-975f-74d61598733f");
const message = new TextEncoder().encode("a message");

/** Every single-bit change of some bytes, as an arbitrary. */
const flipped = (bytes: Uint8Array) =>
  fc.integer({ min: 0, max: bytes.length * 8 - 1 }).map((bit) => {
    const copy = Uint8Array.from(bytes);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return copy;
  });

describe("sender certificates", () => {
  const identity = newKeyPair();
  const issued = signatures.issueCertificate({
    account,
    device: parseDeviceId(3),
    identityKey: identity.publicKey,
    role: "person",
    expiresMs: NOW + 1_000,
  });
  const parsed = SenderCertificate.deserialize(ownBytes(issued));

  it("name the account, the device and its identity key", () => {
    expect(parsed.senderUuid()).toBe(account);
    expect(parsed.senderDeviceId()).toBe(3);
    expect(parsed.senderE164()).toBeNull();
    expect([...parsed.key().serialize()]).toEqual([...identity.publicKey]);
  });

  it("say of a bot that it is one, where a phone number could stand", () => {
    const of = { account, device: parseDeviceId(3), identityKey: identity.publicKey, expiresMs: NOW + 1_000 };
    const bots = signatures.issueCertificate({ ...of, role: "bot" });
    expect(SenderCertificate.deserialize(ownBytes(bots)).senderE164()).toBe("bot");
  });

  it("validate under the root until they expire, and under no other root", () => {
    const trusted = PublicKey.deserialize(ownBytes(root.publicKey));
    expect(parsed.validate(trusted, NOW)).toBe(true);
    expect(parsed.validate(trusted, NOW + 2_000)).toBe(false);
    expect(parsed.validate(PublicKey.deserialize(ownBytes(newKeyPair().publicKey)), NOW)).toBe(false);
  });
});

describe("access tags", () => {
  const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const accounts = bytesOf(16).map(accountIdFromBytes);

  it("are the protocol's for their message, account and hash, wherever they stand, one after the other", () => {
    fc.assert(
      fc.property(bytesOf(16), accounts, bytesOf(32), fc.nat(40), (messageId, of, hash, offset) => {
        const tags = new Uint8Array(offset + 8);
        tags.set(accessTag(messageId, of, hash), offset);
        expect(signatures.isAccessTag({ messageId, account: of, hash }, tags, offset)).toBe(true);
        expect(signatures.isAccessTag({ messageId, account: of, hash }, tags.subarray(1), offset)).toBe(false);
      }),
    );
  });

  it("are refused with any bit changed, cut off, or for anything else", () => {
    const messageId = new Uint8Array(16).fill(1);
    const hash = new Uint8Array(32).fill(2);
    const tag = accessTag(messageId, account, hash);
    fc.assert(fc.property(flipped(tag), (wrong) => !signatures.isAccessTag({ messageId, account, hash }, wrong, 0)));
    fc.assert(
      fc.property(flipped(hash), (other) => !signatures.isAccessTag({ messageId, account, hash: other }, tag, 0)),
    );
    const of = { messageId, account, hash };
    expect(signatures.isAccessTag(of, tag.subarray(0, 7), 0)).toBe(false);
    expect(signatures.isAccessTag(of, tag, 1)).toBe(false);
    expect(signatures.isAccessTag({ ...of, messageId: new Uint8Array(16) }, tag, 0)).toBe(false);
    expect(signatures.isAccessTag({ ...of, messageId: new Uint8Array(15) }, tag, 0)).toBe(false);
    const other = parseAccountId("9d0652a3-dcc3-4d11-975f-74d61598733e");
    expect(signatures.isAccessTag({ ...of, account: other }, tag, 0)).toBe(false);
    expect(signatures.isAccessTag(of, tag, 0)).toBe(true);
  });
});

describe("identity signatures", () => {
  const key = PrivateKey.generate();
  const publicKey = key.getPublicKey().serialize();
  const signature = key.sign(message);

  it("are accepted by the key that made them, and by no other key or message", () => {
    expect(signatures.verifyIdentity(publicKey, message, signature)).toBe(true);
    expect(signatures.verifyIdentity(newKeyPair().publicKey, message, signature)).toBe(false);
    expect(signatures.verifyIdentity(publicKey, message.subarray(1), signature)).toBe(false);
  });

  it("are refused with any bit changed", () => {
    fc.assert(fc.property(flipped(signature), (changed) => !signatures.verifyIdentity(publicKey, message, changed)));
  });

  it("answer false, not an error, for bytes that are no key or signature", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 80 }), (anyKey, anySignature) => {
        expect(signatures.verifyIdentity(anyKey, message, anySignature)).toBe(false);
        expect(signatures.verifyDevice(anyKey, message, anySignature)).toBe(false);
      }),
    );
  });
});

describe("device signatures", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = new Uint8Array(Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url"));
  const signature = new Uint8Array(sign(null, message, privateKey));

  it("are Ed25519 over the message", () => {
    expect(signatures.verifyDevice(raw, message, signature)).toBe(true);
    expect(signatures.verifyDevice(raw, message.subarray(1), signature)).toBe(false);
  });

  it("are refused with any bit changed", () => {
    fc.assert(fc.property(flipped(signature), (changed) => !signatures.verifyDevice(raw, message, changed)));
  });
});

describe("public keys", () => {
  const curve = newKeyPair().publicKey;
  const kyber = KEMKeyPair.generate().getPublicKey().serialize();

  it("are told apart by type and length", () => {
    expect([signatures.isCurveKey(curve), signatures.isKyberKey(curve)]).toEqual([true, false]);
    expect([signatures.isCurveKey(kyber), signatures.isKyberKey(kyber)]).toEqual([false, true]);
  });

  it("are refused with another type byte, cut short or prolonged", () => {
    for (const [key, accepts] of [
      [curve, signatures.isCurveKey],
      [kyber, signatures.isKyberKey],
    ] as const) {
      expect(accepts(Uint8Array.from([0x06, ...key.subarray(1)]))).toBe(false);
      expect(accepts(key.subarray(0, -1))).toBe(false);
      expect(accepts(Uint8Array.from([...key, 0]))).toBe(false);
    }
  });
});

describe("keyed hashes", () => {
  it("are stable under one secret, and differ by text, label and secret", () => {
    const other = createSignatures({
      root: root.publicKey,
      serverCertificate: certify(root.privateKey, certificate.publicKey),
      certificateKey: certificate.privateKey,
      secret: new Uint8Array(32).fill(8),
    });
    const hashes = [
      signatures.keyedHash("user", "alice"),
      signatures.keyedHash("user", "alicf"),
      signatures.keyedHash("token", "alice"),
      other.keyedHash("user", "alice"),
    ];
    expect(signatures.keyedHash("user", "alice")).toBe(hashes[0]);
    expect(new Set(hashes).size).toBe(4);
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });
});
