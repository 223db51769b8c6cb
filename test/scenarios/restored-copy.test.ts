import type { SottoError } from "@sotto/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, shownIn, WatchedWorld } from "../support/devices-of.js";
import { acceptFrom, befriend, nextEvent } from "../support/world.js";

let world: WatchedWorld;
beforeEach(async () => {
  world = await WatchedWorld.open();
});
afterEach(() => world.close());

const device: WatchedWorld["device"] = (name, userId) => world.device(name, userId);

/** Alice and Bob, who know each other and talked. */
async function talked() {
  const alice = device("alice");
  const bob = device("bob");
  const { toBob, toAlice } = await befriend(await alice.open(), await bob.open());
  for (let number = 0; number < 3; number++) {
    await toBob.send({ text: `a${number}` }).delivered;
    await toAlice.send({ text: `b${number}` }).delivered;
  }
  return { alice, bob, toBob, toAlice };
}

const allThere = (texts: readonly string[]) => (shown: readonly string[]) =>
  texts.every((text) => shown.filter((line) => line.endsWith(` text ${text}`)).length === 1) &&
  !shown.some((line) => line.includes("undecryptable"));

describe("a device that closed and opens again", () => {
  it("goes on with the sessions it has", async () => {
    const { alice, bob, toAlice } = await talked();
    await alice.close();
    const states: string[] = [];
    const client = await alice.open();
    client.addEventListener("state", ({ state }) => states.push(state));
    const toBob = await client.openDM({ accountId: bob.client.accountId });
    await toBob.send({ text: "again" }).delivered;
    await toAlice.send({ text: "and back" }).delivered;
    expect(alice.bundleFetches).toBe(0);
    expect(states).not.toContain("restoring");
  });

  it("does so over any number of closings in a row", async () => {
    const { alice, bob } = await talked();
    for (let time = 0; time < 4; time++) {
      await alice.close();
      const client = await alice.open();
      const toBob = await client.openDM({ accountId: bob.client.accountId });
      await toBob.send({ text: `time ${time}` }).delivered;
      expect(alice.bundleFetches).toBe(0);
    }
  });
});

describe("a device that crashed", () => {
  it("begins fresh sessions, and still opens what was written to the old ones", async () => {
    const { alice, bob, toAlice } = await talked();
    await alice.crash();
    const waiting = [0, 1, 2].map((number) => toAlice.send({ text: `waiting ${number}` }));
    await Promise.all(waiting.map((one) => one.accepted));
    const client = await alice.open();
    const toBob = await client.openDM({ accountId: bob.client.accountId });
    await toBob.send({ text: "back again" }).delivered;
    await Promise.all(waiting.map((one) => one.delivered));
    await toAlice.send({ text: "welcome" }).delivered;
    await toBob.send({ text: "thanks" }).delivered;
    expect(alice.bundleFetches).toBeGreaterThan(0);
    const texts = ["waiting 0", "waiting 1", "waiting 2", "back again", "welcome", "thanks"];
    await eventually(() => shownIn(toBob), allThere(texts));
    await eventually(() => shownIn(toAlice), allThere(texts));
    expect(await world.repeatedKeys()).toEqual([]);
  });
});

