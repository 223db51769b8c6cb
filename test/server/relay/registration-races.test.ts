/** Registrations that meet each other, and what a crash leaves behind. */

import { type Frame, failures } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { type MailboxId, mailboxId, type Store, StoreError } from "../../../server/ports.js";
import { decodeAccount } from "../../../server/relay/account.js";
import { memoryStore } from "../../../server/store/index.js";
import { Person, TestDevice } from "./support/device.js";
import { ManualClock } from "./support/manual-clock.js";
import { documentOf, expectRefusal, refusal } from "./support/registering.js";
import { TestRelay } from "./support/test-relay.js";

describe("registrations at the same time", () => {
  it("of one user: one wins, the other hears that the account exists", async () => {
    const relay = await TestRelay.start();
    const rivals = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const device = new TestDevice(new Person("alice"));
        return { device, ...(await relay.challenged()) };
      }),
    );
    for (const { client, challenge, device } of rivals) client.say(device.registration(challenge, { mode: "first" }));
    const answers = await Promise.all(
      rivals.map(({ client }) => client.next("welcome").catch((error) => String(error))),
    );
    const lost = answers.filter((answer) => typeof answer === "string");
    expect(lost).toHaveLength(7);
    for (const answer of lost) expect(answer).toContain("refused accountExists");
    const winner = rivals.find((_, index) => typeof answers[index] !== "string");
    const { account } = answers.find((answer) => typeof answer !== "string") as Frame<"welcome">;
    const stored = await relay.store.directory.account(account as never);
    expect(decodeAccount(stored?.document as Uint8Array).identityKey).toEqual(winner?.device.person.identityKey);
  });

  it("of several new devices of one account all succeed, under different ids", async () => {
    const relay = await TestRelay.start();
    const { person } = await relay.person("alice");
    const added = await Promise.all(
      Array.from({ length: 5 }, () => relay.registered(new TestDevice(person), "add").then(({ device }) => device)),
    );
    expect([...added].sort()).toEqual([2, 3, 4, 5, 6]);
  });
});

describe("registrations in the place of one device", () => {
  it("that come at the same time: one takes its place, the others hear that it is gone", async () => {
    const relay = await TestRelay.start({ policy: { deviceLimit: 2 } });
    const { person, device: first } = await relay.person("alice");
    const old = new TestDevice(person);
    await relay.registered(old, "add");
    const replaces = old.known.device;
    const rivals = await Promise.all(
      Array.from({ length: 2 }, async () => ({ device: new TestDevice(person), ...(await relay.challenged()) })),
    );
    for (const { client, challenge, device } of rivals) {
      client.say(device.registration(challenge, { mode: "add", replaces }));
    }
    const answers = await Promise.all(rivals.map(({ client }) => client.next("welcome").then(() => "welcome", String)));
    expect(answers.filter((answer) => answer === "welcome")).toHaveLength(1);
    expect(answers.find((answer) => answer !== "welcome")).toContain("refused unknownDevice");
    const { devices, retired } = await documentOf(relay, first);
    expect(devices.map(({ device: id }) => id)).toHaveLength(2);
    expect(devices.some(({ device: id }) => id === replaces)).toBe(false);
    expect(retired).toEqual([]);
  });
});

describe("a crash during registration", () => {
  /** A store that stops answering at the n-th write, as a process that dies there would leave it. */
  function dyingStore(inner: Store, writes: number): Store {
    let left = writes;
    const guard = <Args extends readonly unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
      return (...args: Args): Promise<Result> => {
        if (left === 0) return Promise.reject(new StoreError("unavailable", "died here"));
        left -= 1;
        return call(...args);
      };
    };
    const { mail, directory, table } = inner;
    return {
      ...inner,
      mail: {
        ...mail,
        create: guard((id: MailboxId) => mail.create(id)),
        drop: guard((id: MailboxId) => mail.drop(id)),
      },
      directory: {
        ...directory,
        compareAndSet: guard((...args: Parameters<typeof directory.compareAndSet>) => directory.compareAndSet(...args)),
      },
      table: {
        ...table,
        compareAndSet: guard((...args: Parameters<typeof table.compareAndSet>) => table.compareAndSet(...args)),
      },
    };
  }

  it("at any point of a first registration leaves nothing that the next one does not repair", async () => {
    for (let writes = 0; writes < 3; writes++) {
      const clock = new ManualClock();
      const store = memoryStore({ clock });
      await store.open();
      const person = new Person("alice");
      const device = new TestDevice(person);
      const dying = await TestRelay.start({ clock, store: dyingStore(store, writes) });
      expect((await refusal(dying, device, { mode: "first" })).failure).toBe(failures.busy.wire);

      const relay = await TestRelay.start({ clock, store });
      const { account } = await relay.registered(device, "first");
      expect((await documentOf(relay, device)).devices).toHaveLength(1);
      const { client: bob } = await relay.person("bob");
      const id = bob.id();
      bob.say({ type: "resolve", id, userId: "alice" });
      expect(await bob.next("resolved")).toMatchObject({ account });
      expect(relay.bugs).toEqual([]);
    }
  });

  it("before the document was written leaves a user whom nobody can find or write to", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const dying = await TestRelay.start({ clock, store: dyingStore(store, 2) });
    await refusal(dying, new TestDevice(new Person("alice")), { mode: "first" });
    const relay = await TestRelay.start({ clock, store });
    const { client: bob } = await relay.person("bob");
    const id = bob.id();
    bob.say({ type: "resolve", id, userId: "alice" });
    await bob.failure(id, "unknownUser");
    await expectRefusal(relay, new TestDevice(new Person("alice")), { mode: "add" }, "unknownUser");
  });

  it("of a reset, after the document: the sweep drops what is left, and the mail with it", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const first = await TestRelay.start({ clock, store });
    const { device, account } = await first.person("alice");
    const old = mailboxId(account, device.known.device, device.registrationId);
    // The new mailbox and the document are written, the drop is not.
    const dying = await TestRelay.start({ clock, store: dyingStore(store, 2) });
    const fresh = new TestDevice(new Person("alice"));
    await refusal(dying, fresh, { mode: "reset" });
    expect((await store.mail.heads([old])).size).toBe(1);

    const relay = await TestRelay.start({ clock, store });
    await relay.registered(fresh, "reset");
    await relay.relay.sweep({ aborted: false });
    expect((await store.mail.heads([old])).size).toBe(0);
    expect((await documentOf(relay, fresh)).retired).toEqual([]);
  });
});
