/** The order of sends: as they came on their connection, however long deciding on each takes. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { decodeFrame, type Frame, hashDeliveryKey, limits, toHex } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Store } from "../../../server/ports.js";
import { memoryStore } from "../../../server/store/index.js";
import type { Client } from "./support/client.js";
import type { TestDevice } from "./support/device.js";
import { ManualClock } from "./support/manual-clock.js";
import { TestGroup } from "./support/test-group.js";
import { envelopeFor, POLICY, sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

const MESSAGES = 6;

/** A store whose later reads overtake earlier ones. */
function overtaking(inner: Store): Store {
  let reads = 0;
  const late =
    <Args extends unknown[], Value>(read: (...args: Args) => Promise<Value>) =>
    async (...args: Args) => {
      for (let turn = 24 - (reads++ % 24); turn > 0; turn--) await nextTurn();
      return read(...args);
    };
  const { directory, table, logs } = inner;
  return {
    ...inner,
    directory: { ...directory, account: late((account) => directory.account(account)) },
    table: { ...table, get: late((bucket, key) => table.get(bucket, key)) },
    logs: { ...logs, head: late((group) => logs.head(group)) },
  };
}

/** People who registered when reads were in order. */
async function people(...names: readonly string[]) {
  const clock = new ManualClock();
  const inner = memoryStore({ clock });
  await inner.open();
  const before = await TestRelay.start({ clock, store: inner });
  const everybody = await Promise.all(names.map((name) => before.person(name)));
  /** A relay that remembers nothing yet. */
  const restarted = async () => {
    for (const { client } of everybody) client.hangUp();
    return TestRelay.start({ clock, store: overtaking(inner) });
  };
  return { before, everybody, inner, restarted };
}

/** Holds everybody until it is released. */
function holding() {
  let release = () => {};
  let reach = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const turn = () => {
    reach();
    return released;
  };
  return { turn, reached, release: () => release() };
}

type Someone = Awaited<ReturnType<typeof people>>["everybody"][number];

/** Says all at once, and goes on as `accepted`. */
function inMailbox(relay: TestRelay, sender: Client, frames: readonly Sent[], to: TestDevice) {
  for (const frame of frames) sender.say(frame);
  return accepted(relay, sender, frames, to);
}

/** Waits for the answers to what was said, and answers whose ids lie at the end of the mailbox, in their order. */
async function accepted(relay: TestRelay, sender: Client, frames: readonly Sent[], to: TestDevice) {
  for (const _ of frames) await sender.skipTo("accepted");
  const reader = await relay.connected(to);
  await reader.skipTo("queueEmpty");
  const mail = reader.messages.map((message) => decodeFrame(message, "toClient"));
  return idsOf(mail.filter((frame) => frame.type === "deliver")).slice(-frames.length);
}

type Sent = Frame<"send"> | Frame<"sendGroup">;
const idsOf = (frames: readonly { readonly messageId: Uint8Array }[]) =>
  frames.map(({ messageId }) => toHex(messageId));
const several = <T>(make: (index: number) => T) => Array.from({ length: MESSAGES }, (_, index) => make(index));
/** Changes an account: what was decided by what it was before counts no more. */
async function setsAccess(relay: TestRelay, device: TestDevice): Promise<void> {
  const owner = await relay.connected(device);
  const deliveryKeyHash = hashDeliveryKey(device.person.deliveryKey);
  owner.say({ type: "setAccess", id: 1, deliveryKeyHash, firstContact: "everyone", blocked: [] });
  await owner.skipTo("done");
}

const openly = (to: TestDevice) => ({ account: to.known.account, envelopes: [envelopeFor(to)] });

