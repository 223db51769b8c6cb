import { randomBytes } from "node:crypto";
import { accountIdFromBytes, type DeviceId, encodeFrame, type FrameToClient, PROTOCOL_VERSION } from "@sotto/protocol";
import { expect, it } from "vitest";
import { signingKeyOf } from "../../../server/desk/index.js";
import { AskQueue } from "../../../server/desk/link/asks.js";
import { nextDelayMs } from "../../../server/desk/link/backoff.js";
import { DeskConnection } from "../../../server/desk/link/connection.js";
import { Requests } from "../../../server/desk/link/requests.js";
import { systemClock } from "../../../server/ops/system.js";
import { collectedLog } from "../ops/collected-log.js";

const account = accountIdFromBytes(randomBytes(16));
const challenge: FrameToClient = {
  type: "challenge",
  version: PROTOCOL_VERSION,
  nonce: randomBytes(32),
  root: new Uint8Array(33).fill(5),
  serverTimeMs: 1,
  development: "off",
};

/** A connection to a relay that says what the test says. */
function connection() {
  const seen: { sent: number; lost: string | undefined; live: number; frames: string[] } = {
    sent: 0,
    lost: undefined,
    live: 0,
    frames: [],
  };
  let hear: (bytes: Uint8Array) => void = () => undefined;
  new DeskConnection({
    url: "ws://nowhere",
    keys: signingKeyOf(randomBytes(32)),
    checkRoot: async () => undefined,
    clock: systemClock,
    dial: (_url, events) => {
      hear = (bytes) => events.message(bytes);
      return { send: () => void seen.sent++, bufferedBytes: 0, close: () => undefined };
    },
    live: () => void seen.live++,
    frame: ({ type }) => void seen.frames.push(type),
    lost: ({ code }) => {
      seen.lost = code;
    },
  });
  return {
    seen,
    hear: (frame: FrameToClient) => hear(encodeFrame(frame)),
    hearBytes: (bytes: Uint8Array) => hear(bytes),
  };
}

it("gives up a relay that sends what is no frame", () => {
  const { seen, hearBytes } = connection();
  hearBytes(new Uint8Array([1, 2, 3]));
  expect(seen.lost).toBe("badRelay");
});

it("takes no welcome before its proof, and no second challenge", async () => {
  const early = connection();
  early.hear({ type: "deskWelcome", serverTimeMs: 1 });
  expect([early.seen.lost, early.seen.live]).toEqual(["badRelay", 0]);
  const twice = connection();
  twice.hear(challenge);
  twice.hear(challenge);
  expect([twice.seen.lost, twice.seen.sent]).toEqual(["badRelay", 0]);
});

it("is live once, and hears what comes only then", async () => {
  const { seen, hear } = connection();
  hear(challenge);
  await expect.poll(() => seen.sent).toBe(1);
  hear({ type: "deskWelcome", serverTimeMs: 1 });
  hear({ type: "reportsWaiting" });
  expect(seen).toMatchObject({ live: 1, frames: ["reportsWaiting"], lost: undefined });
});

it("makes no proof for another protocol version", async () => {
  const { seen, hear } = connection();
  hear({ ...challenge, version: PROTOCOL_VERSION + 1 });
  await expect.poll(() => seen.lost).toBe("unsupportedVersion");
  expect(seen.sent).toBe(0);
});

it("answers some asks at a time, holds a bounded number, and drops the rest", async () => {
  const log = collectedLog();
  const release: (() => void)[] = [];
  const answered: number[] = [];
  const queue = new AskQueue({
    asked: () => new Promise((resolve) => void release.push(() => resolve(new Uint8Array(1)))),
    log,
    answer: ({ ask }) => void answered.push(ask),
  });
  for (let ask = 0; ask < 5_000; ask++)
    queue.take({ type: "deskAsked", ask, account, device: 1 as DeviceId, body: new Uint8Array(1) });
  const atOnce = release.length;
  expect(atOnce).toBe(16);
  expect(log.lines.map(({ event }) => event)).toEqual(["deskAsksDropped"]);
  while (release.length > 0) {
    release.shift()?.();
    await new Promise(setImmediate);
  }
  expect(answered.length).toBe(atOnce + 1_024);
  expect(answered).toEqual(answered.toSorted((one, other) => one - other));
});

it("gives no answer for a connection that is gone, or for an ask that failed", async () => {
  const log = collectedLog();
  const answered: number[] = [];
  const parts = { log, answer: ({ ask }: { ask: number }) => void answered.push(ask) };
  const failing = new AskQueue({ ...parts, asked: () => Promise.reject(new Error("broken")) });
  failing.take({ type: "deskAsked", ask: 1, account, device: 1 as DeviceId, body: new Uint8Array(1) });
  await expect.poll(() => log.lines.map(({ event }) => event)).toEqual(["deskAskFailed"]);
  const late = new AskQueue({ ...parts, asked: async () => new Uint8Array(1) });
  late.take({ type: "deskAsked", ask: 2, account, device: 1 as DeviceId, body: new Uint8Array(1) });
  late.end();
  await new Promise(setImmediate);
  expect(answered).toEqual([]);
});

it("takes no answer that nobody asked for, or of another kind", async () => {
  const sent: number[] = [];
  const requests = new Requests({ clock: systemClock, send: ({ id }) => void sent.push(id), overdue: () => undefined });
  const asked = requests.ask("fetchStampKeys", { from: 0 }).catch((cause: { code: string }) => cause.code);
  expect(requests.answer({ type: "done", id: 77 })).toBe("an answer to no request");
  expect(requests.answer({ type: "done", id: sent[0] ?? 0 })).toBe("an answer to another request");
  requests.end(Object.assign(new Error("gone")) as never);
  expect(await asked).toBe("offline");
});

it("waits longer after each failure, within bounds, and gives way to another desk", () => {
  const waits = Array.from({ length: 20 }, (_, failures) => nextDelayMs(failures + 1, "soon", 0.999));
  expect(waits).toEqual(waits.toSorted((one, other) => one - other));
  expect(waits.at(-1)).toBeLessThanOrEqual(15_000);
  expect(nextDelayMs(1, "soon", 0)).toBe(100);
  expect(nextDelayMs(1, "rare", 0)).toBeGreaterThan(200_000);
});
