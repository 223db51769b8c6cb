/** Attacks 14 and 20 on real clients: a relay that drops or garbles stamps and commitments, and the checks by which that comes out. */

import { decodeDeskAnswer, encodeDeskAnswer } from "@sotto/protocol";
import type { Client, DirectConversation } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../../../support/group-people.js";
import { befriend, itemsUntil, textsOf, World } from "../../../support/world.js";
import { Between, delivering, garbled, partsOf } from "./between.js";

let world: World;
let relay: Between;
let alice: Client;
let toAlice: DirectConversation;
let toBob: DirectConversation;

beforeEach(async () => {
  world = await World.open();
  relay = await Between.stand(world);
  const bob = await world.client("bob");
  alice = await world.client("alice", { relay: relay.url });
  ({ toAlice, toBob } = await befriend(alice, bob));
  // The question that every device asks by itself once a day, at a time of chance, is not to come between those that are counted.
  partsOf(alice).relayCheck.close();
});
afterEach(async () => {
  await relay.close();
  await world.close();
});

const counted = async (name: string) => (await alice.debugBundle()).counts[name] ?? 0;

async function says(text: string): Promise<void> {
  await toAlice.send({ text }).accepted;
}

const heard = async (text: string) =>
  textsOf(await itemsUntil(toBob, (item) => item.kind === "text" && item.text === text));

describe("attack 20: a relay that is careless with stamps", () => {
  const ways = {
    "without its stamp": [delivering(({ stamp: _stamp, ...frame }) => ({ ...frame, stamp: undefined })), "unfranked"],
    "without its commitment": [
      delivering(({ commitment: _commitment, ...frame }) => ({ ...frame, commitment: undefined })),
      "commitment",
    ],
    "with a garbled commitment": [
      delivering((frame) => ({ ...frame, commitment: garbled(frame.commitment ?? new Uint8Array(32)) })),
      "commitment",
    ],
  } as const;

  for (const [how, [cheat, reason]] of Object.entries(ways)) {
    it(`shows nothing that comes ${how}, nor the answer to its being asked for again, once`, async () => {
      relay.cheat(cheat);
      await says("never shown");
      await until(async () => (await counted(`unshown.${reason}`)) === 2, "what was not shown");
      relay.cheat((frame) => frame);
      await says("shown");
      expect(await heard("shown")).toEqual(["shown"]);
      expect(await counted("repairsAsked")).toBe(1);
    });

    it(`destroys nothing by delivering it once ${how}: it comes again, in its place`, async () => {
      const { counters } = partsOf(alice);
      relay.cheat((frame) => ((counters.snapshot()[`unshown.${reason}`] ?? 0) > 0 ? frame : cheat(frame)));
      await says("spoilt");
      await says("behind it");
      const shown = async () => textsOf(await toBob.latest(10)).join();
      await until(async () => (await shown()).includes("spoilt"), "what was spoilt");
      await until(async () => (await shown()) === "spoilt,behind it", "the order in which the relay took both");
    });
  }

  it("is found out when it garbles stamps, by asking the desk about one that came", async () => {
    await says("as it should be");
    await heard("as it should be");
    expect(await alice.moderation.checkRelay()).toBe("good");
    relay.cheat(delivering((frame) => ({ ...frame, stamp: garbled(frame.stamp ?? new Uint8Array(16)) })));
    for (const text of ["one", "two", "three", "four"]) await says(text);
    await heard("four");
    await until(async () => (await alice.moderation.checkRelay()) === "bad", "a stamp that is bad");
    expect(await counted("stampsBad")).toBe(1);
  });

  it("cannot answer in the desk's place, nor have another answer do for it", async () => {
    relay.cheat(delivering((frame) => ({ ...frame, stamp: garbled(frame.stamp ?? new Uint8Array(16)) })));
    await says("cannot be reported");
    await heard("cannot be reported");
    relay.cheat((frame) => {
      if (frame.type !== "deskAnswer") return frame;
      const answer = decodeDeskAnswer(frame.body);
      if (answer.kind !== "stampChecked") return frame;
      return { ...frame, body: encodeDeskAnswer({ ...answer, verdict: "good" }) };
    });
    await until(async () => {
      const code = await alice.moderation.checkRelay().catch((error: { code?: string }) => error.code);
      return code === "badRelay";
    }, "an answer that is not the desk's");
    expect(await counted("stampsBad")).toBe(0);
  });
});

describe("attack 14: mail that is delivered as if it were other mail", () => {
  it("is not shown beside the commitment and the stamp of another message", async () => {
    let kept: Parameters<Parameters<typeof delivering>[0]>[0] | undefined;
    relay.cheat(
      delivering((frame) => {
        const { commitment, stamp, acceptedMs } = kept ?? frame;
        kept ??= frame;
        return { ...frame, commitment, stamp, acceptedMs };
      }),
    );
    await says("first");
    await heard("first");
    await says("under the first one's commitment");
    await until(async () => (await counted("unshown.commitment")) === 2, "what was not shown, nor its repetition");
    relay.cheat((frame) => frame);
    await says("after all that");
    expect(await heard("after all that")).toEqual(["first", "after all that"]);
  });
});
