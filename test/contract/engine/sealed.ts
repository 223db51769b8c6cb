import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EngineRefusal } from "../../../sdk/core/ports.js";
import { type Fixture, type People, refusal } from "./fixture.js";
import { issueCertificate, newRoot, reseal } from "./oracle.js";
import { NOW_MS, Party } from "./party.js";
import { flip, TRIES, tampered } from "./tampering.js";

const DAY_MS = 86_400_000;
/** A message of each kind from alice to bob, not yet opened. */
async function waiting(fixture: Fixture, kind: "prekey" | "signal"): Promise<People & { sealed: Uint8Array }> {
  const people = kind === "signal" ? await fixture.connected() : fixture();
  if (kind === "prekey") await people.alice.startSession(people.bob);
  return { ...people, sealed: await people.alice.send(people.bob, "the true message") };
}

/** The outer layer, its certificate, and everything that was tampered with. */
export function describeSealed(fixture: Fixture): void {
  describe("the sender certificate", () => {
    test.each([
      ["is under another root", (people: People) => ({ roots: [newRoot().publicKey], nowMs: NOW_MS, ...people })],
      ["is under no root at all", (people: People) => ({ roots: [], nowMs: NOW_MS, ...people })],
      ["has expired", (people: People) => ({ roots: [people.root.publicKey], nowMs: NOW_MS + DAY_MS + 1, ...people })],
    ])("is refused when it %s", async (_case, given) => {
      const people = await waiting(fixture, "prekey");
      const { roots, nowMs } = given(people);
      expect(await refusal(people.engine.unseal(people.bob, people.sealed, roots, nowMs))).toBe("invalidSealed");
      expect(await people.bob.receive(people.sealed)).toBe("the true message");
    });

    test("is refused when the sender signed it itself", async () => {
      const { alice, bob, sealed } = await waiting(fixture, "prekey");
      const statement = { sender: alice.address, identityKey: alice.identity.publicKey, expiresMs: NOW_MS + DAY_MS };
      const certificate = issueCertificate(newRoot(), statement);
      const forged = await reseal(sealed, { recipient: bob, sender: alice.identity, certificate });
      expect(await refusal(bob.open(forged))).toBe("invalidSealed");
    });

    test("is good under any of several pinned roots, up to its last millisecond", async () => {
      const { engine, root, alice, bob, sealed } = await waiting(fixture, "prekey");
      const roots = [newRoot().publicKey, root.publicKey];
      const unsealed = await engine.unseal(bob, sealed, roots, NOW_MS + DAY_MS);
      expect(unsealed).toMatchObject({ sender: alice.address, kind: "prekey" });
      expect(unsealed.senderIdentity).toEqual(alice.identity.publicKey);
    });

    test("must belong to who sealed: nobody wraps another's certificate", async () => {
      const { alice, bob, carol, sealed } = await waiting(fixture, "signal");
      const certificate = alice.certificate();
      const stolen = await reseal(sealed, { recipient: bob, sender: carol.identity, certificate });
      expect(await refusal(bob.open(stolen))).toBe("invalidSealed");
    });

    test.each(["prekey", "signal"] as const)("must name the identity that the %s message uses", async (kind) => {
      const { root, alice, bob, carol, sealed } = await waiting(fixture, kind);
      const statement = { sender: alice.address, identityKey: carol.identity.publicKey, expiresMs: NOW_MS + DAY_MS };
      const certificate = issueCertificate(root, statement);
      const mixed = await reseal(sealed, { recipient: bob, sender: carol.identity, certificate });
      expect(await refusal(bob.open(mixed))).toBe("invalidMessage");
      expect(await bob.receive(sealed)).toBe("the true message");
    });

    test.each([
      [undefined, "person"],
      ["bot", "bot"],
      ["+4915112345678", "bot"],
      ["", "bot"],
    ])("that says %j is a %s's, whatever its sender would like", async (label, role) => {
      const { engine, root, alice, bob, sealed } = await waiting(fixture, "signal");
      const statement = { sender: alice.address, identityKey: alice.identity.publicKey, expiresMs: NOW_MS + DAY_MS };
      const certificate = issueCertificate(root, label === undefined ? statement : { ...statement, label });
      const labelled = await reseal(sealed, { recipient: bob, sender: alice.identity, certificate });
      expect((await engine.unseal(bob, labelled, [root.publicKey], NOW_MS)).role).toBe(role);
    });

    test("cannot lend a message to somebody else", async () => {
      const { bob, carol, sealed } = await waiting(fixture, "signal");
      const certificate = carol.certificate();
      const claimed = await reseal(sealed, { recipient: bob, sender: carol.identity, certificate });
      expect(await refusal(bob.open(claimed))).toBe("noSession");
    });
  });

  describe("an envelope", () => {
    test("from this very device is a self-send; from our other device it is not", async () => {
      const { engine, root, bob, bobsPhone } = fixture();
      const twin = new Party(engine, { name: "bob", root, identity: bob.identity });
      await twin.startSession(bob);
      expect(await refusal(bob.open(await twin.send(bob, "me")))).toBe("selfSend");
      await bobsPhone.startSession(bob);
      expect(await bob.receive(await bobsPhone.send(bob, "sync"))).toBe("sync");
    });

    test("does not open for another recipient", async () => {
      const { carol, sealed } = await waiting(fixture, "prekey");
      expect(await refusal(carol.open(sealed))).toBe("invalidSealed");
    });

    test.each(["prekey", "signal"] as const)(
      "changed by one bit never says anything else, changes nothing, and the true one still opens: %s",
      async (kind) => {
        const { bob, sealed } = await waiting(fixture, kind);
        const tried = await tampered(bob, async (bit) => flip(sealed, bit), sealed.length * 8);
        expect(tried.refused.get("invalidSealed")).toBe(TRIES - tried.opened);
        expect(tried.opened).toBeLessThan(TRIES / 20);
        expect(await bob.receive(sealed)).toBe("the true message");
      },
    );

    test.each(["prekey", "signal"] as const)(
      "whose inside was changed by one bit never says anything else, changes nothing, and the true one still opens: %s",
      async (kind) => {
        const { alice, bob, sealed } = await waiting(fixture, kind);
        const as = { recipient: bob, sender: alice.identity, certificate: alice.certificate() };
        const resealed = (bit: number) => reseal(sealed, { ...as, contents: (bytes) => flip(bytes, bit) });
        const tried = await tampered(bob, resealed, 24_000);
        expect([...tried.refused.keys()].sort()).not.toContain("duplicate");
        expect(tried.opened).toBeLessThan(TRIES / 10);
        expect(await bob.receive(sealed)).toBe("the true message");
      },
    );

    test("of any other bytes is refused", async () => {
      const { bob, sealed } = await waiting(fixture, "prekey");
      const truncated = fc.nat(sealed.length - 1).map((length) => sealed.slice(0, length));
      await fc.assert(
        fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 400 }), truncated), async (bytes) => {
          expect(await refusal(bob.open(bytes))).toBe("invalidSealed");
        }),
        { numRuns: TRIES },
      );
      expect(await bob.receive(sealed)).toBe("the true message");
    });
  });

  describe("decrypting", () => {
    test("takes only what unsealing returned", async () => {
      const { engine, root, bob, sealed } = await waiting(fixture, "prekey");
      const unsealed = await engine.unseal(bob, sealed, [root.publicKey], NOW_MS);
      const { sender, senderIdentity, role, kind } = unsealed;
      const forged = { sender, senderIdentity, role, kind, inner: { ...Object(unsealed.inner) } };
      expect(await refusal(engine.decrypt(bob, forged))).toBe("malformed");
    });

    test("passes on what the records throw, so that a failing disk is not taken for a bad message", async () => {
      const { engine, root, bob, sealed } = await waiting(fixture, "prekey");
      const unsealed = await engine.unseal(bob, sealed, [root.publicKey], NOW_MS);
      const broken = new Error("the disk is gone");
      for (const method of ["session", "peerIdentity", "signedPrekey", "kyberPrekey", "curvePrekey"] as const) {
        const records = Object.create(bob, {
          [method]: { value: () => Promise.reject(broken) },
          own: { value: () => bob.own() },
        });
        for (const read of ["session", "peerIdentity", "signedPrekey", "kyberPrekey", "curvePrekey"] as const) {
          if (read !== method) Object.defineProperty(records, read, { value: bob[read].bind(bob) });
        }
        await expect(engine.decrypt(records, unsealed)).rejects.toBe(broken);
      }
      expect(await bob.receive(sealed)).toBe("the true message");
    });

    test("refuses without naming anybody", async () => {
      const { alice, bob, sealed } = await waiting(fixture, "signal");
      bob.forgetSession(alice);
      const error = await bob.open(sealed).catch((refused: unknown) => refused);
      expect(error).toBeInstanceOf(EngineRefusal);
      const said = `${String(error)} ${error instanceof Error ? `${error.stack} ${String(error.cause)}` : ""}`;
      expect(said).not.toContain(alice.address.account);
      expect(said).not.toContain(bob.address.account);
    });
  });
}
