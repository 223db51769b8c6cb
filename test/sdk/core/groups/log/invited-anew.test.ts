/** An invitation that comes while this account's answer to another one, or the log's word on it, is under way. */

import {
  type ConversationId,
  decodeContent,
  decodeGroupBody,
  encodeContent,
  parseDeviceId,
  SottoError,
} from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { deferred } from "../../../../../sdk/core/deferred.js";
import { Genuine } from "../../../../../sdk/core/franking/genuine.js";
import { Invited } from "../../../../../sdk/core/groups/invited.js";
import { decodeRow, keys } from "../../../../../sdk/core/rows.js";
import { groupOf, type LogClient, LogWorld } from "./fixture.js";

let world: LogWorld;
let alice: LogClient;
let bob: LogClient;
let carol: LogClient;

beforeEach(async () => {
  world = await LogWorld.open();
  [alice, bob, carol] = [await world.client(), await world.client(), await world.client()];
});

/** The newest invitation that one made comes to another, as its inbox takes it. */
async function comes(from: LogClient, to: LogClient): Promise<void> {
  const order = from.orders.findLast(({ type, recipient }) => type === "invitation" && recipient === to.id);
  if (order?.body === undefined || order.standing === undefined || order.group === undefined) throw new Error("none");
  const { store, account, shown, logs } = to;
  const invited = new Invited({ ...{ store, account, shown, logs, clock: world.clock }, invited: () => undefined });
  const body = decodeGroupBody("invitation", order.body);
  const content = decodeContent(body.content);
  const opened = Genuine.saidHere({ content, encoded: encodeContent(content) });
  const group = { ...order.standing, id: order.group };
  const payload = { type: "invitation", group, body: order.body } as const;
  const plan = await invited.arrived(from.id, { payload, body, opened });
  await store.commit(plan.build());
}

async function waiting({ store }: LogClient, id: ConversationId) {
  const stored = await store.get(keys.invitation(store, id));
  return stored && decodeRow("invitation", stored);
}

async function invites(inviter: LogClient, whom: LogClient, id: ConversationId): Promise<void> {
  await inviter.logs.append(id, { kind: "invite", account: whom.id });
}

/** The admin ends the epoch of who was removed, and leaves a checkpoint that whoever is invited begins from. */
async function upkeep(id: ConversationId): Promise<void> {
  await bob.logs.sync(id);
  await world.pass();
}

/** Reads so much else that what was read before is on the disk only. */
async function busy({ store }: LogClient): Promise<void> {
  const rows = Array.from({ length: 80 }, (_, at) => ({ key: `busy/${at}`, value: new Uint8Array(65_536) }));
  await store.commit(rows);
}

/** Holds back what a device's disk answers when it is asked for its invitation to a group first. */
function slowDisk({ raw, store }: LogClient, id: ConversationId) {
  const [reached, released] = [deferred<void>(), deferred<void>()];
  const key = keys.invitation(store, id);
  const get = raw.get.bind(raw);
  raw.get = async (asked) => {
    const row = await get(asked);
    if (asked !== key) return row;
    raw.get = get;
    reached.resolve();
    await released.promise;
    return row;
  };
  return { reached: reached.promise, release: released.resolve };
}

describe("an invitation", () => {
  it("stays that comes while the log's word on the one before is taken, and the disk is slow", async () => {
    const id = await groupOf(bob, carol);
    await invites(bob, alice, id);
    await comes(bob, alice);
    await bob.logs.append(id, { kind: "remove", accounts: [alice.id] });
    const disk = slowDisk(alice, id);
    alice.hooks.before = () => busy(alice);
    const reading = alice.logs.sync(id);
    await disk.reached;
    await invites(carol, alice, id);
    await comes(carol, alice);
    disk.release();
    expect((await reading).status).toBe("left");
    expect(await waiting(alice, id)).toMatchObject({ by: carol.id });
    await upkeep(id);
    expect((await alice.logs.accept(id)).status).toBe("joined");
  });

  it("stays that comes while the one before is put away, for its log cannot be read", async () => {
    const id = await groupOf(bob, carol);
    await invites(bob, alice, id);
    await comes(bob, alice);
    await bob.logs.append(id, { kind: "remove", accounts: [alice.id] });
    alice.hooks.before = async () => {
      await invites(carol, alice, id);
      await comes(carol, alice);
      alice.hooks.before = () => undefined;
      throw new SottoError("groupNotFound");
    };
    await alice.logs.decline(id);
    expect(alice.logs.status(id)).toBe("declined");
    expect(await waiting(alice, id)).toMatchObject({ by: carol.id });
    await upkeep(id);
    expect((await alice.logs.accept(id)).status).toBe("joined");
  });

  it("stays where another device tells that it put away the one before, for its log could not be read", async () => {
    alice.others = [parseDeviceId(2)];
    const phone = await alice.second();
    const id = await groupOf(bob, carol);
    await invites(bob, alice, id);
    for (const device of [alice, phone]) await comes(bob, device);
    alice.hooks.before = () => {
      throw new SottoError("groupNotFound");
    };
    await alice.logs.decline(id);
    await bob.logs.append(id, { kind: "remove", accounts: [alice.id] });
    await invites(carol, alice, id);
    await comes(carol, phone);
    for (const word of alice.words()) await phone.take(word);
    expect(await waiting(phone, id)).toMatchObject({ by: carol.id });
    await upkeep(id);
    expect((await phone.logs.accept(id)).status).toBe("joined");
  });
});

describe("who comes in again", () => {
  it("still judges what was said while it was a member before, and who was one then", async () => {
    const id = await groupOf(bob, carol, alice);
    await carol.logs.sync(id);
    const { seq } = alice.logs.get(id)?.state ?? { seq: 0 };
    const acceptedMs = world.relay.nowMs;
    const judged = ({ id: account }: LogClient, revision = seq) =>
      alice.logs.judge(id, { account, revision, acceptedMs });
    await bob.logs.append(id, { kind: "remove", accounts: [alice.id] });
    await alice.logs.sync(id);
    await bob.logs.append(id, { kind: "remove", accounts: [carol.id] });
    await invites(bob, alice, id);
    await comes(bob, alice);
    await upkeep(id);
    expect((await alice.logs.accept(id)).status).toBe("joined");
    expect([bob, carol, alice].map((one) => judged(one))).toEqual(["yes", "yes", "yes"]);
    // Between being out and in again it was no member, nor was she any more.
    const since = alice.logs.get(id)?.state.seq ?? 0;
    expect([carol, alice].map((one) => judged(one, since - 1))).toEqual(["no", "no"]);
  });
});
