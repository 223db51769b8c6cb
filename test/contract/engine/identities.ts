import { describe, expect, test } from "vitest";
import { type Fixture, refusal } from "./fixture.js";
import { issueCertificate, reseal } from "./oracle.js";
import { NOW_MS, siblingOf } from "./party.js";

/** Who is trusted: an identity that changes stops the conversation until the shell replaces it. */
export function describeIdentities(fixture: Fixture): void {
  describe("a peer whose identity changed", () => {
    test("is refused in both directions until its identity is replaced", async () => {
      const { alice, bob, another } = await fixture.connected();
      const newBob = another({ name: "bob" });
      expect(await refusal(alice.startSession(newBob))).toBe("untrustedIdentity");
      await newBob.startSession(alice);
      const sealed = await newBob.send(alice, "I am new");
      expect(await refusal(alice.open(sealed))).toBe("untrustedIdentity");
      expect([...alice.identities.values()]).toEqual([bob.identity.publicKey]);

      alice.identities.set(newBob.address.account, newBob.identity.publicKey);
      expect(await alice.receive(sealed)).toBe("I am new");
      expect(await newBob.receive(await alice.send(newBob, "welcome back"))).toBe("welcome back");
    });

    test("gets nothing through the session of its old identity", async () => {
      const { engine, alice, bob } = await fixture.connected();
      alice.identities.set(bob.address.account, engine.generateIdentity().publicKey);
      expect(await refusal(alice.send(bob, "secret"))).toBe("untrustedIdentity");
    });

    test("shows in what unsealing says", async () => {
      const { engine, alice, root, another } = await fixture.connected();
      const newBob = another({ name: "bob" });
      await newBob.startSession(alice);
      const sealed = await newBob.send(alice, "I am new");
      const unsealed = await engine.unseal(alice, sealed, [root.publicKey], NOW_MS);
      expect(unsealed.sender).toEqual(newBob.address);
      expect(unsealed.senderIdentity).toEqual(newBob.identity.publicKey);
    });
  });

  describe("another device of our own account", () => {
    test("must hold our own identity, also at first contact and whatever its certificate says", async () => {
      const { root, bob, carol, another } = fixture();
      expect(await refusal(bob.startSession(another({ name: "bob", device: 3 })))).toBe("untrustedIdentity");
      await carol.startSession(bob);
      const certificate = issueCertificate(root, {
        sender: siblingOf(bob, 3),
        identityKey: carol.identity.publicKey,
        expiresMs: NOW_MS + 1,
      });
      const posing = { recipient: bob, sender: carol.identity, certificate };
      expect(await refusal(bob.open(await reseal(await carol.send(bob, "sync"), posing)))).toBe("untrustedIdentity");
    });

    test("needs no identity stored", async () => {
      const { bob, bobsPhone } = fixture();
      await bobsPhone.startSession(bob);
      const { text, changes } = await bob.open(await bobsPhone.send(bob, "sync"));
      expect(text).toBe("sync");
      expect(changes.map(({ kind }) => kind)).not.toContain("peerIdentity");
    });
  });

  describe("a bundle", () => {
    test.each(["signedPrekey", "kyberPrekey"] as const)("whose %s another identity signed is refused", async (name) => {
      const { engine, alice, bob, carol } = fixture();
      const bundle = bob.bundle();
      const forged = {
        ...bundle,
        [name]: { ...bundle[name], signature: engine.sign(carol.identity, bundle[name].key) },
      };
      expect(await refusal(engine.startSession(alice, bob.address, forged, NOW_MS))).toBe("badSignature");
    });

    test.each([
      ["an identity key", { identityKey: new Uint8Array(33) }],
      ["a curve key", { oneTimePrekey: { id: 1, key: new Uint8Array(33) } }],
      ["a short curve key", { oneTimePrekey: { id: 1, key: Uint8Array.of(5) } }],
      ["a Kyber key", { kyberPrekey: { id: 1, key: new Uint8Array(1569), signature: new Uint8Array(64) } }],
    ] as const)("that holds something else than %s is malformed", async (_what, part) => {
      const { engine, alice, bob } = fixture();
      const bundle = { ...bob.bundle(), ...part };
      expect(await refusal(engine.startSession(alice, bob.address, bundle, NOW_MS))).toBe("malformed");
    });
  });

  describe("a safety number", () => {
    test("is the same 60 digits on both sides, and scans", () => {
      const { engine, alice, bob } = fixture();
      const side = ({ address, identity }: typeof alice) => ({
        account: address.account,
        identityKey: identity.publicKey,
      });
      const mine = engine.safetyNumber(side(alice), side(bob));
      const theirs = engine.safetyNumber(side(bob), side(alice));
      expect(mine.digits).toMatch(/^\d{60}$/);
      expect(theirs.digits).toBe(mine.digits);
      expect(engine.compareScanned(mine.scannable, theirs.scannable)).toBe(true);
      expect(engine.compareScanned(theirs.scannable, mine.scannable)).toBe(true);
    });

    test("differs for another identity or another account, and for what is no safety number", () => {
      const { engine, alice, bob, carol } = fixture();
      const own = { account: alice.address.account, identityKey: alice.identity.publicKey };
      const peer = { account: bob.address.account, identityKey: bob.identity.publicKey };
      const mine = engine.safetyNumber(own, peer);
      const swapped = { ...peer, identityKey: carol.identity.publicKey };
      const renamed = { ...peer, account: carol.address.account };
      for (const other of [swapped, renamed]) {
        expect(engine.safetyNumber(own, other).digits).not.toBe(mine.digits);
        expect(engine.compareScanned(mine.scannable, engine.safetyNumber(other, own).scannable)).toBe(false);
      }
      for (const junk of [new Uint8Array(0), new Uint8Array(74), Uint8Array.of(1, 2, 3)]) {
        expect(engine.compareScanned(mine.scannable, junk)).toBe(false);
      }
    });
  });
}
