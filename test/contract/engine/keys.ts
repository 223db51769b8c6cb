import { createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { describe, expect, test } from "vitest";
import { EngineRefusal } from "../../../sdk/core/ports.js";
import type { Fixture } from "./fixture.js";
import { isSignedBy } from "./oracle.js";
import { NOW_MS } from "./party.js";
import { flip } from "./tampering.js";

/** What the engine generates, and its signatures. */
export function describeKeys(fixture: Fixture): void {
  describe("generated keys", () => {
    test("are of the stated sizes and types, and never the same twice", () => {
      const { engine } = fixture();
      const [one, other] = [engine.generateIdentity(), engine.generateIdentity()];
      expect([one.publicKey.length, one.publicKey[0], one.privateKey.length]).toEqual([33, 5, 32]);
      expect(one.privateKey).not.toEqual(other.privateKey);
      const curve = engine.generateCurvePrekeys([7, 8, 0xff_ffff]);
      expect(curve.map(({ id, key }) => [id, key.length, key[0]])).toEqual([
        [7, 33, 5],
        [8, 33, 5],
        [0xff_ffff, 33, 5],
      ]);
      const kyber = engine.generateKyberPrekeys(one, [1, 2], NOW_MS);
      expect(kyber.map(({ id, key, signature }) => [id, key.length, key[0], signature.length])).toEqual([
        [1, 1569, 8, 64],
        [2, 1569, 8, 64],
      ]);
      expect(kyber[0]?.key).not.toEqual(kyber[1]?.key);
    });

    test("are signed by the identity, and by nobody else", () => {
      const { engine } = fixture();
      const [identity, stranger] = [engine.generateIdentity(), engine.generateIdentity()];
      const signed = engine.generateSignedPrekey(identity, 3, NOW_MS);
      expect(signed.id).toBe(3);
      const message = new TextEncoder().encode("anything");
      const signatures = [
        signed,
        ...engine.generateKyberPrekeys(identity, [4], NOW_MS),
        { key: message, signature: engine.sign(identity, message) },
      ];
      for (const { key, signature } of signatures) {
        expect(isSignedBy(identity.publicKey, key, signature)).toBe(true);
        expect(isSignedBy(stranger.publicKey, key, signature)).toBe(false);
      }
    });

    test("come with registration ids from 1 to 16383", () => {
      const { engine } = fixture();
      const ids = Array.from({ length: 500 }, () => engine.generateRegistrationId());
      expect(ids.every((id) => Number.isInteger(id) && id >= 1 && id <= 0x3fff)).toBe(true);
      expect(new Set(ids).size).toBeGreaterThan(400);
    });
  });

  describe("a signature", () => {
    test("verifies for its key and its message, and for nothing else", () => {
      const { engine } = fixture();
      const [identity, stranger] = [engine.generateIdentity(), engine.generateIdentity()];
      const message = new TextEncoder().encode("an entry");
      const signature = engine.sign(identity, message);
      expect(engine.verify(identity.publicKey, message, signature)).toBe(true);
      expect(engine.verify(stranger.publicKey, message, signature)).toBe(false);
      expect(engine.verify(identity.publicKey, new TextEncoder().encode("an entrY"), signature)).toBe(false);
      for (let bit = 0; bit < signature.length * 8; bit++) {
        expect(engine.verify(identity.publicKey, message, flip(signature, bit))).toBe(false);
      }
    });

    test("of anything malformed is false, never an exception", () => {
      const { engine } = fixture();
      const { publicKey, ...identity } = engine.generateIdentity();
      const message = new Uint8Array(3);
      const signature = engine.sign({ publicKey, ...identity }, message);
      const others: readonly (readonly [Uint8Array, Uint8Array])[] = [
        [new Uint8Array(0), signature],
        [new Uint8Array(33), signature],
        [publicKey.slice(1), signature],
        [publicKey, new Uint8Array(0)],
        [publicKey, signature.slice(1)],
        [publicKey, Uint8Array.of(...signature, 0)],
        [publicKey, new Uint8Array(64)],
      ];
      for (const [key, signed] of others) expect(engine.verify(key, message, signed)).toBe(false);
    });
  });

  describe("the public half of a private key", () => {
    test("is that of the pair, also of 32 derived bytes", () => {
      const { engine } = fixture();
      const { publicKey, privateKey } = engine.generateIdentity();
      expect(engine.publicKeyOf(privateKey)).toEqual(publicKey);
      const derived = new Uint8Array(32).fill(0xff);
      expect(engine.agree(privateKey, engine.publicKeyOf(derived))).toEqual(engine.agree(derived, publicKey));
    });

    test("does not exist of other bytes", () => {
      const { engine } = fixture();
      for (const size of [0, 31, 33]) {
        expect(() => engine.publicKeyOf(new Uint8Array(size))).toThrow(new EngineRefusal("malformed"));
      }
    });
  });

  describe("agreement", () => {
    test("is X25519: both sides and Node's own crypto come to the same 32 bytes, a third pair does not", () => {
      const { engine } = fixture();
      const [one, other, third] = [engine.generateIdentity(), engine.generateIdentity(), engine.generateIdentity()];
      const shared = engine.agree(one.privateKey, other.publicKey);
      expect(shared).toHaveLength(32);
      expect(engine.agree(other.privateKey, one.publicKey)).toEqual(shared);
      expect(engine.agree(third.privateKey, one.publicKey)).not.toEqual(shared);
      expect(new Uint8Array(agreedByNode(one.privateKey, other.publicKey))).toEqual(new Uint8Array(shared));
    });

    test("refuses what is no key, and a public key with which everybody agrees on zeros", () => {
      const { engine } = fixture();
      const { privateKey, publicKey } = engine.generateIdentity();
      const refusals: readonly (readonly [Uint8Array, Uint8Array])[] = [
        [privateKey, new Uint8Array(0)],
        [privateKey, publicKey.slice(1)],
        [privateKey, Uint8Array.of(9, ...publicKey.slice(1))],
        [privateKey.slice(1), publicKey],
        [privateKey, Uint8Array.of(5, ...new Uint8Array(32))],
        [privateKey, Uint8Array.of(5, 1, ...new Uint8Array(31))],
      ];
      for (const [mine, theirs] of refusals) {
        expect(() => engine.agree(mine, theirs)).toThrow(new EngineRefusal("malformed"));
      }
    });
  });
}

/** The second opinion: OpenSSL, with the raw keys in their DER frames (RFC 8410). */
function agreedByNode(privateKey: Uint8Array, publicKey: Uint8Array): Buffer {
  const der = (prefix: string, key: Uint8Array) => Buffer.concat([Buffer.from(prefix, "hex"), key]);
  return diffieHellman({
    privateKey: createPrivateKey({
      key: der("302e020100300506032b656e04220420", privateKey),
      format: "der",
      type: "pkcs8",
    }),
    publicKey: createPublicKey({
      key: der("302a300506032b656e032100", publicKey.slice(1)),
      format: "der",
      type: "spki",
    }),
  });
}
