/**
 * A member of a group with a modified client that franks wrongly: whatever it says, in whatever kind, under its sender key or to one
 * member alone, nobody is shown it.
 */

import { randomBytes } from "node:crypto";
import { encodeContent, encodePayload, type Franked, groupRoster, type Payload } from "@sotto/protocol";
import type { Client, Group } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inEveryKind } from "../../support/every-kind.js";
import { groupOf, reads } from "../../support/group-people.js";
import { countsOf, countsSince, goesOn, pictureOf } from "../../support/hostile-groups/people.js";
import { RogueMember } from "../../support/hostile-groups/rogue-member.js";
import { RawDevice, type Said } from "../../support/raw-client/index.js";
import { World } from "../../support/world.js";

let world: World;
let bob: Client;
/** Alice's and Bob's view of the group that Mallory is in. */
let honest: readonly [Group, Group];
let mallory: RogueMember;
let eve: RawDevice;

beforeEach(async () => {
  world = await World.open();
  const [alice, two, client] = await Promise.all([world.client("alice"), world.client("bob"), world.client("mallory")]);
  bob = two;
  const groups = await groupOf([alice, bob, client], { title: "Team" });
  honest = [groups[0] as Group, groups[1] as Group];
  await groups[2]?.send({ text: "an honest beginning" }).accepted;
  for (const group of honest) await reads(group, "an honest beginning");
  await client.close();
  mallory = await RogueMember.takeOver(world, "mallory", honest[0].id);
  eve = await RawDevice.register(world.url, "eve");
});
afterEach(async () => {
  await goesOn(honest);
  await Promise.all([mallory.close(), eve.close()]);
  await world.close();
});

const bytes = (size: number) => new Uint8Array(randomBytes(size));
const everybody = () => mallory.state.members.map(({ account }) => account);
const standing = () => {
  const { id: group, revision, head } = mallory.standing;
  return { group, revision, head };
};

/** A frank that is wrong in one way. */
type Lie = (content: Uint8Array, said: Said) => Promise<Partial<Franked>>;

const lies: Readonly<Record<string, Lie>> = {
  "without a frank": async () => ({}),
  "with a commitment to something else": async (content) => {
    const audience = await mallory.franks.groupAudience(standing(), everybody());
    return { frank: (await mallory.franks.frank(content, audience)).frank };
  },
  "with a frank of other words": async (_content, said) => {
    const audience = await mallory.franks.groupAudience(standing(), everybody());
    return mallory.franks.frank(encodeContent(mallory.content(said)), audience);
  },
  "with a roster that leaves a member out": async (content) => {
    const members = everybody().filter((account) => account !== bob.accountId);
    return mallory.franks.frank(content, await mallory.franks.groupAudience(standing(), members));
  },
  "with a roster that has somebody in it who is no member": async (content) =>
    mallory.franks.frank(content, await mallory.franks.groupAudience(standing(), [...everybody(), eve.account])),
  "with the roster of another entry": async (content) => {
    const there = { ...standing(), revision: standing().revision - 1 };
    return mallory.franks.frank(content, await mallory.franks.groupAudience(there, everybody()));
  },
  "with the roster of another realm": async (content) =>
    mallory.franks.frank(content, { kind: "group", roster: groupRoster(bytes(16), standing(), everybody()) }),
  "as if it were meant for one of them": async (content) =>
    mallory.franks.frank(content, { kind: "account", account: bob.accountId }),
  "with somebody else's token": async (content) => {
    const audience = await mallory.franks.groupAudience(standing(), everybody());
    return mallory.franks.frank(content, audience, { token: await eve.franks.token() });
  },
};

async function payloadWith(lie: Lie, said: Said): Promise<{ payload: Payload; commitment: Uint8Array }> {
  const content = mallory.content(said);
  const { frank, commitment = bytes(32) } = await lie(encodeContent(content), said);
  return { payload: mallory.payload(content, { frank }), commitment };
}

describe("a member that franks wrongly", () => {
  for (const [way, lie] of Object.entries(lies)) {
    it(`is not shown in any kind, ${way}`, async () => {
      const targets = { text: mallory.messageId(), poll: mallory.messageId() };
      const [before, counts] = [await Promise.all(honest.map(pictureOf)), await countsOf(bob)];
      const said = inEveryKind(targets).filter(({ kind }) => kind !== "timer" && kind !== "profile");
      for (const one of said) {
        const { payload, commitment } = await payloadWith(lie, one);
        const sealed = await mallory.sealToGroup(encodePayload(payload), mallory.others());
        expect(await mallory.sendSealed(sealed, mallory.others(), { commitment })).toMatchObject({ type: "accepted" });
      }
      await mallory.say(mallory.payload(mallory.content({ kind: "text", text: `behind it, ${way}` })));
      for (const group of honest) await reads(group, `behind it, ${way}`);
      const after = await Promise.all(honest.map(pictureOf));
      expect(after.map(({ items, ...rest }) => ({ ...rest, items: items.slice(0, -1) }))).toEqual(before);
      const refused = Object.entries(await countsSince(bob, counts)).filter(([name]) => name.startsWith("unshown."));
      expect(refused.reduce((sum, [, count]) => sum + count, 0)).toBe(said.length);
    });
  }
});
