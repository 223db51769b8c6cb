import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../../../sdk/core/ports.js";
import { libsignalEngine } from "../../../../../sdk/engine/libsignal.js";
import { splitMessage } from "../../../../../server/relay/multi-recipient.js";
import { fixtureOf } from "../../../../contract/engine/fixture.js";
import { meet, Speaker } from "../../../../contract/engine/group-talk.js";

let engine: Engine;
beforeAll(async () => {
  engine = await libsignalEngine();
});

/** What access tags rest on: the relay reads them in the order in which the message names accounts. */
describe("the accounts of a true message to a group, as the relay splits it", () => {
  it("stand in the order in which their devices were given, whatever their ids are", async () => {
    const people = fixtureOf(() => engine)();
    const others = ["x", "y", "z", "w"].map((name) => people.another({ name }));
    const speaker = new Speaker(engine, people.alice);
    await meet(people.alice, [people.bob, people.bobsPhone, ...others]);
    await speaker.handTo(people.bob);
    const orders = [
      [people.bob, people.bobsPhone, ...others],
      [...others, people.bobsPhone, people.bob],
      [...others.slice(2), people.bob, people.bobsPhone, ...others.slice(0, 2).toReversed()],
    ];
    for (const members of orders) {
      const message = await speaker.say(members, "hello");
      const split = splitMessage(message, { accounts: 100, devices: 100 });
      if (split.kind !== "split") throw new Error(`the relay finds it ${split.kind}`);
      const given = [...new Set(members.map(({ address }) => address.account))];
      expect(split.recipients.map(({ account }) => account)).toEqual(given);
    }
  });
});
