import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EngineRefusal, type Unsealed } from "../../../sdk/core/ports.js";
import { type Fixture, type People, refusal } from "./fixture.js";
import { aloneWithKey, copyOf, readsOf, Speaker, unsealed } from "./group-talk.js";
import { otherChain } from "./oracle.js";
import { flip } from "./tampering.js";

const MUTANTS = 2_000;
/** What a stored record may have at most: the SDK's row has this room. */
const MAX_RECORD_BYTES = 262_144;

/** Making keys, handing them over and taking them. */
export function describeSenderKeys(fixture: Fixture): void {
  describe("a sender key", () => {
    test("is made once for a distribution, and handed out as it is", async () => {
      const { engine, alice, bob, speaker } = await aloneWithKey(fixture);
      const { message, changes } = await engine.distributeSenderKey(alice, speaker.distribution);
      expect(changes).toMatchObject([{ kind: "senderKey", address: alice.address }]);
      alice.apply(changes);
      const again = await engine.distributeSenderKey(alice, speaker.distribution);
      expect([again.message, again.changes]).toEqual([message, []]);
      await speaker.say([bob], "one");
      expect((await engine.distributeSenderKey(alice, speaker.distribution)).message).not.toEqual(message);
    });

    test("that was handed over late opens nothing from before, which is no duplicate, and everything after", async () => {
      const { bob, carol, speaker } = await aloneWithKey(fixture);
      await speaker.handTo(bob);
      const early = await speaker.say([bob, carol], "before");
      await speaker.handTo(carol);
      const late = await speaker.say([bob, carol], "after");
      const before = carol.snapshot();
      expect(await refusal(carol.open(copyOf(early, carol)))).toBe("noSenderKey");
      expect(carol.snapshot()).toEqual(before);
      expect(await carol.receive(copyOf(late, carol))).toBe("after");
      expect(await refusal(carol.open(copyOf(early, carol)))).toBe("noSenderKey");
      expect([await bob.receive(copyOf(early, bob)), await bob.receive(copyOf(late, bob))]).toEqual([
        "before",
        "after",
      ]);
    });

    test("that comes again changes nothing: what was opened stays opened, what was not still opens", async () => {
      const { bob, speaker } = await aloneWithKey(fixture);
      const first = await speaker.distribute();
      bob.apply(await speaker.taken(bob, first));
      const [one, two, three] = [
        await speaker.sayTo(bob, "one"),
        await speaker.sayTo(bob, "two"),
        await speaker.sayTo(bob, "three"),
      ];
      await bob.receive(three);
      await bob.receive(one);
      for (const message of [first, await speaker.distribute()]) expect(await speaker.taken(bob, message)).toEqual([]);
      expect(await refusal(bob.open(one))).toBe("duplicate");
      expect(await refusal(bob.open(three))).toBe("duplicate");
      expect(await bob.receive(two)).toBe("two");
    });

    test.each(["same id", "another id"] as const)(
      "is never replaced by another chain under its distribution: %s",
      async (chain) => {
        const { bob, speaker } = await aloneWithKey(fixture);
        const message = await speaker.distribute();
        bob.apply(await speaker.taken(bob, message));
        expect(await refusal(speaker.taken(bob, otherChain(message, chain)))).toBe("malformed");
        expect(await bob.receive(await speaker.sayTo(bob, "hi"))).toBe("hi");
      },
    );

    test("is taken for the named distribution only, and for no id of another size", async () => {
      const { engine, alice, bob, speaker } = await aloneWithKey(fixture);
      const message = await speaker.distribute();
      for (const distribution of [new Speaker(engine, alice).distribution, new Uint8Array(15), new Uint8Array(17)]) {
        const taking = engine.takeSenderKey(bob, alice.address, { distribution, message });
        expect(await refusal(taking)).toBe("malformed");
      }
      expect(await refusal(engine.distributeSenderKey(alice, new Uint8Array(15)))).toBe("malformed");
    });

    test("of our own is not taken from anybody", async () => {
      const { engine, alice, bob, speaker } = await aloneWithKey(fixture);
      const message = await speaker.distribute();
      const own = { distribution: speaker.distribution, message };
      expect(await refusal(engine.takeSenderKey(alice, alice.address, own))).toBe("malformed");
      expect(await refusal(engine.takeSenderKey(bob, bob.address, own))).toBe("malformed");
    });

    test("stays of bounded size, whatever was skipped", async () => {
      const { bob, speaker } = await aloneWithKey(fixture);
      await speaker.handTo(bob);
      let last = new Uint8Array();
      for (let count = 0; count < 2_200; count++) last = new Uint8Array(await speaker.sayTo(bob, "skipped"));
      const { changes } = await bob.open(last);
      const sizes = changes.map((change) => (change.kind === "senderKey" ? change.record.length : 0));
      expect(Math.max(...sizes)).toBeLessThan(MAX_RECORD_BYTES);
    }, 120_000);

    test("of a new distribution shuts out who only had the former one", async () => {
      const { engine, alice, bob, carol, speaker } = await aloneWithKey(fixture);
      await speaker.handTo(bob, carol);
      const renewed = new Speaker(engine, alice);
      await renewed.handTo(bob);
      const message = await renewed.say([bob, carol], "carol was removed");
      expect(await refusal(carol.open(copyOf(message, carol)))).toBe("noSenderKey");
      expect(await bob.receive(copyOf(message, bob))).toBe("carol was removed");
      expect(renewed.distribution).not.toEqual(speaker.distribution);
    });
  });

  describe("a distribution message", () => {
    test("of any other bytes is refused, or what it is good for is; nothing but refusals leaves the engine", async () => {
      const people = await aloneWithKey(fixture);
      const { bob, speaker } = people;
      const message = await speaker.distribute();
      const sealed = await speaker.sayTo(bob, "the true message");
      const opened = await unsealed(people, bob, sealed);
      const before = bob.snapshot();
      const outcomes = new Map<string, number>();
      const mutant = fc.oneof(
        fc.nat(message.length * 8 - 1).map((bit) => flip(message, bit)),
        fc.nat(message.length - 1).map((length) => message.slice(0, length)),
        fc
          .tuple(fc.nat(message.length), fc.uint8Array({ minLength: 1, maxLength: 8 }))
          .map(([at, bytes]) => Uint8Array.of(...message.slice(0, at), ...bytes, ...message.slice(at))),
        fc.uint8Array({ maxLength: 200 }),
      );
      await fc.assert(
        fc.asyncProperty(mutant, async (bytes) => {
          const outcome = await tryKey(people, { bytes, opened });
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }),
        { numRuns: MUTANTS },
      );
      expect(bob.snapshot()).toEqual(before);
      expect(outcomes.get("malformed")).toBeGreaterThan(MUTANTS / 2);
      bob.apply(await speaker.taken(bob, message));
      expect(await bob.receive(sealed)).toBe("the true message");
    });
  });
}

/**
 * Takes what may be a key and opens a true message with it, committing nothing. An exception that is no refusal fails the test.
 *
 * One that differs in its chain key alone may open the message, one time in 256, as something else: what is signed is the
 * ciphertext, and only its sender, through a session, could have handed out such a key.
 */
async function tryKey(
  { engine, bob, speaker }: People & { readonly speaker: Speaker },
  { bytes, opened }: { readonly bytes: Uint8Array; readonly opened: Unsealed },
): Promise<string> {
  try {
    const [change] = await speaker.taken(bob, bytes);
    if (change?.kind !== "senderKey") throw new Error("a key that was not held changes nothing");
    await engine.decrypt(readsOf(bob, { senderKey: async () => change.record }), opened);
    return "opened";
  } catch (error) {
    if (error instanceof EngineRefusal) return error.reason;
    throw error;
  }
}
