import { describe, expect, test } from "vitest";
import { type Fixture, refusal } from "./fixture.js";
import { aloneWithKey, copyOf, meet, readsOf, Speaker, spoken, unsealed } from "./group-talk.js";
import { issueCertificate, reseal, resigned } from "./oracle.js";
import { NOW_MS } from "./party.js";
import { flip, TRIES, tampered } from "./tampering.js";

/** What nobody opens or forges, whatever keys it holds. */
export function describeSenderKeyMessages(fixture: Fixture): void {
  describe("a message under a sender key", () => {
    test("does not open for a stranger to the key, also if it was sealed to it", async () => {
      const { bob, carol, speaker } = await aloneWithKey(fixture);
      await speaker.handTo(bob);
      const message = await speaker.say([bob, carol], "hi");
      const before = carol.snapshot();
      expect(await refusal(carol.open(copyOf(message, carol)))).toBe("noSenderKey");
      expect(carol.snapshot()).toEqual(before);
    });

    test("cannot be passed on as one's own by another member", async () => {
      const { engine, bob, carol, message } = await spoken(fixture);
      const posing = { recipient: bob, sender: carol.identity, certificate: carol.certificate() };
      const own = new Speaker(engine, carol);
      await meet(carol, [bob]);
      await own.handTo(bob);
      expect(await refusal(bob.open(await reseal(copyOf(message, bob), posing)))).toBe("noSenderKey");
    });

    test("cannot be put into another's mouth by a member that holds its key", async () => {
      const { alice, bob, carol, message } = await spoken(fixture);
      const stolen = { recipient: bob, sender: carol.identity, certificate: alice.certificate(), contents: resigned };
      expect(await refusal(bob.open(await reseal(copyOf(message, bob), stolen)))).toBe("invalidSealed");
      const before = bob.snapshot();
      const forged = { recipient: bob, sender: alice.identity, certificate: alice.certificate(), contents: resigned };
      expect(await refusal(bob.open(await reseal(copyOf(message, bob), forged)))).toBe("invalidMessage");
      expect(bob.snapshot()).toEqual(before);
      expect(await bob.receive(copyOf(message, bob))).toBe("the true message");
    });

    test("must come from the identity that is held: it vouches for no other, which only a session does", async () => {
      const { root, alice, bob, carol, message } = await spoken(fixture);
      bob.identities.set(alice.address.account, alice.identity.publicKey);
      const statement = { sender: alice.address, identityKey: carol.identity.publicKey, expiresMs: NOW_MS + 1 };
      const certificate = issueCertificate(root, statement);
      const posing = { recipient: bob, sender: carol.identity, certificate };
      expect(await refusal(bob.open(await reseal(copyOf(message, bob), posing)))).toBe("noSenderKey");
      expect(await bob.receive(copyOf(message, bob))).toBe("the true message");
    });

    test("needs a valid certificate like any other", async () => {
      const { engine, root, bob, message } = await spoken(fixture);
      const late = engine.unseal(bob, copyOf(message, bob), [root.publicKey], NOW_MS + 2 * 86_400_000);
      expect(await refusal(late)).toBe("invalidSealed");
    });

    test("changed by one bit opens nowhere, changes nothing, and the true one still opens", async () => {
      const { bob, message } = await spoken(fixture);
      const sealed = copyOf(message, bob);
      const tried = await tampered(bob, async (bit) => flip(sealed, bit), sealed.length * 8);
      expect(tried.refused.get("invalidSealed")).toBe(TRIES - tried.opened);
      expect(tried.opened).toBeLessThan(TRIES / 20);
      expect(await bob.receive(sealed)).toBe("the true message");
    });

    test("whose inside was changed by one bit opens nowhere, changes nothing, and the true one still opens", async () => {
      const { alice, bob, message } = await spoken(fixture);
      const sealed = copyOf(message, bob);
      const as = { recipient: bob, sender: alice.identity, certificate: alice.certificate() };
      const resealed = (bit: number) => reseal(sealed, { ...as, contents: (bytes) => flip(bytes, bit) });
      const tried = await tampered(bob, resealed, 8_000);
      expect([...tried.refused.keys()].sort()).not.toContain("duplicate");
      expect(tried.opened).toBe(0);
      expect(await bob.receive(sealed)).toBe("the true message");
    });

    test("passes on what the records throw, and takes only what unsealing returned", async () => {
      const people = await spoken(fixture);
      const { engine, bob, message } = people;
      const opened = await unsealed(people, bob, copyOf(message, bob));
      const broken = new Error("the disk is gone");
      for (const method of ["senderKey", "peerIdentity"] as const) {
        await expect(engine.decrypt(readsOf(bob, { [method]: () => Promise.reject(broken) }), opened)).rejects.toBe(
          broken,
        );
      }
      expect(await refusal(engine.decrypt(bob, { ...opened, inner: { ...Object(opened.inner) } }))).toBe("malformed");
      expect(await bob.receive(copyOf(message, bob))).toBe("the true message");
    });

    test("alone names a distribution and a group: what goes through a session names none", async () => {
      const people = await fixture.connected();
      const { alice, bob } = people;
      const opened = await unsealed(people, bob, await alice.send(bob, "aside"));
      expect([opened.kind, opened.distribution, opened.group]).toEqual(["signal", undefined, undefined]);
    });
  });
}
