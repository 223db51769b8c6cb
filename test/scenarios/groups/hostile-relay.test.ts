/**
 * What a relay can do to a group by lying about its log, its members and their devices: what it withholds is missed, what it
 * changes is seen, and nothing is ever encrypted to a key of its own making.
 */

import type { Frame, FrameToClient, FrameToRelay } from "@sotto/protocol";
import type { Group } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { everybodySees, groupOf, join, reads, until } from "../../support/group-people.js";
import { type Lie, names } from "../../support/hostile-groups/lying-relay.js";
import { type Deceived, deceived, goesOn, textsOf } from "../../support/hostile-groups/people.js";
import { secondHistory } from "../../support/hostile-groups/second-history.js";
import { RawDevice } from "../../support/raw-client/index.js";
import { nextEvent, World } from "../../support/world.js";

/** Longer than a relay has to show what others have read. */
const GRACE_MS = 61_000;

let world: World;
let alice: Deceived;
let bob: Deceived;
let hers: Group;
let his: Group;

beforeEach(async () => {
  world = await World.open();
  [alice, bob] = await Promise.all([deceived(world, "alice"), deceived(world, "bob")]);
  [hers, his] = (await groupOf([alice.client, bob.client], { title: "Team" })) as [Group, Group];
  await goesOn([hers, his]);
});
afterEach(async () => {
  await Promise.all([alice.close(), bob.close()]);
  await world.close();
});

type Entries = Frame<"groupEntries">;

/** A lie about what the log holds, and nothing else. */
function entries(lie: (page: Entries, asked: Frame<"readGroup">) => readonly FrameToClient[]): Lie {
  return (told, asked) => (told.type === "groupEntries" && asked?.type === "readGroup" ? lie(told, asked) : [told]);
}

const withholding = entries((page, { after }) => [{ ...page, head: after, entries: [] }]);

/** The next fork that a client tells of. */
function forkOf({ client }: Deceived) {
  return nextEvent<{ group: Group; remedy: string }>(client, "fork");
}

/** Whatever was withheld is read now. */
async function shown({ relay }: Deceived): Promise<void> {
  relay.become();
  relay.cut();
}

describe("a relay that withholds entries", () => {
  it("is noticed: a gap is told with its group and what to do, and what was said after is shown once it shows the log", async () => {
    bob.relay.become(withholding);
    const gap = nextEvent<{ group: Group; missed: number; remedy: string }>(bob.client, "gap");
    await hers.update({ title: "Withheld" });
    await hers.send({ text: "said after" }).accepted;
    await until(() => bob.relay.askedFor("readGroup").length > 3);
    await until(async () => {
      bob.clock.skip(GRACE_MS);
      return Promise.race([gap.then(() => true), new Promise<boolean>((resolve) => setTimeout(resolve, 100, false))]);
    }, "the gap");
    const told = await gap;
    expect(told.group).toBe(his);
    expect(told.remedy).toContain("holds back");
    expect(told.missed).toBeGreaterThan(0);
    expect(his.title).toBe("Team");
    expect(await textsOf(his)).not.toContain("said after");
    await shown(bob);
    await reads(his, "said after");
    expect(his.title).toBe("Withheld");
  });

  it("from somebody who is removed leaves it where it was; nothing is sealed to it, and nothing it says is taken", async () => {
    const carol = await world.client("carol");
    await hers.invite({ accountId: carol.accountId });
    const theirs = await join(carol, hers);
    await everybodySees([hers, his, theirs], 3);
    await goesOn([hers, his, theirs]);
    bob.relay.become(withholding);
    await hers.remove({ accountId: bob.client.accountId });
    const before = alice.relay.askedFor("sendGroup").length;
    await hers.send({ text: "not for Bob" }).accepted;
    await reads(theirs, "not for Bob");
    const sent = alice.relay.askedFor("sendGroup").slice(before);
    expect(sent.length).toBeGreaterThan(0);
    for (const { message } of sent) {
      expect(names(message, carol.accountId)).toBe(true);
      expect(names(message, bob.client.accountId)).toBe(false);
    }
    // He believes to be in it; the real relay takes nothing of it.
    const lost = his.send({ text: "anybody?" }).accepted.then(
      () => "accepted",
      ({ code }: { code: string }) => code,
    );
    await until(() => bob.relay.askedFor("sendGroup").length > 2);
    await shown(bob);
    await until(() => his.standing === "left");
    expect(await lost).toBe("groupLeft");
    expect(await textsOf(hers)).not.toContain("anybody?");
    expect(await textsOf(his)).not.toContain("not for Bob");
  });
});

