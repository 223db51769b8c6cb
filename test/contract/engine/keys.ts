import { describe, expect, test } from "vitest";
import type { Fixture } from "./fixture.js";
import { isSignedBy } from "./oracle.js";
import { NOW_MS } from "./party.js";

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
}
