/** The rendezvous of linking: who may leave and take which step, once, in order, for ten minutes. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeCodes, type Frame, limits } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { levelStore } from "../../../server/store/index.js";
import type { Client } from "./support/client.js";
import { TestDevice } from "./support/device.js";
import { ManualClock } from "./support/manual-clock.js";
import { TestRelay } from "./support/test-relay.js";

type Step = Frame<"putLink">["step"];

const body = (value: number) => new Uint8Array(40).fill(value);

/** A step is left; the failure's code otherwise. */
async function put(client: Client, link: Uint8Array, step: Step, value: number): Promise<string> {
  client.say({ type: "putLink", id: client.id(), link, step, body: body(value) });
  return client.next("done").then(({ type }) => type, codeOf);
}

/** The first byte of a step, `none` if it was not left; the failure's code otherwise. */
async function take(client: Client, link: Uint8Array, step: Step): Promise<number | string> {
  client.say({ type: "takeLink", id: client.id(), link, step });
  return client.next("linkBody").then((answer) => answer.body?.[0] ?? "none", codeOf);
}

function codeOf(cause: unknown): string {
  return String(cause).split(" ").at(-1) ?? "";
}

/** Alice's link, open, and somebody at the other end. */
async function opened(options: Parameters<typeof TestRelay.start>[0] = {}) {
  const relay = await TestRelay.start(options);
  const alice = await relay.person("alice");
  const link = new Uint8Array(randomBytes(16));
  const id = alice.client.id();
  alice.client.say({ type: "openLink", id, link });
  expect((await alice.client.next("done")).id).toBe(id);
  return { relay, alice, old: alice.client, link, fresh: await relay.anonymous() };
}