describe("a relay that answers a read", () => {
  const told: Entries[] = [];
  const lies: readonly [string, Lie][] = [
    ["twice", entries((page) => [page, page])],
    [
      "with each entry twice",
      entries((page) => [{ ...page, entries: page.entries.flatMap((entry) => [entry, entry]) }]),
    ],
    ["in another order", entries((page) => [{ ...page, entries: page.entries.toReversed() }])],
    ["without what lies in between", entries((page) => [{ ...page, entries: page.entries.slice(1) }])],
    [
      "with the same page again and again",
      entries((page) => {
        if (told.length === 0) told.push(page);
        const [{ head, entries: old }] = told as [Entries];
        return [{ ...page, head, entries: old }];
      }),
    ],
    [
      "with a checkpoint that is none",
      entries((page) => [{ ...page, checkpoint: { seq: page.head, body: new Uint8Array(500) } }]),
    ],
    [
      "with entries of numbers to come",
      entries((page) => [
        { ...page, head: page.head + 7, entries: page.entries.map((entry) => ({ ...entry, seq: entry.seq + 7 })) },
      ]),
    ],
    ["not at all", entries(() => [])],
    ["with a refusal", entries(({ id }) => [{ type: "failed", id, failure: 1, retryAfterMs: undefined }])],
    ["with the answer to another question", entries(({ id }) => [{ type: "done", id }])],
  ];

  it.each(lies)("%s changes nothing: once it is honest again everybody agrees", async (_lie, lie) => {
    told.length = 0;
    bob.relay.become(lie);
    for (const title of ["One", "Two", "Three"]) await hers.update({ title });
    await hers.send({ text: "after three" }).accepted;
    await until(() => bob.relay.askedFor("readGroup").length > 2);
    await shown(bob);
    await until(async () => {
      await his.refresh().catch(() => undefined);
      return his.title === "Three";
    }, "the newest title");
    await reads(his, "after three");
    await goesOn([hers, his]);
  });
});

describe("a relay that shows another log", () => {
  const changes: readonly [string, Lie][] = [
    [
      "shorter than before",
      entries((page) => [{ ...page, head: 1, entries: page.entries.filter(({ seq }) => seq <= 1) }]),
    ],
  ];
  it.each(changes)("%s is told as a fork, with what to do", async (_change, lie) => {
    const forked = forkOf(bob);
    bob.relay.become(lie);
    await expect(his.refresh()).rejects.toMatchObject({ code: "groupForked" });
    const { group, remedy } = await forked;
    expect(group).toBe(his);
    expect(remedy).toContain("start a new group");
    const sent = bob.relay.askedFor("sendGroup").length;
    await expect(his.send({ text: "into the void" }).accepted).rejects.toMatchObject({ code: "groupForked" });
    await expect(his.update({ title: "Into the void" })).rejects.toMatchObject({ code: "groupForked" });
    expect(bob.relay.askedFor("sendGroup")).toHaveLength(sent);
  });

  it("with one entry changed is told as a fork, as soon as somebody says what it read there", async () => {
    const forked = forkOf(bob);
    bob.relay.become(
      entries((page) => [
        { ...page, entries: page.entries.map((entry) => ({ ...entry, entry: flipped(entry.entry) })) },
      ]),
    );
    await hers.update({ title: "Changed on the way" });
    await hers.send({ text: "on the true log" }).accepted;
    expect((await forked).group).toBe(his);
    expect(his.title).toBe("Team");
  });

  it("to two members is told as a fork to both", async () => {
    await Promise.all([hers.refresh(), his.refresh()]);
    const last = Math.max(...bob.relay.askedFor("sendGroup").map(({ revision }) => revision));
    secondHistory(bob.relay, hers.id, last);
    const forked = Promise.all([forkOf(alice), forkOf(bob)]);
    await hers.update({ title: "Alice's" });
    await his.update({ title: "Bob's" });
    expect([hers.title, his.title]).toEqual(["Alice's", "Bob's"]);
    await hers.send({ text: "on Alice's log" }).accepted;
    await his.send({ text: "on Bob's log" }).accepted;
    const [one, other] = await forked;
    expect([one.group, other.group]).toEqual([hers, his]);
    for (const { remedy } of [one, other]) expect(remedy).toContain("two histories");
  });
});

