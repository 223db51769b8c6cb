import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Frame, hashDeliveryKey, PROTOCOL_VERSION, registrationText, rootFingerprint } from "@sotto/protocol";
import { type RunningRelay, settingsFrom, startRelay } from "@sotto/relay";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Greeting } from "../../sdk/core/link/greeting.js";
import { registerDevice } from "../../sdk/core/link/register.js";
import { libsignalEngine } from "../../sdk/engine/libsignal.js";
import { systemClock } from "../../sdk/node/clock.js";
import { ed25519 } from "../../sdk/node/ed25519.js";
import { dial } from "../../sdk/node/socket.js";
import { freePort } from "../support/free-port.js";
import { type Rewrite, rewrites, startProxy } from "../support/hostile-relay/index.js";
import { closeLinks, isReady, outcomeOf, type WatchedLink, watchLink } from "./hostile-relay-watch.js";

const real = { clock: systemClock, checkRoot: () => undefined };
const open: { close(): Promise<void> }[] = [];
let folder: string;
let relay: RunningRelay;

async function start(port: number): Promise<RunningRelay> {
  const settings = settingsFrom({ dataDir: folder, port, development: true });
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  return startRelay({ settings, log: silent });
}

/** Registers a first device at the relay behind `url`, and answers how its link greets. */
async function registered(url: string, userId: string): Promise<Extract<Greeting, { kind: "device" }>> {
  const engine = await libsignalEngine();
  const identity = engine.generateIdentity();
  const authentication = ed25519.generate();
  const nowMs = Date.now();
  const [lastResortPrekey] = engine.generateKyberPrekeys(identity, [1], nowMs);
  if (lastResortPrekey === undefined) throw new Error("the engine made no key");
  const signedPrekey = engine.generateSignedPrekey(identity, 1, nowMs);
  const build = async (challenge: Frame<"challenge">) => {
    const keys = {
      mode: "first",
      identityKey: identity.publicKey,
      authenticationKey: authentication.publicKey,
      registrationId: engine.generateRegistrationId(),
      deliveryKeyHash: hashDeliveryKey(new Uint8Array(16)),
    } as const;
    const text = registrationText(challenge, keys);
    return {
      version: PROTOCOL_VERSION,
      userId,
      ...keys,
      signedPrekey: published(signedPrekey),
      lastResortPrekey: published(lastResortPrekey),
      identitySignature: engine.sign(identity, text),
      authenticationSignature: ed25519.sign(authentication.privateKey, text),
    };
  };
  const { account, device } = await registerDevice({ url, dial, ...real }, build);
  if (account === undefined || device === undefined) throw new Error("the welcome named nobody");
  return { kind: "device", account, device, sign: (text) => ed25519.sign(authentication.privateKey, text) };
}

function published({ id, key, signature }: { id: number; key: Uint8Array; signature: Uint8Array }) {
  return { id, key, signature };
}

async function tampered(rewrite: Rewrite): Promise<string> {
  const proxy = await startProxy({ upstream: relay.url, rewrite });
  open.push(proxy);
  return proxy.url;
}

/** Asks until that many lookups were answered. */
async function ask(watched: WatchedLink, userId: string, answers: number): Promise<void> {
  for (let answered = 0; answered < answers; ) {
    const outcome = await outcomeOf(watched.link.request({ type: "resolve", userId }));
    if (outcome === "answered") answered += 1;
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-hostile-"));
  relay = await start(await freePort());
});

afterEach(async () => {
  closeLinks();
  await Promise.all(open.splice(0).map((each) => each.close()));
});

afterAll(async () => {
  await relay.close();
  await rm(folder, { recursive: true });
});

describe("a link to the real relay", { timeout: 60_000 }, () => {
  it("registers, greets as the device it registered, and gets typed answers", async () => {
    const greeting = await registered(relay.url, "alice");
    const roots: string[] = [];
    const watched = watchLink(relay.url, {
      ...real,
      greeting,
      checkRoot: ({ root }) => void roots.push(rootFingerprint(root)),
    });
    const resolved = await watched.link.request({ type: "resolve", userId: "alice" });
    expect(resolved.account).toBe(greeting.account);
    const { certificate } = await watched.link.request({ type: "fetchCertificate" });
    expect(certificate.length).toBeGreaterThan(64);
    expect(await outcomeOf(watched.link.request({ type: "resolve", userId: "nobody" }))).toBe("unknownUser");
    expect(roots).toEqual([relay.rootFingerprint]);
    await watched.until(({ pushes }) => pushes.has("queueEmpty"));
  });

  it("carries an anonymous heartbeat", async () => {
    const watched = watchLink(relay.url, { ...real, greeting: { kind: "anonymous" } });
    expect((await watched.link.request({ type: "ping" })).type).toBe("pong");
  });

  it("says that an account exists already", async () => {
    await registered(relay.url, "twice");
    expect(await outcomeOf(registered(relay.url, "twice"))).toBe("accountExists");
  });

  it("ends when its proof is wrong, and when a newer connection of the device takes over", async () => {
    const greeting = await registered(relay.url, "bob");
    const forger = watchLink(relay.url, { ...real, greeting: { ...greeting, sign: () => new Uint8Array(64) } });
    await forger.until(({ link }) => link.state === "ended");
    expect(forger.losses()).toEqual(["badCredentials"]);

    const older = watchLink(relay.url, { ...real, greeting });
    await older.until(isReady);
    const newer = watchLink(relay.url, { ...real, greeting });
    await older.until(({ link }) => link.state === "ended");
    expect(older.losses()).toEqual(["displaced"]);
    expect(await outcomeOf(newer.link.request({ type: "ping" }))).toBe("answered");
  });

  it.each<[string, Rewrite]>([
    [
      "bits flip on the way to the relay",
      rewrites.flippingBits({ seed: 1, share: 0.2, sparing: 1, direction: "toRelay" }),
    ],
    ["bits flip on the way back", rewrites.flippingBits({ seed: 2, share: 0.2, sparing: 2, direction: "toClient" })],
    [
      "messages are cut short on the way to the relay",
      rewrites.truncating({ seed: 3, share: 0.2, sparing: 1, direction: "toRelay" }),
    ],
    [
      "messages repeat on the way to the relay",
      rewrites.duplicating({ seed: 4, share: 0.2, sparing: 1, direction: "toRelay" }),
    ],
    ["connections break", rewrites.cutting({ seed: 5, share: 0.1, sparing: 2 })],
  ])("goes on while %s, and the relay serves others as before", async (what, rewrite) => {
    const greeting = await registered(relay.url, what);
    const bystander = watchLink(relay.url, { ...real, greeting: { kind: "anonymous" } });
    await bystander.until(isReady);
    const watched = watchLink(await tampered(rewrite), { ...real, greeting, requestTimeoutMs: 1_000 });
    await ask(watched, what, 12);
    expect(watched.link.state).not.toBe("ended");
    expect(await outcomeOf(bystander.link.request({ type: "ping" }))).toBe("answered");
    expect(bystander.losses()).toEqual([]);
  });

  it("comes back by itself after the relay was restarted", async () => {
    const greeting = await registered(relay.url, "carol");
    const watched = watchLink(relay.url, { ...real, greeting });
    await watched.until(isReady);
    await relay.close();
    await watched.until(({ link }) => link.state !== "ready");
    relay = await start(relay.port);
    await watched.until(isReady);
    expect((await watched.link.request({ type: "resolve", userId: "carol" })).account).toBe(greeting.account);
    expect(watched.losses()[0]).toBe("busy");
  });
});
