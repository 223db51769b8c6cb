import {
  type AccountId,
  accessTag,
  type DeviceId,
  equalBytes,
  type Frame,
  fetchContext,
  parseDeviceId,
  SottoError,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { type Address, type Engine, type EngineRecords, EngineRefusal } from "../../../../sdk/core/ports.js";
import { FormerSessions } from "../../../../sdk/core/sessions/former-sessions.js";
import { IdentityChanges } from "../../../../sdk/core/sessions/identity-changes.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { type SessionParts, Sessions } from "../../../../sdk/core/sessions/sessions.js";
import { codeOf } from "../link/fixture.js";
import { manualClock } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const identity = Uint8Array.of(5, ...new Uint8Array(32).fill(1));
const hash = new Uint8Array(32).fill(3);
const otherHash = new Uint8Array(32).fill(4);
type Bundles = Frame<"deviceMismatch">["bundles"][number];

/** An engine that encrypts nothing: a session is the byte 1. */
const unsafePlaintextEngine = {
  async startSession(_records: unknown, address: Address) {
    return [{ kind: "session", address, record: Uint8Array.of(1) }];
  },
  async encrypt(records: EngineRecords, address: Address, plaintext: Uint8Array) {
    if ((await records.session(address)) === undefined) throw new EngineRefusal("noSession");
    return { sealed: plaintext, registrationId: 1, changes: [] };
  },
  usableSession: (session: Uint8Array | undefined) => (session === undefined ? undefined : 7),
} as unknown as Engine;

const bundlesOf = (account: AccountId, devices: readonly number[], identityKey: Uint8Array = identity): Bundles => ({
  account,
  identityKey,
  devices: devices.map((device) => ({ device: parseDeviceId(device) }) as Bundles["devices"][number]),
});

async function fixture() {
  const store = await openSealed();
  const account = OwnAccount.create(ownRow());
  const peers = new Peers(store);
  const clock = manualClock();
  const fetched: string[] = [];
  const relay = {
    devices: new Map<AccountId, readonly number[]>([[peer, [1, 2]]]),
    ...{ identity, hash },
    /** Runs while bundles are on their way. */
    answering: async () => {},
  };
  const keyChanges: AccountId[] = [];
  const asked: Asked[] = [];
  const requestOn = (link: Asked["link"]) => async (frame: Omit<Asked, "link">) => {
    const { account: whose, devices, accessTag: shown } = frame;
    asked.push({ ...frame, link });
    fetched.push(`${whose === me ? "me" : "peer"} ${devices.join()}`);
    if (shown !== undefined && !equalBytes(shown, accessTag(fetchContext, whose, relay.hash))) {
      throw new SottoError("notAllowed");
    }
    const there = relay.devices.get(whose) ?? [];
    const named = devices.length === 0 ? there : there.filter((device) => devices.includes(parseDeviceId(device)));
    const answer = bundlesOf(whose, named, whose === me ? account.identity.publicKey : relay.identity);
    await relay.answering();
    return answer;
  };
  const conversations = new Conversations(store, account);
  const former = new FormerSessions({ store, engine: unsafePlaintextEngine, clock });
  const parts = {
    ...{ store, account, peers, locks: new KeyedLock(), engine: unsafePlaintextEngine, former },
    relay: {
      ...{ device: { request: requestOn("device") }, anonymous: { request: requestOn("anonymous") } },
      nowMs: () => 1,
    },
    certificates: { current: async () => new Uint8Array(1), doubt: () => {} },
    identityChanges: new IdentityChanges({ conversations, clock, former, keyChanged: (who) => keyChanges.push(who) }),
  } as unknown as SessionParts;
  const sessions = new Sessions(parts);
  const plaintext = Uint8Array.of(1);
  const devicesOf = async (recipient: AccountId, only?: DeviceId) =>
    (await sessions.encrypt(recipient, plaintext, { only })).envelopes.map(({ device }) => device);
  const mismatch = (account: AccountId, over: object, bundles: readonly Bundles[] = [], to = account) => {
    const wrong = { account, missing: [], extra: [], stale: [], ...over };
    return sessions.repair(to, { type: "deviceMismatch", id: 1, accounts: [wrong], denied: [], bundles: [...bundles] });
  };
  return { store, account, peers, sessions, relay, fetched, asked, keyChanges, devicesOf, mismatch };
}

interface Asked {
  readonly link: "device" | "anonymous";
  readonly account: AccountId;
  readonly devices: readonly DeviceId[];
  readonly deliveryKey?: Uint8Array | undefined;
  readonly accessTag?: Uint8Array | undefined;
}

describe("encrypting to an account", () => {
  it("opens sessions with all its devices the first time, and none after that", async () => {
    const it = await fixture();
    expect(await it.devicesOf(peer)).toEqual([1, 2]);
    expect(await it.devicesOf(peer)).toEqual([1, 2]);
    expect(it.fetched).toEqual(["peer "]);
  });

  it("comes to nothing for this account while it has one device, and asks nobody", async () => {
    const it = await fixture();
    expect(await it.devicesOf(me)).toEqual([]);
    expect(it.fetched).toEqual([]);
  });

  it("reaches one device of several, and says if there is no such device", async () => {
    const it = await fixture();
    it.relay.devices.set(me, [1, 2, 3]);
    await it.store.commit([
      it.peers.change({ ...(await it.peers.get(me)), devices: [parseDeviceId(2), parseDeviceId(3)] }),
    ]);
    expect(await it.devicesOf(me, parseDeviceId(3))).toEqual([3]);
    expect(it.fetched).toEqual(["me 3"]);
    expect(await codeOf(it.devicesOf(me, parseDeviceId(4)))).toBe("unknownDevice");
  });

  it("drops a device whose keys are not there any more", async () => {
    const it = await fixture();
    await it.store.commit([it.peers.change({ ...(await it.peers.get(me)), devices: [parseDeviceId(2)] })]);
    expect(await codeOf(it.devicesOf(me, parseDeviceId(2)))).toBe("unknownDevice");
    expect((await it.peers.get(me)).devices).toEqual([]);
  });
});

describe("an account that begins anew while its keys are on their way", () => {
  const renewed = identity.map((byte, at) => (at === 1 ? 9 : byte));

  /** Mail of its new identity is opened meanwhile. */
  async function renewing() {
    const it = await fixture();
    await it.devicesOf(peer);
    const renew = async () => {
      it.relay.identity = renewed;
      it.relay.answering = async () => {};
      const row = await it.peers.get(peer);
      const formerIdentities = [{ key: identity, untilMs: 1 }];
      await it.store.commit([it.peers.change({ ...row, identityKey: renewed, formerIdentities, devices: [] })]);
    };
    return { ...it, renew };
  }

  it("keeps its new identity: keys of the former one are asked for once more", async () => {
    const it = await renewing();
    it.relay.answering = it.renew;
    expect(await codeOf(it.sessions.open(peer, []))).toBe("busy");
    expect((await it.peers.get(peer)).identityKey).toEqual(renewed);
    expect(await it.devicesOf(peer)).toEqual([1, 2]);
    expect(it.keyChanges).toEqual([]);
  });

  it("keeps it also where the former one's keys came with the answer to a send", async () => {
    const it = await renewing();
    await it.renew();
    await it.mismatch(peer, { stale: [1] }, [bundlesOf(peer, [1])]);
    expect((await it.peers.get(peer)).identityKey).toEqual(renewed);
    expect(await it.devicesOf(peer)).toEqual([1]);
    expect(it.keyChanges).toEqual([]);
  });
});

describe("repairing a device list", () => {
  it("takes the bundles the answer brought, and fetches none", async () => {
    const it = await fixture();
    await it.devicesOf(peer);
    await it.mismatch(peer, { missing: [3], extra: [1], stale: [2] }, [bundlesOf(peer, [2, 3])]);
    expect(await it.devicesOf(peer)).toEqual([2, 3]);
    expect(it.fetched).toEqual(["peer "]);
  });

  it("fetches what the answer did not bring", async () => {
    const it = await fixture();
    await it.devicesOf(peer);
    it.relay.devices.set(peer, [1, 2, 3]);
    await it.mismatch(peer, { missing: [3] });
    expect(await it.devicesOf(peer)).toEqual([1, 2, 3]);
    expect(it.fetched).toEqual(["peer ", "peer 3"]);
  });

  it("is for the account that was written to: what the answer says of others changes nothing", async () => {
    const it = await fixture();
    await it.devicesOf(peer);
    await it.mismatch(peer, { missing: [3], stale: [1, 2] }, [bundlesOf(peer, [1, 2, 3], identity.toReversed())], me);
    expect(await it.devicesOf(peer)).toEqual([1, 2]);
    expect((await it.peers.get(peer)).identityKey).toEqual(identity);
    expect(it.fetched).toEqual(["peer "]);
  });

  it("follows an account that was reset, and says so", async () => {
    const it = await fixture();
    await it.devicesOf(peer);
    await it.store.commit([it.peers.change({ ...(await it.peers.get(peer)), relation: "accepted" })]);
    const reset = Uint8Array.of(5, ...new Uint8Array(32).fill(9));
    await it.mismatch(peer, { stale: [1], extra: [2] }, [bundlesOf(peer, [1], reset)]);
    expect(await it.devicesOf(peer)).toEqual([1]);
    expect((await it.peers.get(peer)).identityKey).toEqual(reset);
    expect(it.keyChanges).toEqual([peer]);
  });

  it("works for this account's other devices, takes none of another identity, and never this device itself", async () => {
    const it = await fixture();
    const mine = it.account.identity.publicKey;
    await it.mismatch(me, { missing: [2, 1] }, [bundlesOf(me, [1, 2], mine)]);
    expect(await it.devicesOf(me)).toEqual([2]);
    expect(it.fetched).toEqual([]);
    expect(await codeOf(it.mismatch(me, { missing: [3] }, [bundlesOf(me, [3])]))).toBe("badRelay");
    expect(await it.devicesOf(me)).toEqual([2]);
  });
});

describe("encrypting to a fellow member of a group", () => {
  const plaintext = Uint8Array.of(1);

  it("asks for keys without a name and without a delivery key, with each hash that may be the member's", async () => {
    const it = await fixture();
    const fellow = { identityKey: identity, deliveryKeyHashes: [otherHash, hash] };
    const { envelopes } = await it.sessions.encrypt(peer, plaintext, { fellow });
    expect(envelopes.map(({ device }) => device)).toEqual([1, 2]);
    expect(it.asked.map(({ link, deliveryKey, accessTag: shown }) => [link, deliveryKey, shown])).toEqual([
      ["anonymous", undefined, accessTag(fetchContext, peer, otherHash)],
      ["anonymous", undefined, accessTag(fetchContext, peer, hash)],
    ]);
  });

  it("asks as nobody else where none is good", async () => {
    const it = await fixture();
    const fellow = { identityKey: identity, deliveryKeyHashes: [otherHash] };
    expect(await codeOf(it.sessions.encrypt(peer, plaintext, { fellow }))).toBe("notAllowed");
    expect(it.asked.map(({ link }) => link)).toEqual(["anonymous"]);
  });

  it("encrypts nothing to another identity than the group's log says, known before or shown now", async () => {
    const it = await fixture();
    const fellow = { identityKey: identity.toReversed(), deliveryKeyHashes: [hash] };
    expect(await codeOf(it.sessions.encrypt(peer, plaintext, { fellow }))).toBe("identityChanged");
    expect((await it.peers.get(peer)).identityKey).toEqual(identity);
    expect(await codeOf(it.sessions.encrypt(peer, plaintext, { fellow }))).toBe("identityChanged");
    expect(await codeOf(it.sessions.devicesOf(peer, fellow))).toBe("identityChanged");
    expect(await it.devicesOf(peer)).toEqual([1, 2]);
  });

  it("tells which devices it would reach, and which need a session first", async () => {
    const it = await fixture();
    const fellow = { identityKey: identity, deliveryKeyHashes: [hash] };
    expect(await it.sessions.devicesOf(peer, fellow)).toEqual([]);
    await it.devicesOf(peer);
    await it.store.commit([it.peers.change({ ...(await it.peers.get(peer)), devices: [1, 2, 3].map(parseDeviceId) })]);
    expect(await it.sessions.devicesOf(peer, fellow)).toEqual([
      { device: 1, registrationId: 7 },
      { device: 2, registrationId: 7 },
      { device: 3, registrationId: undefined },
    ]);
  });
});