describe("a relay that lies about a send", () => {
  /** Answers the next sends to a group otherwise. */
  function lyingAbout(lie: (asked: Frame<"sendGroup">) => FrameToClient | undefined, times = 1): Lie {
    let left = times;
    return (told, asked) => {
      if (asked?.type !== "sendGroup" || left === 0) return [told];
      left -= 1;
      return [lie(asked) ?? told];
    };
  }

  const mismatch = (id: number, over: Partial<Frame<"deviceMismatch">>): Frame<"deviceMismatch"> => ({
    ...{ type: "deviceMismatch", id, accounts: [], denied: [], bundles: [] },
    ...over,
  });
  const ofBob = (over: Partial<Frame<"deviceMismatch">["accounts"][number]>) => ({
    ...{ account: bob.client.accountId, missing: [], extra: [], stale: [] },
    ...over,
  });

  it.each([1, 5])("and says %d times that the log moved, has it shown once", async (times) => {
    alice.relay.become(lyingAbout(({ id }) => ({ type: "groupMoved", id, seq: 99 }), times));
    await hers.send({ text: "once" }).accepted;
    await goesOn([hers, his]);
    expect((await textsOf(his)).filter((text) => text === "once")).toHaveLength(1);
  });

  it("and loses its answer, has it shown once", async () => {
    let isLost = false;
    alice.relay.become((told, asked) => {
      if (asked?.type !== "sendGroup" || isLost) return [told];
      isLost = true;
      setImmediate(() => alice.relay.cut());
      return [];
    });
    await hers.send({ text: "once" }).accepted;
    await goesOn([hers, his]);
    expect((await textsOf(his)).filter((text) => text === "once")).toHaveLength(1);
  });

  it("and takes a member's devices for gone, has them looked for: nobody is dropped", async () => {
    const devices = [bob.client.deviceId];
    alice.relay.become(lyingAbout(({ id }) => mismatch(id, { accounts: [ofBob({ extra: devices })] })));
    await hers.send({ text: "still for Bob" }).accepted;
    await reads(his, "still for Bob");
  });

  it("and denies a member, has it told a little later: nobody is dropped", async () => {
    const before = alice.relay.askedFor("sendGroup").length;
    alice.relay.become(lyingAbout(({ id }) => mismatch(id, { denied: [bob.client.accountId] })));
    const sent = hers.send({ text: "for Bob, later" });
    await until(() => alice.relay.askedFor("sendGroup").length > before);
    let turns = 0;
    await until(async () => {
      if (turns++ % 40 === 0) alice.clock.skip(GRACE_MS);
      return (await textsOf(his)).includes("for Bob, later");
    }, "what was left out");
    await sent.accepted;
  });

  it.each(["of its own identity", "of the member's identity"])(
    "and adds a device %s to a member, has nothing encrypted to it",
    async (kind) => {
      const eve = await RawDevice.register(world.url, "eve");
      const found = await eve.socket.ask({ type: "fetchBundles", account: eve.account, devices: [] });
      const ofHim = await eve.socket.ask({ type: "fetchBundles", account: bob.client.accountId, devices: [] });
      if (found.type !== "bundles" || ofHim.type !== "bundles") throw new Error("no bundles");
      const ghost = 77 as (typeof found.devices)[number]["device"];
      const { identityKey } = kind === "of its own identity" ? found : ofHim;
      const bundles = [
        {
          account: bob.client.accountId,
          identityKey,
          devices: found.devices.map((one) => ({ ...one, device: ghost })),
        },
      ];
      alice.relay.become((told, asked) => {
        if (asked?.type === "sendGroup")
          return [mismatch(asked.id, { accounts: [ofBob({ missing: [ghost] })], bundles })];
        if (asked?.type === "fetchBundles" && told.type === "bundles")
          return [{ ...told, ...bundles[0], devices: [...told.devices, ...(bundles[0]?.devices ?? [])] }];
        return [told];
      });
      const asked = alice.relay.asked.length;
      const sends = alice.relay.askedFor("sendGroup").length;
      let isOver = false;
      hers.send({ text: "not for Eve" }).accepted.then(
        () => (isOver = true),
        () => (isOver = true),
      );
      await until(() => isOver || alice.relay.askedFor("sendGroup").length >= sends + 3);
      for (const frame of alice.relay.asked.slice(asked)) expect(devicesNamed(frame)).not.toContain(ghost);
      alice.relay.become();
      await goesOn([his, hers]);
      for (const frame of alice.relay.asked.slice(asked)) expect(devicesNamed(frame)).not.toContain(ghost);
      await eve.close();
    },
  );
});

/** The devices that something is encrypted to. */
function devicesNamed(frame: FrameToRelay): readonly number[] {
  if (frame.type === "send") return frame.recipients.flatMap(({ envelopes }) => envelopes.map(({ device }) => device));
  if (frame.type !== "sendGroup") return [];
  const { message } = frame;
  const devices: number[] = [];
  // One account of a short list: version, count, and for each `00`, its id and its devices (PROTOCOL.md 14.6).
  let at = 2;
  for (let account = 0; account < (message[1] ?? 0); account++) {
    at += 17;
    for (let more = true; more; at += 3) {
      devices.push(message[at] ?? 0);
      more = ((message[at + 1] ?? 0) & 0x80) !== 0;
    }
    at += 48;
  }
  return devices;
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}
