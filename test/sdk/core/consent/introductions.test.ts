import { parseDeviceId } from "@sotto/protocol";
import { expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Introductions } from "../../../../sdk/core/consent/introductions.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { me, peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";

/** The introductions of device 5 beside others. */
async function fixture(others: readonly number[], named: { readonly name?: string } = { name: "Alice" }) {
  const store = await openSealed();
  const talk = await Talk.open(store);
  const account = OwnAccount.create({ ...ownRow(), device: parseDeviceId(5), ...named });
  const clock = manualClock();
  const said: unknown[] = [];
  const introductions = new Introductions({
    ...{ account, clock },
    conversations: { of: async () => ({ timeline: talk.timeline }) as never },
    others: () => others.map(parseDeviceId),
    say: (_state, saying) => said.push(saying),
    failed(error) {
      throw error;
    },
  });
  return { talk, clock, said, introductions };
}

const profile = { kind: "profile", name: "Alice" } as const;

it("tells a name at once on the device that made a contact, and on the first of those that were answered", async () => {
  const { introductions, said } = await fixture([7, 9]);
  introductions.made(peer);
  introductions.answered(peer);
  await settled();
  expect(said).toEqual([profile, profile]);
  const nameless = await fixture([], {});
  nameless.introductions.made(peer);
  await settled();
  expect(nameless.said).toEqual([]);
});

it("tells it in turn behind devices that may be offline, unless one of them was heard to", async () => {
  const silent = await fixture([1, 2]);
  silent.introductions.answered(peer);
  await silent.clock.advance(5_999);
  expect(silent.said).toEqual([]);
  await silent.clock.advance(1);
  await settled();
  expect(silent.said).toEqual([profile]);

  const told = await fixture([1, 2]);
  told.introductions.answered(peer);
  await settled();
  await told.talk.say(me, 1, profile);
  await told.clock.advance(6_000);
  await settled();
  expect(told.said).toEqual([]);
});

it("leaves it to the others once it is closed", async () => {
  const { introductions, clock, said } = await fixture([1]);
  introductions.answered(peer);
  await settled();
  introductions.close();
  await clock.advance(60_000);
  expect(said).toEqual([]);
});