describe("an old copy of the only device", () => {
  it("sends under fresh keys only, gets back what others sent, and leaves nothing that does not open", async () => {
    const { alice, bob, toAlice } = await talked();
    await alice.close();
    await alice.copy();
    const lost = await (await alice.open()).openDM({ accountId: bob.client.accountId });
    // Under the very keys that the copy holds.
    for (let number = 0; number < 5; number++) await lost.send({ text: `lost a${number}` }).delivered;
    for (let number = 0; number < 5; number++) await toAlice.send({ text: `kept b${number}` }).delivered;
    for (let number = 5; number < 10; number++) await lost.send({ text: `lost a${number}` }).delivered;
    await alice.close();
    // Written to the state that is lost.
    const waiting = toAlice.send({ text: "waiting" });
    await waiting.accepted;
    await alice.restore();
    const toBob = await (await alice.open()).openDM({ accountId: bob.client.accountId });
    for (let number = 0; number < 5; number++) await toBob.send({ text: `new a${number}` }).delivered;
    await toAlice.send({ text: "new b" }).delivered;
    const numbers = [0, 1, 2, 3, 4];
    const kept = numbers.map((number) => `kept b${number}`);
    const fresh = [...numbers.map((number) => `new a${number}`), "new b", "waiting"];
    await eventually(() => shownIn(toBob), allThere([...kept, ...fresh]));
    await eventually(() => shownIn(toAlice), allThere([...kept, ...fresh]));
    expect(await world.repeatedKeys()).toEqual([]);
  });

  it("does not bring an old sending key back by opening mail that was written to the old state", async () => {
    const { alice, bob, toAlice } = await talked();
    await alice.close();
    await alice.copy();
    const lost = await (await alice.open()).openDM({ accountId: bob.client.accountId });
    await lost.send({ text: "lost" }).accepted;
    await alice.crash();
    // Bob did not answer yet: his ratchet stands where the copy's does.
    const waiting = toAlice.send({ text: "waiting" });
    await waiting.accepted;
    await alice.restore();
    const toBob = await (await alice.open()).openDM({ accountId: bob.client.accountId });
    await waiting.delivered;
    await toBob.send({ text: "new" }).delivered;
    await eventually(() => shownIn(toBob), allThere(["waiting", "new"]));
    expect(await world.repeatedKeys()).toEqual([]);
  });

  it("can be put back twice", async () => {
    const { alice, bob, toAlice } = await talked();
    await alice.close();
    await alice.copy();
    const texts: string[] = [];
    for (let time = 0; time < 2; time++) {
      await alice.restore();
      const client = await alice.open();
      const again = await client.openDM({ accountId: bob.client.accountId });
      await again.send({ text: `lost ${time}` }).delivered;
      await toAlice.send({ text: `kept ${time}` }).delivered;
      texts.push(`kept ${time}`);
      await alice.close();
    }
    await alice.restore();
    const toBob = await (await alice.open()).openDM({ accountId: bob.client.accountId });
    await toBob.send({ text: "new" }).delivered;
    await eventually(() => shownIn(toBob), allThere([...texts, "new"]));
    expect(await world.repeatedKeys()).toEqual([]);
  });

  it("can be put back to the same copy again and again, and gets back each time what others said", async () => {
    const { alice, bob, toAlice } = await talked();
    await alice.close();
    await alice.copy();
    await alice.open();
    const texts = [0, 1, 2].map((number) => `kept ${number}`);
    for (const text of texts) await toAlice.send({ text }).delivered;
    for (let time = 0; time < 5; time++) {
      await alice.close();
      await alice.restore();
      const toBob = await (await alice.open()).openDM({ accountId: bob.client.accountId });
      await eventually(() => shownIn(toBob), allThere(texts));
    }
    await eventually(() => shownIn(toAlice), allThere(texts));
    expect(await world.repeatedKeys()).toEqual([]);
  });
});

describe("an old copy of the only device, from before it blocked somebody", () => {
  it("has no way back to the key that was replaced, and gives a new one to old and new contacts", async () => {
    const { alice, bob, toAlice } = await talked();
    const mallory = device("mallory");
    await befriend(alice.client, await mallory.open());
    await alice.close();
    await alice.copy();
    await (await (await alice.open()).openDM({ accountId: mallory.client.accountId })).block();
    await toAlice.send({ text: "with the key that is lost" }).delivered;
    await alice.close();
    await alice.restore();
    const client = await alice.open();
    const toBob = await client.openDM({ accountId: bob.client.accountId });
    const carol = device("carol");
    const withCarol = await befriend(client, await carol.open());
    await withCarol.toBob.send({ text: "to a new one" }).delivered;
    await withCarol.toAlice.send({ text: "and back" }).delivered;
    await toBob.send({ text: "to an old one" }).delivered;
    await toAlice.send({ text: "back again" }).delivered;
    expect(await world.repeatedKeys()).toEqual([]);
  });
});

describe("an old copy of one of several devices", () => {
  it("hears what was read on another one since, though it was said before everything that comes again", async () => {
    const { alice, bob, toBob } = await talked();
    const laptop = device("laptop", "alice");
    await laptop.joinFrom(alice.client, "all");
    const shows = (...statuses: readonly string[]) =>
      eventually(
        async () => {
          const items = await (await laptop.client.openDM({ accountId: bob.client.accountId })).latest(9);
          return items.flatMap((item) => (item.kind === "text" && item.direction === "received" ? [item.status] : []));
        },
        (seen) => String(seen) === String(statuses),
      );
    await shows("received", "received", "received");
    await laptop.close();
    await laptop.copy();
    await laptop.open();
    const texts = (await toBob.latest(9)).flatMap((item) => (item.kind === "text" ? [item.messageId] : []));
    await toBob.markRead(texts);
    await shows("read", "read", "read");
    await laptop.close();
    await laptop.restore();
    await laptop.open();
    await shows("read", "read", "read");
  });
});

describe("an old copy from before the first mail ever came", () => {
  it("gets back what others said since, though what waits stands behind it", async () => {
    const alice = device("alice");
    const bob = device("bob");
    const toBob = await (await alice.open()).openDM({ accountId: (await bob.open()).accountId });
    await toBob.requestContact();
    await alice.close();
    await alice.copy();
    const { accountId } = await alice.open();
    const toAlice = await acceptFrom(bob.client, accountId);
    const kept = [0, 1, 2].map((number) => `kept ${number}`);
    for (const text of kept) await toAlice.send({ text }).delivered;
    await alice.close();
    // Bob begins a fresh session, so that the copy opens what waits and knows Bob for a contact.
    await bob.crash();
    const fromNowOn = await (await bob.open()).openDM({ accountId });
    await fromNowOn.send({ text: "waiting" }).accepted;
    await alice.restore();
    const again = await (await alice.open()).openDM({ accountId: bob.client.accountId });
    await eventually(() => shownIn(again), allThere([...kept, "waiting"]));
    expect(await world.repeatedKeys()).toEqual([]);
  });
});