describe("the sends of one connection are stored in the order they came", () => {
  it("to accounts that are not remembered", async () => {
    const { everybody, restarted } = await people("alice");
    const [{ device }] = everybody as [Someone];
    const relay = await restarted();
    const sender = await relay.anonymous();
    const frames = several(() => sendFrame(sender, [sealedTo(device)]));
    expect(await inMailbox(relay, sender, frames, device)).toEqual(idsOf(frames));
  });

  it("by a stranger who was written to first", async () => {
    const { everybody, restarted } = await people("alice", "bob");
    const [alice, bob] = everybody as [Someone, Someone];
    alice.client.say(sendFrame(alice.client, [openly(bob.device)]));
    await alice.client.next("accepted");
    const relay = await restarted();
    const sender = await relay.connected(bob.device);
    const frames = several(() => sendFrame(sender, [openly(alice.device)]));
    expect(await inMailbox(relay, sender, frames, alice.device)).toEqual(idsOf(frames));
  });

  it("by a stranger who makes first contact, and repairs it", async () => {
    const { everybody, restarted } = await people("alice", "bob");
    const [alice, bob] = everybody as [Someone, Someone];
    const relay = await restarted();
    const sender = await relay.connected(bob.device);
    const repairs = [...Array(limits.firstContactRepairs.value)].map(() => "repair" as const);
    const frames = ["message" as const, ...repairs].map((purpose) =>
      sendFrame(sender, [openly(alice.device)], { purpose }),
    );
    expect(await inMailbox(relay, sender, frames, alice.device)).toEqual(idsOf(frames));
  });

  it("to a group whose log is not remembered, and to its members beside it", async () => {
    const { before, everybody, restarted } = await people("alice", "bob");
    const devices = everybody.map(({ device }) => [device] as const);
    const [[alice]] = devices as [(typeof devices)[0]];
    const { group } = await TestGroup.start(before);
    const relay = await restarted();
    const sender = await relay.anonymous();
    const frames = several((index) =>
      index % 2 === 0 ? group.send(sender, devices) : sendFrame(sender, [sealedTo(alice)]),
    );
    expect(await inMailbox(relay, sender, frames, alice)).toEqual(idsOf(frames));
  });

  it("also where an account changes under them", async () => {
    const { everybody, restarted } = await people("alice");
    const [{ device }] = everybody as [Someone];
    const relay = await restarted();
    const sender = await relay.anonymous();
    const first = sendFrame(sender, [sealedTo(device)]);
    await inMailbox(relay, sender, [first], device);
    // Another node changes the account: what this one remembers of it is out of date.
    const { account } = device.known;
    const stored = await relay.store.directory.account(account);
    if (stored === undefined) throw new Error("the account is gone");
    await relay.store.directory.compareAndSet(account, stored.revision, stored.document);
    const frames = several(() => sendFrame(sender, [sealedTo(device)]));
    expect(await inMailbox(relay, sender, frames, device)).toEqual(idsOf(frames));
  });

  it("behind one that is refused, which waits for its time alone", async () => {
    const { everybody, restarted } = await people("alice");
    const [{ device }] = everybody as [Someone];
    const relay = await restarted();
    const sender = await relay.anonymous();
    const refused = sendFrame(sender, [{ ...sealedTo(device), deliveryKey: new Uint8Array(16).fill(1) }]);
    sender.say(refused);
    const frames = several(() => sendFrame(sender, [sealedTo(device)]));
    expect(await inMailbox(relay, sender, frames, device)).toEqual(idsOf(frames));
    relay.clock.advance(POLICY.refusalDelayMs);
    await sender.failure(refused.id, "notAllowed");
  });

  it("behind one whose recipient changes while its claim is written", async () => {
    const { everybody, inner } = await people("alice", "bob");
    const [alice, bob] = everybody as [Someone, Someone];
    const held = holding();
    const table: Store["table"] = {
      ...inner.table,
      async compareAndSet(bucket, ...row) {
        if (bucket === "pair") await held.turn();
        return inner.table.compareAndSet(bucket, ...row);
      },
    };
    const relay = await TestRelay.start({ clock: new ManualClock(), store: { ...inner, table } });
    const sender = await relay.connected(bob.device);
    const frames = (["message", "repair", "repair"] as const).map((purpose) =>
      sendFrame(sender, [openly(alice.device)], { purpose }),
    );
    for (const frame of frames) sender.say(frame);
    await held.reached;
    await setsAccess(relay, alice.device);
    held.release();
    expect(await accepted(relay, sender, frames, alice.device)).toEqual(idsOf(frames));
  });

  it("behind one whose recipient changes while its mailbox is read", async () => {
    const { everybody, inner } = await people("alice");
    const [{ device }] = everybody as [Someone];
    const held = holding();
    // As where the store has to read the mailbox first: it decides on each send when it has, in their order.
    const mail: Store["mail"] = {
      ...inner.mail,
      append: (request, ...told) => held.turn().then(() => inner.mail.append(request, ...told)),
    };
    const relay = await TestRelay.start({ clock: new ManualClock(), store: { ...inner, mail } });
    const sender = await relay.anonymous();
    const frames = several(() => sendFrame(sender, [sealedTo(device)]));
    const [first, ...others] = frames as [Sent];
    sender.say(first);
    await held.reached;
    await setsAccess(relay, device);
    for (const frame of others) sender.say(frame);
    await sender.rest();
    held.release();
    expect(await accepted(relay, sender, frames, device)).toEqual(idsOf(frames));
  });
});
