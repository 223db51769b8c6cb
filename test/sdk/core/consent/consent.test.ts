/** What each decision commits, and that it is one commit. */

import { type AccountId, limits, SottoError } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Arrivals } from "../../../../sdk/core/consent/arrivals.js";
import { Consent } from "../../../../sdk/core/consent/consent.js";
import { Counters } from "../../../../sdk/core/counters.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { keys, type Row } from "../../../../sdk/core/rows.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { ownRow } from "../outbox/fixture.js";
import { peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";

let store: SealedStore;
let peers: Peers;
let arrivals: Arrivals;
let consent: Consent;
const log: string[] = [];

beforeEach(async () => {
  log.length = 0;
  store = await openSealed();
  peers = new Peers(store);
  const { timeline } = await Talk.open(store);
  const queued = (what: string) => {
    log.push(what);
    return { order: 1, changes: [], sent: () => undefined };
  };
  arrivals = new Arrivals({
    ...{ store, counters: new Counters() },
    clock: { now: () => 1_000 } as never,
    introduce: () => log.push("introduced"),
    repair: () => log.push("repair"),
    requestsChanged: () => log.push("requests"),
    asked: () => log.push("asked"),
    contact: () => log.push("contact event"),
    refused: (_account, why) => log.push(why),
  });
  consent = new Consent({
    ...{ store, peers, account: OwnAccount.create(ownRow()), locks: new KeyedLock(), arrivals },
    clock: { now: () => 1_000 } as never,
    conversations: { of: async () => ({ timeline }) as never },
    outbox: { queue: ({ type }) => queued(type) },
    access: {
      async rotate() {
        return { build: () => [], after: [() => log.push("rotated")] };
      },
      async apply() {
        log.push("applied");
      },
    },
    known: async () => undefined,
    owe: () => ({ key: keys.owed(1), value: new Uint8Array(1) }),
    owed: () => log.push("owed"),
    tellOwn: () => [queued("state")],
    introduce: () => log.push("introduced"),
    repair: () => log.push("repair"),
    requestsChanged: () => log.push("requests"),
  });
});

async function stand(relation: Row<"peer">["relation"], account: AccountId = peer): Promise<void> {
  await store.commit([peers.change({ ...(await peers.get(account)), relation })]);
}

const standing = async () => {
  const { relation, relationVersion } = await peers.get(peer);
  return { relation, relationVersion };
};

describe("a request", () => {
  beforeEach(async () => {
    await stand("received");
    const { changes, after } = arrivals.requested(peer, undefined, 5);
    await store.commit(changes);
    for (const work of after) work();
    log.length = 0;
  });

  it("that is accepted is gone, handed the key over, and made a contact for every device", async () => {
    await consent.accept(peer);
    expect(await standing()).toEqual({ relation: "accepted", relationVersion: 1 });
    expect(await arrivals.request(peer)).toBeUndefined();
    expect(log).toEqual(["state", "contact", "requests", "introduced", "repair"]);
    await consent.accept(peer);
    expect(log).toHaveLength(5);
  });

  it("that is declined is gone and tells its sender nothing", async () => {
    await consent.decline(peer);
    expect(await standing()).toEqual({ relation: "declined", relationVersion: 1 });
    expect(await arrivals.request(peer)).toBeUndefined();
    expect(log).toEqual(["state", "requests"]);
  });

  it("that is blocked never held the key, so nothing is rotated", async () => {
    await consent.block(peer);
    expect(await standing()).toEqual({ relation: "blocked", relationVersion: 1 });
    expect(log).toEqual(["state", "requests", "applied"]);
  });

  it("that another device decided is gone here, and repaired if that accepted it", async () => {
    const before = await peers.get(peer);
    const { changes, after } = await arrivals.moved(before, { ...before, relation: "accepted", relationVersion: 1 });
    await store.commit(changes);
    for (const work of after) work();
    expect(await arrivals.request(peer)).toBeUndefined();
    expect(log).toEqual(["requests", "contact event", "repair"]);
  });

  it("beside which something was dropped asks for that again once it is accepted", async () => {
    const { changes } = await arrivals.dropped(peer, "pending");
    await store.commit(changes);
    expect(await arrivals.request(peer)).toMatchObject({ dropped: 1 });
    await consent.accept(peer);
    expect(log).toEqual(["state", "contact", "missed", "requests", "introduced", "repair"]);
  });

  it("has no words yet, and is told so to who judges", async () => {
    expect(await arrivals.words(peer)).toBe("awaited");
  });
});

describe("somebody who held the key", () => {
  it.each(["accepted", "sent"] as const)(
    "as %s loses it by being blocked, and is a stranger once unblocked",
    async (was) => {
      await stand(was);
      await consent.block(peer);
      expect(await standing()).toEqual({ relation: "blocked", relationVersion: 1 });
      expect(log).toEqual(["state", "requests", "rotated", "applied"]);
      await consent.unblock(peer);
      expect(await standing()).toEqual({ relation: "none", relationVersion: 2 });
    },
  );
});

describe("blocking", () => {
  it("ends at what the relay keeps, with an error that says so, and changes nothing beyond", async () => {
    const ids = Array.from({ length: limits.blockedAccounts.value }, (_, at) => accountNumbered(at));
    const rows = await Promise.all(ids.map((id) => peers.get(id)));
    await store.commit(rows.map((row) => peers.change({ ...row, relation: "blocked" })));
    await expect(consent.block(peer)).rejects.toThrow(/invalidArgument.*at most 1000/);
    expect(await standing()).toEqual({ relation: "none", relationVersion: 0 });
    await consent.unblock(ids[0] as AccountId);
    await consent.block(peer);
    expect(await consent.blocked()).toHaveLength(1_000);
  });
});

describe("asking", () => {
  it.each([
    ["none", "text", "sent"],
    ["none", "wordless", "sent"],
    ["received", "other", "accepted"],
    ["declined", "text", "accepted"],
    ["accepted", "other", "accepted"],
  ] as const)("somebody who is %s with %s makes it %s", async (relation, kind, after) => {
    await stand(relation);
    await store.commit((await consent.asking(peer, kind)).build());
    expect((await standing()).relation).toBe(after);
  });

  it.each([
    ["none", "other", "textOnly"],
    ["sent", "text", "requestPending"],
    ["blocked", "text", "invalidArgument"],
  ] as const)("somebody who is %s with %s is refused as %s", async (relation, kind, code) => {
    await stand(relation);
    await expect(consent.asking(peer, kind)).rejects.toMatchObject({ code });
  });

  it("that came to nothing may be done again, unless the relay says that it waits", async () => {
    await stand("sent");
    const row = { recipient: peer, type: "content" } as Row<"outbox">;
    const settle = (alongside: Parameters<SealedStore["commit"]>[0]) => store.commit(alongside);
    await consent.givenUp(row, { code: "requestPending" } as never, settle);
    expect((await standing()).relation).toBe("sent");
    await consent.givenUp(row, { code: "notAllowed" } as never, settle);
    expect(await standing()).toEqual({ relation: "none", relationVersion: 1 });
  });
});

function accountNumbered(at: number): AccountId {
  return `00000000-0000-0000-0000-${at.toString(16).padStart(12, "0")}` as AccountId;
}

describe("an invitation to a group", () => {
  it("asks a stranger for contact without a word of its own, and own devices know", async () => {
    await consent.inviting(peer);
    expect(await standing()).toEqual({ relation: "sent", relationVersion: 0 });
    expect(log).toEqual(["state", "requests"]);
  });

  it("that was never made leaves the stranger one", async () => {
    await consent.inviting(peer);
    await consent.notInvited(peer);
    expect(await standing()).toEqual({ relation: "none", relationVersion: 1 });
    await consent.inviting(peer);
    expect((await standing()).relation).toBe("sent");
  });

  it("of a contact changes nothing, also if it was never made", async () => {
    await stand("accepted");
    await consent.inviting(peer);
    await consent.notInvited(peer);
    expect([await standing(), log]).toEqual([{ relation: "accepted", relationVersion: 0 }, []]);
  });

  it("accepts who asked", async () => {
    await stand("received");
    await consent.inviting(peer);
    expect((await standing()).relation).toBe("accepted");
    expect(log).toContain("contact");
  });

  it.each([
    ["sent", "requestPending"],
    ["blocked", "invalidArgument"],
  ] as const)("goes to nobody who is %s", async (relation, code) => {
    await stand(relation);
    await expect(consent.inviting(peer)).rejects.toMatchObject({ code });
    expect(log).toEqual([]);
  });

  it("that was given up is taken back like any first word, unless the relay holds one", async () => {
    const row = { recipient: peer, group: "00112233445566778899aabbccddeeff", type: "invitation" } as never;
    const settled: string[] = [];
    const settle = async () => void settled.push((await standing()).relation);
    await consent.inviting(peer);
    await consent.givenUp(row, new SottoError("requestPending"), settle);
    expect((await standing()).relation).toBe("sent");
    await consent.givenUp(row, new SottoError("policyDenied"), async (changes) => {
      await store.commit(changes);
    });
    expect([(await standing()).relation, settled]).toEqual(["none", ["sent"]]);
  });
});
