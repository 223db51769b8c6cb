/**
 * A relay, or somebody before it, that answers nonsense, closes in the middle, stalls, or presents another root: the
 * whole client survives, says what it sees, loses nothing, and goes on when the relay behaves again.
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  decodeFrame,
  encodeFrame,
  type FailureCode,
  type FrameToClient,
  rootFingerprint,
  SottoError,
} from "@sotto/protocol";
import { createClient as createOn, type Platform } from "@sotto/sdk";
import { type Client, levelStore, nodePlatform } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../../sdk/core/ports.js";
import { systemClock } from "../../../sdk/node/clock.js";
import {
  behaviours,
  honestRoot,
  passOn,
  type Rewrite,
  type RunningProxy,
  rewrites,
  type Script,
  startHostileRelay,
  startProxy,
} from "../../support/hostile-relay/index.js";
import { acceptFrom, befriend, itemsUntil, textsOf, World } from "../../support/world.js";

/** How many times shorter every wait of a client in a hurry is. */
const HURRY = 40;

/**
 * A clock that can be hurried, for waits that are long. While a relay answers it goes as always: on a busy machine an honest answer
 * may come later than the shortened wait for it.
 */
class HurryingClock implements Clock {
  private rate = 1;
  private sinceMs = systemClock.now();
  private atMs = this.sinceMs;

  now(): number {
    return this.atMs + (systemClock.now() - this.sinceMs) * this.rate;
  }

  after(delayMs: number, work: () => void): { cancel(): void } {
    return systemClock.after(delayMs / this.rate, work);
  }

  /** From now on time flies. */
  hurry(): this {
    this.atMs = this.now();
    this.sinceMs = systemClock.now();
    this.rate = HURRY;
    return this;
  }
}

/** The Node platform by a clock, without its complaints. */
function platformBy(clock: Clock): Platform {
  return { ...nodePlatform, log: () => undefined, clock };
}

/** For a client that hears nothing, in a hurry; for any other, as always. */
function platformFor(codes: readonly FailureCode[]): Platform {
  const clock = new HurryingClock();
  return platformBy(codes.includes("timeout") ? clock.hurry() : clock);
}

/** Replaces what the relay says. */
function answering(rewrite: (frame: FrameToClient, bytes: Uint8Array) => readonly Uint8Array[]): Rewrite {
  return ({ direction, bytes }) => (direction === "toRelay" ? [bytes] : rewrite(decodeFrame(bytes, "toClient"), bytes));
}

/** Hostility, and what the client says of it. */
const hostilities: readonly [string, Rewrite, readonly FailureCode[]][] = [
  ["answers noise", answering(() => [new Uint8Array(randomBytes(200))]), ["badRelay"]],
  [
    "answers frames with their ends cut off",
    answering((_frame, bytes) => [bytes.subarray(0, bytes.length - 1)]),
    ["badRelay"],
  ],
  [
    "closes in the middle of every conversation",
    (passing) => {
      if (passing.direction === "toClient" && passing.index === 1) passing.cut();
      return [passing.bytes];
    },
    ["offline"],
  ],
  ["presents another root", answering((frame, bytes) => [withOtherRoot(frame) ?? bytes]), ["wrongRoot"]],
  ["says nothing at all", answering(() => []), ["timeout", "offline"]],
  [
    "greets and then says nothing",
    answering((frame, bytes) => (frame.type === "challenge" || frame.type === "welcome" ? [bytes] : [])),
    ["timeout", "offline"],
  ],
  ["repeats everything it says", answering((_frame, bytes) => [bytes, bytes]), ["badRelay"]],
];

function withOtherRoot(frame: FrameToClient): Uint8Array | undefined {
  if (frame.type !== "challenge") return undefined;
  return encodeFrame({ ...frame, root: Uint8Array.of(5, ...randomBytes(32)) });
}

