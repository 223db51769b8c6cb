/** What the relay is told of an account's decisions, and that a new key leaves only once the relay holds it. */

import {
  type AccountId,
  accessDigest,
  deriveDeliveryKey,
  equalBytes,
  hashDeliveryKey,
  SottoError,
} from "@sotto/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Access } from "../../../../sdk/core/consent/access.js";
import { deferred } from "../../../../sdk/core/deferred.js";
import { decodeRow, keys, range } from "../../../../sdk/core/rows.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const other = "11111111-2222-3333-4444-555555555555" as AccountId;

interface Told {
  readonly firstContact: string;
  readonly blocked: readonly AccountId[];
  readonly deliveryKeyHash: Uint8Array;
}

let store: SealedStore;
let account: OwnAccount;
let peers: Peers;
let access: Access;
const clock = manualClock();
const told: Told[] = [];
const handed: AccountId[] = [];
let refusal: SottoError | undefined;
/** A relay that takes none of these keys back, or no key at all. */
let replaced: readonly Uint8Array[] | "all";
let refused: number;
let state: "ready" | "waiting";
let otherDevices: number;
let woken: number;

beforeEach(async () => {
  store = await openSealed();
  account = OwnAccount.create(ownRow());
  peers = new Peers(store);
  told.length = 0;
  handed.length = 0;
  refusal = undefined;
  replaced = [];
  refused = 0;
  state = "ready";
  otherDevices = 0;
  woken = 0;
  access = new Access({
    ...{ store, account, clock, random: nodePlatform.random },
    outbox: {
      room: 1_000,
      queue({ recipient }) {
        if (recipient !== undefined) handed.push(recipient);
        return { order: 1, changes: [], sent: () => undefined };
      },
    },
    relay: {
      device: {
        get state() {
          return state;
        },
        request: (async (request: Told) => {
          if (refusal !== undefined) throw refusal;
          if (replaced === "all" || replaced.some((hash) => equalBytes(hash, request.deliveryKeyHash))) {
            refused += 1;
            throw new SottoError("badFrame");
          }
          told.push(request);
          return { type: "done", id: 1 };
        }) as never,
      } as never,
    },
    confirmed: () => {
      woken += 1;
    },
    otherDevices: () => otherDevices,
    tellOwn: () => [],
    failed(error) {
      throw error;
    },
  });
});

// The clock goes on to the next test.
afterEach(() => access.close());

const hashOf = (profileKey: Uint8Array) => hashDeliveryKey(deriveDeliveryKey(profileKey));

/** What the relay holds if it was told everything. */
function held(blocked: readonly AccountId[] = []): Uint8Array {
  const { profileKey, policy } = account.current;
  return accessDigest({ deliveryKeyHash: hashOf(profileKey), firstContact: policy, blocked });
}

async function relate(id: AccountId, relation: "accepted" | "blocked" | "received"): Promise<void> {
  await store.commit([peers.change({ ...(await peers.get(id)), relation })]);
}

async function welcome(accessDigest: Uint8Array | undefined): Promise<void> {
  access.welcomed({ accessDigest });
  await settled();
}

describe("a decision made while the relay is about to be told of others", () => {
  it("is told too, though what was read does not have it", async () => {
    const listed = store.list.bind(store);
    const reading = deferred<void>();
    let isHeld = true;
    // More people than one page of their rows holds: the last page is late.
    for (let index = 0; index < 128; index++) {
      await relate(`00000000-0000-0000-0000-${index.toString().padStart(12, "0")}` as AccountId, "accepted");
    }
    const [first] = await listed(range(keys.peers, 1));
    if (first === undefined) throw new Error("there is nobody");
    const { account: early } = decodeRow("peer", first.value);
    store.list = async (asked) => {
      if (asked.after !== keys.peers && isHeld) await reading.promise;
      return listed(asked);
    };
    const before = access.apply();
    await settled();
    await relate(early, "blocked");
    const after = access.apply();
    isHeld = false;
    reading.resolve();
    await Promise.all([before, after]);
    expect(told.at(-1)?.blocked).toEqual([early]);
  });
});

describe("a welcome", () => {
  it("that shows what was set tells nothing, and lets the key out", async () => {
    expect(access.handedOut()).toBeUndefined();
    await welcome(held());
    expect(told).toEqual([]);
    expect(access.handedOut()).toBe(account.current.profileKey);
    expect(woken).toBe(1);
  });

  it("that shows anything else is answered with all there is", async () => {
    await relate(peer, "blocked");
    await relate(other, "accepted");
    account.change({ policy: "contacts" });
    await welcome(new Uint8Array(32));
    expect(told).toMatchObject([
      { firstContact: "contacts", blocked: [peer], deliveryKeyHash: hashOf(account.current.profileKey) },
    ]);
    expect(access.handedOut()).toBe(account.current.profileKey);
  });

  it("that another device's decision may explain is answered only once the mailbox told nothing of it", async () => {
    otherDevices = 1;
    await welcome(new Uint8Array(32));
    expect(told).toEqual([]);
    access.queueEmpty();
    await clock.advance(1_000);
    expect(told).toEqual([]);
    await clock.advance(2_000);
    expect(told).toHaveLength(1);
  });

  it("is followed by what was merged meanwhile, and not told twice", async () => {
    otherDevices = 1;
    await welcome(new Uint8Array(32));
    account.change({ policy: "nobody", policyVersion: 1 });
    await access.apply();
    access.queueEmpty();
    await clock.advance(10_000);
    expect(told).toMatchObject([{ firstContact: "nobody" }]);
  });
});

