/** Sends that the store or the circumstances do not take. */

import { describe, expect, it } from "vitest";
import { type AppendOutcome, type AppendRequest, type Store, StoreError } from "../../../server/ports.js";
import { memoryStore } from "../../../server/store/index.js";
import { ManualClock } from "./support/manual-clock.js";
import { sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

describe("a full mailbox", () => {
  it("refuses the send whole, tells the sender and, once a minute, the owner", async () => {
    const relay = await TestRelay.start({ policy: { mailboxQuota: { envelopes: 2, bytes: 1_000 } } });
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    const sender = await relay.anonymous();
    for (let count = 0; count < 2; count++) {
      sender.say(sendFrame(sender, [sealedTo(alice.device)]));
      await sender.next("accepted");
      await alice.client.next("deliver");
    }
    for (let count = 0; count < 2; count++) {
      const frame = sendFrame(sender, [sealedTo(bob.device), sealedTo(alice.device)]);
      sender.say(frame);
      await sender.failure(frame.id, "mailboxFull");
    }
    expect(await alice.client.rest()).toEqual(["mailboxFull"]);
    expect(await bob.client.rest()).toEqual([]);
    await alice.client.next("mailboxFull");
    alice.client.say({ type: "acknowledge", upTo: 2, also: [] });
    await alice.client.rest();
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
  });
});

describe("trouble under a send", () => {
  async function withAppend(append: (inner: Store, request: AppendRequest) => Promise<AppendOutcome>) {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    await inner.open();
    const store = { ...inner, mail: { ...inner.mail, append: (request: AppendRequest) => append(inner, request) } };
    const relay = await TestRelay.start({ clock, store });
    const { device } = await relay.person("alice");
    return { relay, device, sender: await relay.anonymous() };
  }

  it("of the store is answered busy; a bug is logged and answered internal", async () => {
    for (const [cause, code, bugs] of [
      [new StoreError("unavailable", "no"), "busy", 0],
      [new Error("a bug"), "internal", 1],
    ] as const) {
      const { relay, device, sender } = await withAppend(() => Promise.reject(cause));
      const frame = sendFrame(sender, [sealedTo(device)]);
      sender.say(frame);
      await sender.failure(frame.id, code);
      expect(relay.bugs).toHaveLength(bugs);
      sender.say({ type: "ping", id: 1 });
      await sender.next("pong");
    }
  });

  it("from accounts that never rest ends with busy", async () => {
    let appends = 0;
    const { device, sender } = await withAppend(async () => {
      appends += 1;
      return { kind: "changed" };
    });
    const frame = sendFrame(sender, [sealedTo(device)]);
    sender.say(frame);
    await sender.failure(frame.id, "busy");
    expect(appends).toBeLessThan(10);
  });

  it("in flight when the relay closes is finished first", async () => {
    let commit = (): void => {};
    const { relay, device, sender } = await withAppend(async (inner, request) => {
      const outcome = await inner.mail.append(request);
      await new Promise<void>((resolve) => {
        commit = resolve;
      });
      return outcome;
    });
    sender.say(sendFrame(sender, [sealedTo(device)]));
    await sender.rest();
    const closed = relay.relay.close();
    const late = sendFrame(sender, [sealedTo(device)]);
    sender.say(late);
    await sender.failure(late.id, "busy");
    expect(sender.closedWith).toBeUndefined();
    commit();
    await closed;
    await sender.next("accepted");
    await sender.closed("unavailable");
  });

  it("by a removed device is refused, and its connection closed", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const stored = await relay.store.directory.account(alice.account);
    await relay.store.directory.compareAndSet(alice.account, stored?.revision, undefined);
    alice.client.say({ type: "fetchCertificate", id: 3 });
    await alice.client.failure(3, "notAuthenticated");
    await alice.client.closed("revoked");
  });
});