describe("a client whose relay", { timeout: 90_000 }, () => {
  let world: World;
  let proxy: RunningProxy;
  let bob: Client;
  let clock: HurryingClock;
  beforeEach(async () => {
    world = await World.open();
    clock = new HurryingClock();
    proxy = await startProxy({ upstream: world.url });
    const store = levelStore(join(world.folder, "clients", "bob"));
    const relayRoot = world.running.rootFingerprint;
    bob = await createOn(platformBy(clock), { relay: proxy.url, relayRoot, userId: "bob", store });
  });
  afterEach(async () => {
    await bob.close();
    await proxy.close();
    await world.close();
  });

  it.each(hostilities)("%s says so, loses nothing, and goes on", async (_case, hostility, codes) => {
    const alice = await world.client("alice");
    const { toBob, toAlice } = await befriend(alice, bob);
    await toBob.send({ text: "before" }).delivered;
    await toAlice.send({ text: "before too" }).delivered;

    const said: { readonly state: string; readonly code: string | undefined }[] = [];
    const troubled = new Promise<void>((resolve) => {
      bob.addEventListener("state", ({ state, reason }) => {
        said.push({ state, code: reason?.code });
        if (state === "offline" && codes.some((code) => code === reason?.code)) resolve();
      });
    });
    clock.hurry();
    proxy.become(hostility);
    proxy.cutAll();
    const incoming = ["one", "two", "three"].map((text) => toBob.send({ text }));
    const outgoing = ["uno", "due", "tre"].map((text) => toAlice.send({ text }));
    await Promise.all(incoming.map(({ accepted }) => accepted));
    await troubled;
    expect(bob.state).not.toBe("closed");

    proxy.become(passOn);
    proxy.cutAll();
    await Promise.all([...incoming, ...outgoing].map(({ delivered }) => delivered));
    const words = (items: readonly { readonly kind: string }[]) => textsOf(items as Parameters<typeof textsOf>[0]);
    const atBob = await itemsUntil(toAlice, (_, all) => all.length === 8);
    const atAlice = await itemsUntil(toBob, (_, all) => all.length === 8);
    for (const items of [atBob, atAlice]) {
      expect(items.every(({ kind }) => kind === "text")).toBe(true);
      const texts = words(items);
      expect(texts.filter((text) => ["one", "two", "three"].includes(text))).toEqual(["one", "two", "three"]);
      expect(texts.filter((text) => ["uno", "due", "tre"].includes(text))).toEqual(["uno", "due", "tre"]);
    }
    expect(said.map(({ state }) => state)).not.toContain("revoked");
    await expect.poll(() => bob.state).toBe("ready");
  });

  it("damages one delivery in three shows only what is whole, counts the rest, and goes on", async () => {
    const alice = await world.client("alice");
    const { toBob } = await befriend(alice, bob);
    await toBob.send({ text: "before" }).delivered;
    let struck = 0;
    let deliveries = 0;
    proxy.become(
      answering((frame, bytes) => {
        if (frame.type !== "deliver" || deliveries++ % 3 !== 0) return [bytes];
        struck += 1;
        const body = Uint8Array.from(frame.body);
        body[body.length >> 1] = (body[body.length >> 1] as number) ^ 1;
        return [encodeFrame({ ...frame, body })];
      }),
    );
    for (let count = 0; count < 9; count++) await toBob.send({ text: `m${count}` }).accepted;
    proxy.become(passOn);
    await toBob.send({ text: "after" }).delivered;
    const items = await itemsUntil(
      await bob.openDM({ accountId: alice.accountId }),
      (item) => item.kind === "text" && item.text === "after",
    );
    expect(textsOf(items)).toHaveLength(11 - struck);
    expect((await bob.debugBundle()).counts).toMatchObject({ rejected: struck });
  });

  it("is cut off, cut short and repeated at random shows every message once and in order", async () => {
    const alice = await world.client("alice");
    const { toBob, toAlice } = await befriend(alice, bob);
    await toBob.send({ text: "before" }).delivered;
    const texts = Array.from({ length: 30 }, (_, at) => `m${at}`);
    clock.hurry();
    for (const [at, rewrite] of [
      rewrites.cutting({ seed: 1, share: 0.1, sparing: 2 }),
      rewrites.truncating({ seed: 2, share: 0.1, sparing: 2 }),
      rewrites.duplicating({ seed: 3, share: 0.1, sparing: 2 }),
    ].entries()) {
      proxy.become(rewrite);
      await Promise.all(texts.slice(at * 10, at * 10 + 10).map((text) => toBob.send({ text }).accepted));
    }
    proxy.become(passOn);
    proxy.cutAll();
    const items = await itemsUntil(toAlice, (_, all) => all.length === 31);
    expect(textsOf(items)).toEqual(["before", ...texts]);
  });
});

describe("a first registration", () => {
  const scripts: readonly [string, Script, FailureCode][] = [
    ["random bytes", behaviours.randomBytes, "badRelay"],
    ["text", behaviours.text, "badRelay"],
    ["an unknown frame", behaviours.unknownTag, "badRelay"],
    ["another version", behaviours.wrongVersion, "unsupportedVersion"],
    ["half a frame", behaviours.cutInsideFrame, "offline"],
    ["broken framing", behaviours.brokenFraming, "offline"],
    ["another root", behaviours.wrongRoot, "wrongRoot"],
    ["silence", behaviours.stall, "timeout"],
  ];

  it.each(scripts)("at a relay that says %s ends with the code that says so", async (...[, script, code]) => {
    const world = await World.open();
    const hostile = await startHostileRelay(script);
    const store = levelStore(join(world.folder, "clients", "carol"));
    const options = { relay: hostile.url, relayRoot: rootFingerprint(honestRoot), userId: "carol", store };
    expect(await codeOf(createOn(platformFor([code]), options))).toBe(code);
    await hostile.close();
    await world.close();
  });

  const unregistered = hostilities.filter(([name]) => !name.startsWith("greets") && !name.startsWith("repeats"));

  it.each(unregistered)("at a relay that %s can be made again with the same store", async (...[, hostility, codes]) => {
    const world = await World.open();
    const proxy = await startProxy({ upstream: world.url, rewrite: hostility });
    const store = () => levelStore(join(world.folder, "clients", "carol"));
    const options = { relay: proxy.url, relayRoot: world.running.rootFingerprint, userId: "carol" };
    expect(codes).toContain(await codeOf(createOn(platformFor(codes), { ...options, store: store() })));
    proxy.become(passOn);
    const carol = await createOn(platformBy(systemClock), { ...options, store: store() });
    const alice = await world.client("alice");
    const hello = (await alice.openDM({ userId: "carol" })).send({ text: "hello" });
    await acceptFrom(carol, alice.accountId);
    await hello.delivered;
    await carol.close();
    await proxy.close();
    await world.close();
  });
});

async function codeOf(creating: Promise<Client>): Promise<FailureCode | "created"> {
  try {
    await (await creating).close();
    return "created";
  } catch (error) {
    if (error instanceof SottoError) return error.code;
    throw error;
  }
}