describe("a rotation", () => {
  it("hands the new key to every contact but the one it is for, and lets it out once the relay holds it", async () => {
    await welcome(held());
    await relate(peer, "accepted");
    await relate(other, "accepted");
    const before = account.current.profileKey;
    refusal = new SottoError("busy");
    const { build, after } = await access.rotate(peer);
    await store.commit(build());
    for (const work of after) work();
    await settled();
    expect(account.current.profileKey).not.toEqual(before);
    expect(account.current.profileKeyVersion).toBe(1);
    expect(handed).toEqual([other]);
    expect(access.handedOut()).toBeUndefined();
    refusal = undefined;
    await clock.advance(5_000);
    expect(told).toMatchObject([{ deliveryKeyHash: hashOf(account.current.profileKey) }]);
    expect(access.handedOut()).toBe(account.current.profileKey);
  });

  it("hands nothing to who only asked, was declined or is blocked", async () => {
    await relate(peer, "blocked");
    await relate(other, "received");
    (await access.rotate()).build();
    expect(handed).toEqual([]);
  });
});

describe("a key that the relay knows was replaced", () => {
  const present = () => hashOf(account.current.profileKey);

  it("gives way to a new one on an old copy of the only device, and every contact is handed that", async () => {
    await relate(peer, "blocked");
    await relate(other, "accepted");
    const old = present();
    replaced = [old];
    await welcome(new Uint8Array(32));
    await clock.advance(0);
    expect(told).toMatchObject([{ deliveryKeyHash: present(), blocked: [peer] }]);
    expect(present()).not.toEqual(old);
    expect(handed).toEqual([other]);
    expect(access.handedOut()).toBe(account.current.profileKey);
  });

  it("gives way to the one that another device tells of, whenever that is heard before all mail is", async () => {
    otherDevices = 1;
    replaced = [present()];
    await welcome(new Uint8Array(32));
    account.change({ policy: "nobody", policyVersion: 1 });
    await access.apply();
    await clock.advance(60_000);
    expect([refused, told]).toEqual([1, []]);
    const profileKey = new Uint8Array(32).fill(9);
    account.change({ profileKey, profileKeyVersion: 1 });
    await access.apply();
    access.queueEmpty();
    await clock.advance(60_000);
    expect(told).toMatchObject([{ deliveryKeyHash: hashOf(profileKey), firstContact: "nobody" }]);
    expect(access.handedOut()).toBe(account.current.profileKey);
  });

  it("gives way to a new one, if no other device tells of any", async () => {
    otherDevices = 1;
    await welcome(held());
    access.queueEmpty();
    const old = present();
    replaced = [old];
    await access.apply();
    await clock.advance(1_000);
    expect(present()).toEqual(old);
    await clock.advance(1_000);
    expect(told).toMatchObject([{ deliveryKeyHash: present() }]);
    expect(present()).not.toEqual(old);
  });

  it("gives way to one that wins over those that followed it, wherever they are heard of", async () => {
    account.change({ profileKeyVersion: 5 });
    replaced = [present()];
    await welcome(new Uint8Array(32));
    await clock.advance(0);
    // The relay knows eight former keys, the one that was shown among them.
    expect(account.current.profileKeyVersion).toBeGreaterThan(5 + 8);
  });

  it("gives way once more, if the key that another device took at once wins, and the relay had that before", async () => {
    otherDevices = 1;
    const [old, theirs] = [present(), new Uint8Array(32).fill(0xff)];
    replaced = [old, hashOf(theirs)];
    await welcome(new Uint8Array(32));
    access.queueEmpty();
    await clock.advance(2_000);
    const own = present();
    replaced = [old, hashOf(theirs), own];
    account.change({ profileKey: theirs });
    await access.apply();
    await clock.advance(2_000);
    expect(told.map(({ deliveryKeyHash }) => deliveryKeyHash)).toEqual([own, present()]);
    expect(access.handedOut()).toBe(account.current.profileKey);
  });

  it("is not replaced again and again, whatever the relay refuses", async () => {
    replaced = "all";
    const change = vi.spyOn(account, "change");
    await welcome(new Uint8Array(32));
    for (let second = 0; second < 599; second++) {
      await clock.advance(1_000);
      await access.apply();
    }
    expect(change).toHaveBeenCalledTimes(3);
    await clock.advance(1_000);
    expect(change).toHaveBeenCalledTimes(6);
  });
});

describe("apply", () => {
  it("is not told, and keeps nobody waiting, if the relay is lost while it is put together", async () => {
    const applying = access.apply();
    await Promise.resolve();
    state = "waiting";
    await applying;
    expect(told).toEqual([]);
    state = "ready";
    await access.apply();
    expect(told).toHaveLength(1);
  });

  it("waits for the relay as long as it is away, and resolves all the same", async () => {
    state = "waiting";
    await access.apply();
    expect(told).toEqual([]);
    state = "ready";
    await welcome(new Uint8Array(32));
    expect(told).toHaveLength(1);
  });

  it("tells nothing before this device was told whom the account blocks, and then all of it", async () => {
    account.change({ mode: "add", awaiting: "state" });
    await welcome(new Uint8Array(32));
    await relate(peer, "blocked");
    account.change({ policy: "nobody" });
    await access.apply();
    await clock.advance(60_000);
    expect(told).toEqual([]);
    await relate(other, "blocked");
    account.change({ awaiting: undefined });
    access.told();
    await clock.advance(1);
    expect(told.map(({ firstContact, blocked }) => [firstContact, blocked.length])).toEqual([["nobody", 2]]);
  });

  it("tells the last decision of several, and does nothing once it is closed", async () => {
    const all = (["grant", "contacts", "nobody"] as const).map((policy) => {
      account.change({ policy });
      return access.apply();
    });
    await Promise.all(all);
    expect(told.at(-1)).toMatchObject({ firstContact: "nobody" });
    const count = told.length;
    access.close();
    await access.apply();
    expect(told).toHaveLength(count);
  });
});
