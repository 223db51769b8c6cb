import { describe, expect, test } from "vitest";
import type { EngineChange } from "../../../sdk/core/ports.js";
import { type Fixture, refusal } from "./fixture.js";
import { NOW_MS } from "./party.js";

const DAY_MS = 86_400_000;
const kinds = (changes: readonly EngineChange[]): readonly string[] => changes.map(({ kind }) => kind).sort();

/** Starting, using, replacing and losing sessions. */
export function describeSessions(fixture: Fixture): void {
  describe("the first message", () => {
    test("opens, spends both one-time keys and names the sender's identity", async () => {
      const { alice, bob } = fixture();
      await alice.startSession(bob);
      const { text, kind, changes } = await bob.open(await alice.send(bob, "hi"));
      expect([text, kind]).toEqual(["hi", "prekey"]);
      expect(kinds(changes)).toEqual(["curvePrekeyUsed", "kyberPrekeyUsed", "peerIdentity", "session"]);
      expect(changes).toContainEqual({
        kind: "peerIdentity",
        account: alice.address.account,
        key: alice.identity.publicKey,
      });
    });

    test("opens under a last-resort key, which stays and remembers its use", async () => {
      const { alice, bob } = fixture();
      await alice.startSession(bob, { kyber: "lastResort", curve: "none" });
      const { text, changes } = await bob.open(await alice.send(bob, "hi"));
      expect(text).toBe("hi");
      expect(kinds(changes)).toEqual(["lastResortUsed", "peerIdentity", "session"]);
    });

    test("is followed by others of its kind until the peer answers", async () => {
      const { alice, bob } = fixture();
      await alice.startSession(bob);
      for (const text of ["one", "two", "three"]) {
        const { kind, changes } = await bob.open(await alice.send(bob, text));
        expect(kind).toBe("prekey");
        bob.apply(changes);
      }
      await alice.receive(await bob.send(alice, "answer"));
      expect((await bob.open(await alice.send(bob, "four"))).kind).toBe("signal");
    });

    test.each(["oneTime", "lastResort"] as const)(
      "is not opened twice even after its session was lost: %s key",
      async (kyber) => {
        const { alice, bob } = fixture();
        await alice.startSession(bob, { kyber, curve: "none" });
        const first = await alice.send(bob, "pay 5");
        await bob.receive(first);
        bob.forgetSession(alice);
        const before = bob.snapshot();
        expect(await refusal(bob.open(first))).toBe("noPrekey");
        expect(bob.snapshot()).toEqual(before);
      },
    );

    test("is refused as noPrekey when a key it names is gone", async () => {
      const { alice, bob } = fixture();
      await alice.startSession(bob);
      const first = await alice.send(bob, "hi");
      bob.forgetSignedPrekeys();
      expect(await refusal(bob.open(first))).toBe("noPrekey");
    });
  });

  describe("a session", () => {
    test("carries a long conversation, turn by turn and in bursts", async () => {
      const { alice, bob } = await fixture.connected();
      for (let turn = 0; turn < 12; turn++) {
        const [from, to] = turn % 2 === 0 ? [alice, bob] : [bob, alice];
        for (let index = 0; index <= turn % 4; index++) {
          expect(await to.receive(await from.send(to, `${turn}.${index}`))).toBe(`${turn}.${index}`);
        }
      }
    });

    test("opens what arrives out of order, each once", async () => {
      const { alice, bob } = await fixture.connected();
      const sent: Uint8Array[] = [];
      for (let index = 0; index < 10; index++) sent.push(await alice.send(bob, String(index)));
      for (const index of [7, 0, 9, 1, 8, 2, 3, 6, 5, 4]) {
        expect(await bob.receive(sent[index] as Uint8Array)).toBe(String(index));
      }
      for (const sealed of sent) expect(await refusal(bob.open(sealed))).toBe("duplicate");
    });

    test("tells a duplicate of the first message too", async () => {
      const { alice, bob } = fixture();
      await alice.startSession(bob);
      const first = await alice.send(bob, "hi");
      await bob.receive(first);
      expect(await refusal(bob.open(first))).toBe("duplicate");
    });

    test("stands alone for each device of an account", async () => {
      const { alice, bob, bobsPhone } = fixture();
      await alice.startSession(bob);
      await alice.startSession(bobsPhone);
      const [toDesk, toPhone] = [await alice.send(bob, "desk"), await alice.send(bobsPhone, "phone")];
      expect(await refusal(bobsPhone.open(toDesk))).toMatch(/invalidMessage|noPrekey/);
      expect(await bob.receive(toDesk)).toBe("desk");
      expect(await bobsPhone.receive(toPhone)).toBe("phone");
      expect(alice.identities.size).toBe(1);
    });

    test("comes about when both sides start at the same time", async () => {
      const { alice, bob } = fixture();
      await Promise.all([alice.startSession(bob), bob.startSession(alice)]);
      const [fromAlice, fromBob] = [await alice.send(bob, "a"), await bob.send(alice, "b")];
      expect(await bob.receive(fromAlice)).toBe("a");
      expect(await alice.receive(fromBob)).toBe("b");
      for (let round = 0; round < 6; round++) {
        expect(await bob.receive(await alice.send(bob, `a${round}`))).toBe(`a${round}`);
        expect(await alice.receive(await bob.send(alice, `b${round}`))).toBe(`b${round}`);
      }
    });

    test("is needed to send and to open", async () => {
      const { alice, bob } = await fixture.connected();
      const { carol } = fixture();
      expect(await refusal(carol.send(bob, "hi"))).toBe("noSession");
      const sealed = await alice.send(bob, "hi");
      bob.forgetSession(alice);
      expect(await refusal(bob.open(sealed))).toBe("noSession");
    });
  });

  describe("whether a session is usable", () => {
    test("is told by the peer's registration id, from the start on", async () => {
      const { engine, alice, bob } = fixture();
      expect(engine.usableSession(undefined, NOW_MS)).toBeUndefined();
      await alice.startSession(bob);
      expect(engine.usableSession(alice.sessionWith(bob), NOW_MS)).toBe(bob.registrationId);
    });

    test("ends when the peer never answered for more than 30 days", async () => {
      const { engine, alice, bob } = fixture();
      await alice.startSession(bob);
      expect(engine.usableSession(alice.sessionWith(bob), NOW_MS + 29 * DAY_MS)).toBe(bob.registrationId);
      expect(engine.usableSession(alice.sessionWith(bob), NOW_MS + 31 * DAY_MS)).toBeUndefined();
    });
  });

  describe("an archived session", () => {
    test("sends nothing more, and what was under way still opens beside a fresh one", async () => {
      const { engine, alice, bob } = await fixture.connected();
      const underWay = await bob.send(alice, "old mail");
      const archived = engine.archiveSession(alice.sessionWith(bob) ?? new Uint8Array());
      expect(engine.usableSession(archived, NOW_MS)).toBeUndefined();
      alice.apply([{ kind: "session", address: bob.address, record: archived }]);
      expect(await refusal(alice.send(bob, "no"))).toBe("noSession");
      await alice.startSession(bob);
      expect(await bob.receive(await alice.send(bob, "fresh"))).toBe("fresh");
      expect(await alice.receive(underWay)).toBe("old mail");
      expect(await alice.receive(await bob.send(alice, "on"))).toBe("on");
    });

    test("is one of a bounded number: the newest stay, the record does not grow", async () => {
      const { alice, bob } = fixture();
      const underWay: Uint8Array[] = [];
      const sizes: number[] = [];
      for (let start = 0; start < 20; start++) {
        await alice.startSession(bob);
        await bob.receive(await alice.send(bob, `start ${start}`));
        underWay.push(await bob.send(alice, `mail ${start}`));
        sizes.push(alice.sessionWith(bob)?.length ?? 0);
      }
      expect(Math.max(...sizes)).toBeLessThan(65_536);
      expect(sizes.at(-1)).toBe(sizes.at(-2));
      expect(await refusal(alice.open(underWay[0] as Uint8Array))).toBe("invalidMessage");
      for (const start of [19, 18, 17, 16]) {
        expect(await alice.receive(underWay[start] as Uint8Array)).toBe(`mail ${start}`);
      }
    });
  });
}