describe("a link", () => {
  it("carries four steps, each to the other side, and nothing before it was left", async () => {
    const { old, fresh, link } = await opened();
    const sides: readonly (readonly [Step, Client, Client])[] = [
      ["join", fresh, old],
      ["challenge", old, fresh],
      ["approve", fresh, old],
      ["provision", old, fresh],
    ];
    let value = 0;
    for (const [step, from, to] of sides) {
      value += 1;
      expect(await take(to, link, step)).toBe("none");
      expect(await put(from, link, step, value)).toBe("done");
      expect(await take(to, link, step)).toBe(value);
      expect(await take(to, link, step)).toBe(value);
    }
  });

  it("takes each step once; its repeat, because the answer was lost, is answered as the first", async () => {
    const { old, fresh, link } = await opened();
    expect(await put(fresh, link, "join", 1)).toBe("done");
    expect(await put(fresh, link, "join", 1)).toBe("done");
    expect(await put(fresh, link, "join", 2)).toBe("linkUsed");
    expect(await put(old, link, "challenge", 3)).toBe("done");
    expect(await put(old, link, "challenge", 4)).toBe("linkUsed");
    expect(await put(fresh, link, "join", 5)).toBe("linkUsed");
    expect(await take(old, link, "join")).toBe(1);
  });

  it("takes no step before its time", async () => {
    const { old, fresh, link } = await opened();
    expect(await put(old, link, "challenge", 1)).toBe("badFrame");
    expect(await put(fresh, link, "approve", 1)).toBe("badFrame");
    expect(await put(fresh, link, "join", 1)).toBe("done");
    expect(await put(fresh, link, "approve", 1)).toBe("badFrame");
    expect(await put(old, link, "provision", 1)).toBe("badFrame");
    expect(await put(old, link, "challenge", 1)).toBe("done");
    expect(await put(old, link, "provision", 1)).toBe("badFrame");
  });

  it("takes no step of the other side, and gives nobody its own", async () => {
    const { old, fresh, link } = await opened();
    expect(await put(old, link, "join", 1)).toBe("badFrame");
    expect(await put(fresh, link, "join", 1)).toBe("done");
    expect(await put(fresh, link, "challenge", 1)).toBe("badFrame");
    expect(await take(fresh, link, "join")).toBe("badFrame");
    expect(await take(old, link, "challenge")).toBe("badFrame");
  });

  it("is not there for another account, and may be carried on by another device of its own", async () => {
    const { relay, alice, old, fresh, link } = await opened();
    const { client: mallory } = await relay.person("mallory");
    expect(await put(fresh, link, "join", 1)).toBe("done");
    expect(await take(mallory, link, "join")).toBe("linkExpired");
    expect(await put(mallory, link, "challenge", 2)).toBe("linkExpired");
    mallory.say({ type: "openLink", id: 90, link });
    await mallory.failure(90, "linkUsed");
    mallory.say({ type: "closeLink", id: 91, link });
    await mallory.next("done");
    const { client: second } = await relay.registered(new TestDevice(alice.person), "add");
    expect(await put(second, link, "challenge", 3)).toBe("done");
    expect(await take(fresh, link, "challenge")).toBe(3);
    expect(await put(old, link, "challenge", 4)).toBe("linkUsed");
  });

  it("that is closed, unknown or ten minutes old is expired, alike for both sides", async () => {
    const { relay, old, fresh, link } = await opened();
    const unknown = new Uint8Array(16);
    expect(await put(fresh, unknown, "join", 1)).toBe("linkExpired");
    expect(await take(old, unknown, "join")).toBe("linkExpired");
    expect(await put(fresh, link, "join", 1)).toBe("done");
    old.say({ type: "closeLink", id: 1, link });
    await old.next("done");
    expect(await take(old, link, "join")).toBe("linkExpired");
    expect(await put(fresh, link, "join", 1)).toBe("linkExpired");
    old.say({ type: "closeLink", id: 2, link });
    await old.next("done");

    const late = new Uint8Array(randomBytes(16));
    old.say({ type: "openLink", id: 3, link: late });
    await old.next("done");
    for (let minute = 0; minute < 10; minute++) {
      expect(await put(fresh, late, "join", 1)).toBe("done");
      expect(await take(old, late, "join")).toBe(1);
      relay.clock.advance(limits.linkTtlMs.value / 10);
    }
    expect(await put(fresh, late, "join", 1)).toBe("linkExpired");
    expect(await take(old, late, "join")).toBe("linkExpired");
  });

  it("does not live longer because steps are left in it, and leaves no row when it expired", async () => {
    const { relay, old, fresh, link } = await opened();
    const key = Buffer.from(link).toString("hex");
    relay.clock.advance(limits.linkTtlMs.value - 30_000);
    const again = await relay.anonymous();
    expect(fresh.closedWith).toBe(closeCodes.silent);
    expect(old.closedWith).toBe(closeCodes.silent);
    expect(await put(again, link, "join", 1)).toBe("done");
    expect(await relay.store.table.get("link", key)).toBeDefined();
    relay.clock.advance(30_000);
    expect(await put(again, link, "join", 1)).toBe("linkExpired");
    expect(await relay.store.table.get("link", key)).toBeUndefined();
  });

  it("joined by 64 at once takes one of them", async () => {
    const { relay, old, link } = await opened();
    const rivals = await Promise.all(Array.from({ length: 64 }, () => relay.anonymous()));
    const answers = await Promise.all(rivals.map((rival, index) => put(rival, link, "join", index)));
    expect(answers.filter((answer) => answer === "done")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "linkUsed")).toHaveLength(63);
    expect(await take(old, link, "join")).toBe(answers.indexOf("done"));
  });

  it("goes on after the relay was started anew on its disk in the middle of it", async () => {
    const clock = new ManualClock();
    const folder = await mkdtemp(join(tmpdir(), "sotto-links-"));
    const before = levelStore({ folder, clock });
    await before.open();
    const { relay: first, alice, old, fresh, link } = await opened({ clock, store: before });
    expect(await put(fresh, link, "join", 1)).toBe("done");
    expect(await put(old, link, "challenge", 2)).toBe("done");
    await first.relay.close();
    await before.close();

    const store = levelStore({ folder, clock });
    await store.open();
    const relay = await TestRelay.start({ clock, store });
    const newDevice = await relay.anonymous();
    const oldDevice = await relay.connected(alice.device);
    await oldDevice.next("queueEmpty");
    expect(await take(newDevice, link, "challenge")).toBe(2);
    expect(await put(newDevice, link, "join", 9)).toBe("linkUsed");
    expect(await put(newDevice, link, "approve", 3)).toBe("done");
    expect(await take(oldDevice, link, "approve")).toBe(3);
    expect(await put(oldDevice, link, "provision", 4)).toBe("done");
    expect(await take(newDevice, link, "provision")).toBe(4);
    await relay.relay.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  it("opened again by its own account, because the answer was lost, is the same, until somebody joined", async () => {
    const { old, fresh, link } = await opened();
    old.say({ type: "openLink", id: 1, link });
    await old.next("done");
    expect(await put(fresh, link, "join", 1)).toBe("done");
    old.say({ type: "openLink", id: 2, link });
    await old.failure(2, "linkUsed");
  });
});

describe("limits on links", () => {
  it("hold for opening by account, and for steps and looks by source", async () => {
    const { old, fresh, link } = await opened({ policy: { limiterScale: 0.1 } });
    old.say({ type: "openLink", id: 1, link: new Uint8Array(16).fill(1) });
    await old.next("done");
    old.say({ type: "openLink", id: 2, link: new Uint8Array(16).fill(2) });
    expect((await old.failure(2, "tooManyRequests")).retryAfterMs).toBeGreaterThan(0);
    const puts: string[] = [];
    for (let count = 0; count < 21; count++) puts.push(await put(fresh, link, "join", 1));
    expect(puts.indexOf("tooManyRequests")).toBe(20);
    const looks: (number | string)[] = [];
    for (let count = 0; count < 201; count++) looks.push(await take(fresh, link, "challenge"));
    expect(looks.indexOf("tooManyRequests")).toBe(200);
  });
});
