/** Whose name is believed, and whom an app means by one. */

import { type AccountId, parseAccountId, SottoError } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Names } from "../../../../sdk/core/consent/names.js";
import { People } from "../../../../sdk/core/consent/people.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { Roles } from "../../../../sdk/core/sessions/roles.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { ownRow } from "../outbox/fixture.js";
import { peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const third = parseAccountId("12345678-0000-4000-8000-000000000000");
let store: SealedStore;
let peers: Peers;
let names: Names;
let people: People;
let answer: AccountId | SottoError;
let state: "ready" | "waiting";
const asked: string[] = [];
const met: string[] = [];

beforeEach(async () => {
  store = await openSealed();
  peers = new Peers(store);
  answer = peer;
  state = "ready";
  asked.length = 0;
  met.length = 0;
  const device = {
    get state() {
      return state;
    },
    async request({ userId }: { readonly userId: string }) {
      asked.push(userId);
      if (answer instanceof SottoError) throw answer;
      return { type: "resolved", account: answer, role: "person", firstContact: "grant", bases: [] };
    },
  };
  const relay = { device } as never;
  const grants = {
    async meet(userId: string) {
      met.push(userId);
      throw new SottoError("policyDenied");
    },
  } as never;
  const locks = new KeyedLock();
  names = new Names({ store, peers, locks, relay });
  people = new People({
    account: OwnAccount.create(ownRow()),
    store,
    peers,
    roles: new Roles(store),
    locks,
    relay,
    grants,
  });
});

const claim = async (claimedUserId: string) =>
  store.commit([peers.change({ ...(await peers.get(peer)), claimedUserId })]);

describe("a name that somebody claims", () => {
  it("is theirs once the relay says so, and is not asked for again", async () => {
    await claim("bob");
    expect([await names.confirmed(peer), await names.confirmed(peer)]).toEqual(["bob", "bob"]);
    expect(asked).toEqual(["bob"]);
    expect(await peers.accountOf("bob")).toBe(peer);
  });

  it("is not, if it is somebody else's, nobody's, or was never claimed", async () => {
    expect(await names.confirmed(peer)).toBeUndefined();
    await claim("alice");
    answer = third;
    expect(await names.confirmed(peer)).toBeUndefined();
    answer = new SottoError("unknownUser");
    expect(await names.confirmed(peer)).toBeUndefined();
    expect((await peers.get(peer)).userId).toBeUndefined();
  });

  it("is not known offline, unless it was before", async () => {
    await claim("bob");
    state = "waiting";
    expect(await names.confirmed(peer)).toBeUndefined();
    state = "ready";
    await names.confirmed(peer);
    state = "waiting";
    expect(await names.confirmed(peer)).toBe("bob");
    expect(asked).toEqual(["bob"]);
  });
});

describe("somebody an app means", () => {
  it("is an account as it is, and refused if it is none", async () => {
    expect(await people.reachable({ accountId: peer })).toBe(peer);
    await expect(people.accountOf({ accountId: "peer" as AccountId })).rejects.toMatchObject({
      code: "invalidArgument",
    });
    await expect(people.accountOf({ userId: "" })).rejects.toMatchObject({ code: "invalidArgument" });
    expect(asked).toEqual([]);
  });

  it("is refused as a stranger who takes no first message, but found for what writes nothing to them", async () => {
    await expect(people.reachable({ userId: "bob" })).rejects.toMatchObject({ code: "policyDenied" });
    expect(await people.accountOf({ userId: "bob" })).toBe(peer);
    expect(met).toEqual(["bob"]);
    // Known now, and asked for its policy all the same before something is written.
    await expect(people.reachable({ userId: "bob" })).rejects.toMatchObject({ code: "policyDenied" });
    expect(await people.accountOf({ userId: "bob" })).toBe(peer);
    expect(asked).toEqual(["bob", "bob", "bob"]);
  });

  it("is not asked for as somebody known, nor offline", async () => {
    await people.accountOf({ userId: "bob" });
    state = "waiting";
    expect(await people.reachable({ userId: "bob" })).toBe(peer);
    state = "ready";
    await store.commit([peers.change({ ...(await peers.get(peer)), relation: "sent" })]);
    expect(await people.reachable({ userId: "bob" })).toBe(peer);
    expect([asked, met]).toEqual([["bob"], []]);
  });

  it("is nobody if the relay knows nobody of that name", async () => {
    answer = new SottoError("unknownUser");
    await expect(people.accountOf({ userId: "nobody" })).rejects.toMatchObject({ code: "unknownUser" });
  });
});
