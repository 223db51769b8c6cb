import { type Frame, hashResumeToken, parseDeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { deferred } from "../../../../sdk/core/deferred.js";
import { Recovery } from "../../../../sdk/core/history/recovery.js";
import { decodeRow, encodeRow, keys, type Row, range } from "../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { device, peer } from "../people.js";
import { openSealed, text } from "../storage/fixture.js";

const ADDED_MS = 1_000;
const own = { device, registrationId: 1, addedMs: ADDED_MS };
const phone = { device: parseDeviceId(7), registrationId: 2, addedMs: 5_000 };

function welcome(over: Partial<Frame<"welcome">> = {}): Frame<"welcome"> {
  const counts = { oneTimeCount: 100, kyberCount: 100, highestPrekeyId: 0, head: 0, serverTimeMs: 0 };
  const caps = { groupAccounts: 250, groupRecipients: 2_000 };
  return { type: "welcome", ...counts, ...caps, resumed: "no", devices: [own], ...over };
}

async function fixture({ resume, store }: { readonly resume?: Uint8Array; readonly store?: SealedStore } = {}) {
  const sealed = store ?? (await openSealed());
  const account = OwnAccount.create({ ...ownRow(), resume });
  await sealed.commit([account.change({})]);
  const did: string[] = [];
  const asked: Row<"lost">[] = [];
  const parked: Uint8Array[] = [];
  const link = { state: "ready" as const, answers: true };
  /** What happens when counters are about to leap. */
  const leaping = { wait: async () => {} };
  /** Runs while it is found out whom to ask. */
  const meanwhile = { asking: () => {} };
  const clock = manualClock();
  const recovery = new Recovery({
    store: sealed,
    account,
    clock,
    random: nodePlatform.random,
    conversations: {
      all: async () => {
        await leaping.wait();
        did.push("counters leapt");
        return [];
      },
    },
    former: {
      retire: async () => {
        const sessions = await sealed.list(range(keys.sessions, 1));
        await sealed.commit(sessions.map(({ key }) => ({ key, value: undefined })));
        did.push("retired");
        return 1;
      },
    },
    senderKeys: {
      retire: async () => {
        did.push("sender keys retired");
      },
    },
    words: {
      ask: async (lost) => {
        asked.push(lost);
        meanwhile.asking();
        return { build: () => [], after: [] };
      },
      answer: () => Promise.reject(new Error("none")),
    },
    relay: {
      device: {
        state: link.state,
        request: async (frame: unknown): Promise<never> => {
          const { tokenHash } = frame as Frame<"park">;
          parked.push(tokenHash);
          if (!link.answers) await new Promise(() => undefined);
          return { type: "done", id: 1 } as never;
        },
      },
    },
    inbox: {
      settled: async () => undefined,
      skipTo: (cursor) => [{ key: keys.inbox, value: encodeRow("inbox", { cursor, acceptedMs: 9_000 }) }],
    },
    restoring: () => did.push("restoring"),
    gap: (missed) => did.push(`gap ${missed}`),
  });
  await recovery.load();
  const read = (cursor: number, acceptedMs: number) =>
    sealed.commit([{ key: keys.inbox, value: encodeRow("inbox", { cursor, acceptedMs }) }]);
  const used = () => sealed.commit([{ key: `${keys.sessions}x/1`, value: text("session") }]);
  const stored = async () => decodeRow("account", (await sealed.get(keys.account)) ?? new Uint8Array());
  return { store: sealed, recovery, account, did, asked, meanwhile, parked, link, leaping, clock, read, used, stored };
}

describe("the token of a clean end", () => {
  it("is gone from the store before it is shown, and not shown behind the first welcome", async () => {
    const token = new Uint8Array(16).fill(3);
    const { recovery, stored } = await fixture({ resume: token });
    expect(await recovery.takeResume()).toEqual(token);
    expect((await stored()).resume).toBeUndefined();
    // The first try may not have reached the relay.
    expect(await recovery.takeResume()).toEqual(token);
    await recovery.beforeReady(welcome({ resumed: "yes" }));
    expect(await recovery.takeResume()).toBeUndefined();
  });

  it("is durable before the relay hears of its hash", async () => {
    const { recovery, stored, parked } = await fixture();
    await recovery.park();
    const { resume } = await stored();
    expect(parked).toEqual([hashResumeToken(resume ?? new Uint8Array())]);
  });

  it("is not waited for when the relay does not answer", async () => {
    const { recovery, link, clock } = await fixture();
    link.answers = false;
    let isOver = false;
    const parking = recovery.park().then(() => {
      isOver = true;
    });
    for (let turn = 0; turn < 20 && !isOver; turn++) await clock.advance(500);
    await parking;
  });
});

describe("a first welcome", () => {
  it("that does not know this state takes every session out of use, once", async () => {
    const { recovery, did, used } = await fixture();
    await used();
    await recovery.beforeReady(welcome());
    await recovery.beforeReady(welcome());
    expect(did).toEqual(["restoring", "sender keys retired", "counters leapt", "retired"]);
  });

  it("that comes again because the line broke is not done with before all of that is, which happens once", async () => {
    const { recovery, did, used, leaping } = await fixture();
    await used();
    const reached = deferred<void>();
    const held = deferred<void>();
    leaping.wait = () => {
      reached.resolve();
      return held.promise;
    };
    const first = recovery.beforeReady(welcome());
    await reached.promise;
    let isReady = false;
    const again = recovery.beforeReady(welcome()).then(() => {
      isReady = true;
    });
    await settled();
    expect(isReady).toBe(false);
    held.resolve();
    await Promise.all([first, again]);
    expect(did).toEqual(["restoring", "sender keys retired", "counters leapt", "retired"]);
  });

  it("that comes again does all of it, if it failed the first time", async () => {
    const { recovery, did, used, leaping } = await fixture();
    await used();
    leaping.wait = async () => {
      leaping.wait = async () => {};
      throw new Error("not written");
    };
    const first = recovery.beforeReady(welcome());
    const again = recovery.beforeReady(welcome());
    await expect(first).rejects.toThrow("not written");
    await again;
    expect(did.slice(2)).toEqual(["restoring", "sender keys retired", "counters leapt", "retired"]);
  });

  it("has counters leap in the next run, if this one ends before they did", async () => {
    const { store, recovery, used, leaping } = await fixture();
    await used();
    const reached = deferred<void>();
    leaping.wait = () => {
      reached.resolve();
      return new Promise(() => undefined);
    };
    void recovery.beforeReady(welcome());
    await reached.promise;
    const next = await fixture({ store });
    await next.recovery.beforeReady(welcome());
    expect(next.did).toEqual(["restoring", "sender keys retired", "counters leapt", "retired"]);
  });

  it("that does not know this state has what did not open asked for once more", async () => {
    const { store, recovery, used } = await fixture();
    await used();
    const key = keys.undecryptable(new Uint8Array(16));
    const waiting = { sender: peer, device: phone.device, sinceMs: 1, acceptedMs: 1 };
    await store.commit([{ key, value: encodeRow("undecryptable", { ...waiting, askedMs: 2 }) }]);
    await recovery.beforeReady(welcome());
    const row = decodeRow("undecryptable", (await store.get(key)) ?? new Uint8Array());
    expect(row).toEqual({ ...waiting, askedMs: undefined, conversation: undefined, sequence: undefined });
  });

  it("that knows it, or comes before anything was encrypted, takes none", async () => {
    const known = await fixture();
    await known.used();
    await known.recovery.beforeReady(welcome({ resumed: "yes" }));
    const fresh = await fixture();
    await fresh.recovery.beforeReady(welcome());
    expect([...known.did, ...fresh.did]).toEqual([]);
  });
});

describe("what was lost", () => {
  it("is asked of own devices after every unclean end, from the last mail on and not from before this device", async () => {
    const { recovery, asked, used, read } = await fixture();
    await used();
    await read(4, 500_000);
    await recovery.beforeReady(welcome({ head: 4, devices: [own, phone] }));
    await recovery.queueEmpty();
    expect(asked).toEqual([{ sinceMs: 440_000, whom: "ownDevices" }]);
    await recovery.queueEmpty();
    expect(asked.length).toBe(1);

    const early = await fixture();
    await early.used();
    await early.recovery.beforeReady(welcome({ devices: [own, phone] }));
    await early.recovery.queueEmpty();
    expect(early.asked).toEqual([{ sinceMs: ADDED_MS, whom: "ownDevices" }]);
  });

  it("is asked of everybody if mail was read that is not here, which is a gap of that size, once", async () => {
    const { store, recovery, asked, did, read } = await fixture();
    await read(4, 500_000);
    await recovery.beforeReady(welcome({ head: 9, resumed: "yes" }));
    await recovery.queueEmpty();
    expect(asked).toEqual([{ sinceMs: 440_000, whom: "everybody" }]);
    expect(did).toEqual(["gap 5"]);
    const next = await fixture({ store });
    await next.recovery.beforeReady(welcome({ head: 9, resumed: "yes" }));
    await next.recovery.queueEmpty();
    expect(next.asked).toEqual([]);
  });

  it("is asked of everybody if a later state published keys", async () => {
    const { recovery, asked, account } = await fixture();
    await recovery.beforeReady(welcome({ resumed: "yes", highestPrekeyId: account.current.nextPrekeyId }));
    await recovery.queueEmpty();
    expect(asked).toMatchObject([{ whom: "everybody" }]);
  });

  it("is asked of everybody as well, if more turns out to be lost while own devices are asked", async () => {
    const { store, recovery, asked, meanwhile, read, used } = await fixture();
    await used();
    await read(4, 500_000);
    await recovery.beforeReady(welcome({ head: 4, devices: [own, phone] }));
    meanwhile.asking = () => {
      meanwhile.asking = () => {};
      recovery.skipped();
    };
    await recovery.queueEmpty();
    expect(asked).toEqual([{ sinceMs: 440_000, whom: "ownDevices" }]);
    expect(await store.get(keys.lost)).toBeDefined();
    await recovery.queueEmpty();
    expect(asked[1]).toEqual({ sinceMs: 440_000, whom: "everybody" });
    expect(await store.get(keys.lost)).toBeUndefined();
  });

  it("is still asked for in the next run, if this one ends before it asked", async () => {
    const { store, recovery, read } = await fixture();
    await read(4, 500_000);
    await recovery.beforeReady(welcome({ head: 9, resumed: "yes" }));
    recovery.skipped();
    await read(9, 900_000);
    const next = await fixture({ store });
    await next.recovery.beforeReady(welcome({ head: 9, resumed: "yes" }));
    await next.recovery.queueEmpty();
    expect(next.asked).toEqual([{ sinceMs: 440_000, whom: "everybody" }]);
  });
});