describe("an old copy from before somebody answered a request", () => {
  /** Alice asked Bob; what he answered and said since, up to three texts, is not in the copy. She is closed. */
  async function answeredSince(kept: readonly string[]) {
    const alice = device("alice");
    const bob = device("bob");
    const asking = await (await alice.open()).openDM({ accountId: (await bob.open()).accountId });
    await asking.requestContact();
    await alice.close();
    await alice.copy();
    const { accountId } = await alice.open();
    const contact = nextEvent(alice.client, "contact");
    const toAlice = await acceptFrom(bob.client, accountId);
    await contact;
    for (const text of kept) await toAlice.send({ text }).delivered;
    await alice.close();
    const restored = async () => {
      await alice.restore();
      return (await alice.open()).openDM({ accountId: bob.client.accountId });
    };
    return { toAlice, restored };
  }
  const kept = ["kept 0", "kept 1", "kept 2"];

  it("gets back what the other said since, though nothing waits", async () => {
    const { restored } = await answeredSince(kept);
    const again = await restored();
    await eventually(() => shownIn(again), allThere(kept));
    await again.send({ text: "back" }).delivered;
    expect(await world.repeatedKeys()).toEqual([]);
  });

  it("gets it back beside what waits, which does not open at first", async () => {
    const { toAlice, restored } = await answeredSince(kept);
    await toAlice.send({ text: "waiting" }).accepted;
    const again = await restored();
    await eventually(() => shownIn(again), allThere([...kept, "waiting"]));
    await again.send({ text: "back" }).delivered;
    expect(await world.repeatedKeys()).toEqual([]);
  });

  it("learns that it was accepted, though the other said nothing since", async () => {
    const { restored } = await answeredSince([]);
    const again = await restored();
    const written = () =>
      again.send({ text: "back" }).accepted.then(
        () => "accepted",
        ({ code }: SottoError) => code,
      );
    // A request without words was made: until it is answered, no word goes.
    await eventually(written, (outcome) => outcome === "accepted");
    expect(await world.repeatedKeys()).toEqual([]);
  });
});

describe("an old copy with a request that nobody answered yet", () => {
  it("asks about what it lost, and the request is still there to be accepted, once", async () => {
    const { alice, bob, toAlice } = await talked();
    const carol = device("carol");
    const asking = await alice.client.openDM({ accountId: (await carol.open()).accountId });
    await asking.send({ text: "may I" }).accepted;
    await alice.close();
    await alice.copy();
    const { accountId } = await alice.open();
    await toAlice.send({ text: "kept" }).delivered;
    await alice.close();
    const dropped = nextEvent(carol.client, "policy");
    await alice.restore();
    const again = await (await alice.open()).openDM({ accountId: bob.client.accountId });
    await eventually(() => shownIn(again), allThere(["kept"]));
    await dropped;
    const fromCarol = await acceptFrom(carol.client, accountId);
    await fromCarol.send({ text: "you may" }).delivered;
    const toCarol = await alice.client.openDM({ accountId: carol.client.accountId });
    await toCarol.send({ text: "thanks" }).delivered;
    const texts = ["may I", "you may", "thanks"];
    await eventually(() => shownIn(toCarol), allThere(texts));
    await eventually(() => shownIn(fromCarol), allThere(texts));
    expect(await world.repeatedKeys()).toEqual([]);
  });
});

describe("an old copy of one of two devices", () => {
  it("gets its own words back from the other device, and both end with the same conversation", async () => {
    const { alice, bob, toAlice } = await talked();
    const phone = device("phone", "alice");
    const onPhone = await phone.joinFrom(alice.client, "all");
    await eventually(
      () => onPhone.conversations(),
      (known) => known.length === 1,
    );
    const fromPhone = await onPhone.openDM({ accountId: bob.client.accountId });
    await fromPhone.send({ text: "p0" }).delivered;
    await alice.close();
    await alice.copy();
    const lost = await (await alice.open()).openDM({ accountId: bob.client.accountId });
    const one = lost.send({ text: "lost a0" });
    await one.delivered;
    await toAlice.send({ text: "kept b0" }).delivered;
    await lost.edit(one.id, { text: "edited a0" }).delivered;
    await fromPhone.send({ text: "p1" }).delivered;
    await eventually(() => shownIn(fromPhone), allThere(["edited a0", "kept b0", "p1"]));
    await alice.close();
    await alice.restore();
    const toBob = await (await alice.open()).openDM({ accountId: bob.client.accountId });
    await toBob.send({ text: "new a" }).delivered;
    await toAlice.send({ text: "new b" }).delivered;
    await fromPhone.send({ text: "p2" }).delivered;
    const texts = ["p0", "p1", "p2", "kept b0", "new a", "new b"];
    await eventually(() => shownIn(fromPhone), allThere(texts));
    const expected = await shownIn(fromPhone);
    await eventually(
      () => shownIn(toBob),
      (shown) => JSON.stringify(shown) === JSON.stringify(expected),
    );
    expect(await world.repeatedKeys()).toEqual([]);
  });
});
