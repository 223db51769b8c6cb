import { parseDeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { FirstState } from "../../../../sdk/core/devices/first-state.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { UnsafeOutbox } from "../outbox/unsafe-outbox.js";
import { openSealed } from "../storage/fixture.js";

const phone = parseDeviceId(2);

async function fixture(awaiting: "state" | "stateAndMail" | undefined) {
  const store = await openSealed();
  const account = OwnAccount.create({ ...ownRow(), mode: "add", awaiting });
  await store.commit([account.change({})]);
  const clock = manualClock();
  const outbox = new UnsafeOutbox();
  const events: string[] = [];
  const firstState = new FirstState({
    ...{ store, account, clock, outbox },
    addedMs: () => 77,
    told: () => events.push("told"),
    failed(error) {
      throw error;
    },
  });
  const wait = (name: string) => void firstState.known().then(() => events.push(name));
  const take = async () => {
    const plan = firstState.everything(phone);
    await store.commit(plan.build());
    for (const work of plan.after) work();
    await settled();
  };
  const stored = async () => (await OwnAccount.load(store))?.current.awaiting;
  return { store, clock, outbox, events, firstState, wait, take, stored };
}

describe("the first state of a linked device", () => {
  it("lets go what waited for it, in the order of the calls, and is not waited for again", async () => {
    const { firstState, events, wait, take, stored } = await fixture("state");
    wait("one");
    wait("two");
    await settled();
    expect([events, firstState.isAwaited]).toEqual([[], true]);
    await take();
    wait("three");
    await settled();
    expect(events).toEqual(["told", "one", "two", "three"]);
    expect([firstState.isAwaited, await stored()]).toEqual([false, undefined]);
  });

  it("is waited for ten seconds at most, and by the next run again", async () => {
    const { firstState, clock, events, wait, stored } = await fixture("state");
    wait("offline");
    await clock.advance(10_000);
    expect([events, firstState.isAwaited]).toEqual([["offline"], true]);
    firstState.heard(1);
    wait("online");
    await clock.advance(9_999);
    expect(firstState.isAwaited).toBe(true);
    await clock.advance(1);
    expect([events, firstState.isAwaited]).toEqual([["offline", "online"], false]);
    expect(await stored()).toBe("state");
  });

  it("is taken also after it was given up", async () => {
    const { firstState, clock, take, events, stored } = await fixture("state");
    firstState.heard(1);
    await clock.advance(10_000);
    await take();
    expect([events, await stored()]).toEqual([["told"], undefined]);
  });

  it("comes from nobody if there is no other device", async () => {
    const { firstState, events, wait, stored } = await fixture("state");
    wait("one");
    firstState.heard(0);
    await settled();
    expect([events, await stored()]).toEqual([["told", "one"], undefined]);
  });

  it("is followed by what was dropped as a stranger's meanwhile", async () => {
    const { store, firstState, outbox, take } = await fixture("state");
    await store.commit(firstState.dropped());
    expect(firstState.dropped()).toEqual([]);
    await take();
    expect(outbox.sent).toMatchObject([{ type: "missed", device: phone, atMs: 77 }]);
    expect(firstState.dropped()).toEqual([]);
  });

  it("is nothing to wait for where an account began, and is waited for no longer once the client closes", async () => {
    const first = await fixture(undefined);
    first.wait("one");
    expect(first.firstState.dropped()).toEqual([]);
    const linked = await fixture("state");
    linked.wait("two");
    linked.firstState.close();
    await settled();
    expect([first.events, linked.events, await linked.stored()]).toEqual([["one"], ["two"], "state"]);
  });
});
