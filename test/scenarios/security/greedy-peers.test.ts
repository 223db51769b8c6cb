/**
 * Peers that take what they can get, at a whole relay with its default limits: a device that never reads, a flood, and
 * ten thousand that only sit there. Its memory stays bounded, the greedy are told so, and two people go on talking.
 */

import { execFileSync, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type AccountId,
  accountIdFromBytes,
  COMMITMENT_BYTES,
  closeCodes,
  type Frame,
  type FrameToClient,
  failures,
} from "@sotto/protocol";
import { type Client, createClient, type DirectConversation, levelStore } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadUws } from "../../../server/transport/load-uws.js";
import { type Asking, type FrameSocket, newMessageId, RawDevice } from "../../support/raw-client/index.js";
import { said } from "../../support/said.js";
import { befriend } from "../../support/world.js";
import type { IdleReport } from "./idle-connections.js";
import { RelayApart } from "./relay-apart.js";

const MIB = 1_048_576;
const IDLE = 2_000;

const lookup = loadUws();
const transports = [
  { name: "uws", absent: lookup.kind === "absent" ? lookup.reason : undefined, idleBytes: 24_576 },
  { name: "portable", absent: undefined, idleBytes: 65_536 },
];

function failureOf(answer: FrameToClient): string | undefined {
  if (answer.type !== "failed") return undefined;
  return Object.entries(failures).find(([, { wire }]) => wire === answer.failure)?.[0];
}

function tally(answers: readonly FrameToClient[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const name = failureOf(answer) ?? answer.type;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Asks everything, `atOnce` unanswered at a time. */
async function askAll(
  socket: FrameSocket,
  requests: readonly Asking[],
  atOnce: number,
): Promise<readonly FrameToClient[]> {
  const answers: FrameToClient[] = [];
  for (let first = 0; first < requests.length; first += atOnce) {
    answers.push(...(await Promise.all(requests.slice(first, first + atOnce).map((one) => socket.ask(one)))));
  }
  return answers;
}

describe.each(transports)("a relay on $name", { timeout: 180_000 }, ({ name, absent, idleBytes }) => {
  let folder: string;
  let relay: RelayApart;
  const clients: Client[] = [];
  let toBob: DirectConversation;
  let toAlice: DirectConversation;

  beforeEach(async ({ skip }) => {
    if (absent !== undefined) {
      console.log(`skipped on ${name}: ${absent}`);
      skip(absent);
    }
    folder = await mkdtemp(join(tmpdir(), "sotto-greedy-"));
    // A refusal waits so long that a busy machine, too, has read many requests meanwhile.
    relay = await RelayApart.start(folder, { TRANSPORT: name, REFUSAL_DELAY: "5s" });
    const open = (userId: string) =>
      createClient({ relay: relay.url, userId, store: levelStore(join(folder, userId)) });
    const [alice, bob] = await Promise.all([open("alice"), open("bob")]);
    clients.push(alice, bob);
    ({ toBob, toAlice } = await befriend(alice, bob));
    await talk();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await relay?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** Two people exchange messages, both ways. */
  async function talk(): Promise<void> {
    const sent = Array.from({ length: 10 }, (_, at) => [
      toBob.send({ text: `a${at}` }),
      toAlice.send({ text: `b${at}` }),
    ]);
    await Promise.all(sent.flat().map(({ delivered }) => delivered));
  }

  it("fills the mailbox of a device that never reads, tells its senders, and gives it everything later", async () => {
    const [stuck, sender] = await Promise.all([
      RawDevice.register(relay.url, "stuck"),
      RawDevice.register(relay.url, "sender"),
    ]);
    const before = await relay.residentBytes();
    stuck.socket.socket.pause();
    const body = new Uint8Array(randomBytes(24_000));
    const { account, device, registrationId, deliveryKey } = stuck;
    const mail = (): Asking => ({
      type: "send",
      messageId: newMessageId(),
      storage: "stored",
      commitment: new Uint8Array(randomBytes(32)),
      urgency: "normal",
      purpose: "message",
      wantBundles: "no",
      recipients: [{ account, deliveryKey, scope: "all", envelopes: [{ device, registrationId, body }] }],
    });
    const answers = await askAll(sender.socket, Array.from({ length: 1_200 }, mail), 100);
    await talk();
    const { accepted = 0, mailboxFull = 0, ...others } = tally(answers);
    expect(others).toEqual({});
    // 16 MiB and 1,000 envelopes: whichever comes first, and not one more. The commitment lies with the ciphertext.
    expect(accepted).toBe(Math.floor((16 * MIB) / (body.length + COMMITMENT_BYTES)));
    expect(mailboxFull).toBe(answers.length - accepted);
    const grown = (await relay.residentBytes()) - before;
    console.log(
      `${name}: ${(grown / MIB).toFixed(0)} MiB more while ${accepted} envelopes wait for one that never reads`,
    );
    expect(grown).toBeLessThan(96 * MIB);

    stuck.socket.socket.resume();
    const cursors: number[] = [];
    while (cursors.length < accepted) {
      const { cursor } = await stuck.socket.until("deliver");
      cursors.push(cursor);
      stuck.socket.send({ type: "acknowledge", upTo: cursor, also: [] });
    }
    expect(cursors).toEqual(cursors.map((_, at) => at + 1));
    expect(stuck.socket.unread.some(({ type }) => type === "mailboxFull")).toBe(true);
    expect(await sender.socket.ask(mail())).toMatchObject({ type: "accepted" });
    await Promise.all([stuck.close(), sender.close()]);
  });

  it("slows a flood of requests down, ends a flood of frames, and bears it", async () => {
    const flooder = await RawDevice.register(relay.url, "flooder");
    const before = await relay.residentBytes();
    const talking = talk();
    const to = (account: AccountId, deliveryKey: Uint8Array, storage: "stored" | "ephemeral") => ({
      type: "send" as const,
      messageId: newMessageId(),
      storage,
      commitment: storage === "stored" ? new Uint8Array(randomBytes(32)) : undefined,
      urgency: "normal" as const,
      purpose: "message" as const,
      wantBundles: "no" as const,
      recipients: [{ account, deliveryKey, scope: "all" as const, envelopes: [] }],
    });
    const passing = () => to(flooder.account, flooder.deliveryKey, "ephemeral");
    const lookups = Array.from({ length: 1_000 }, (): Asking => ({ type: "resolve", userId: "bob" }));
    const resolved = await askAll(flooder.socket, lookups, 200);
    const passed = await askAll(flooder.socket, Array.from({ length: 1_500 }, passing), 200);
    for (const answers of [resolved, passed]) {
      const { tooManyRequests = 0, ...taken } = tally(answers);
      expect(tooManyRequests).toBeGreaterThan(400);
      expect(Object.keys(taken)).toHaveLength(1);
      const slowed = answers.filter((answer): answer is Frame<"failed"> => answer.type === "failed");
      expect(slowed.every(({ retryAfterMs = 0 }) => retryAfterMs > 0)).toBe(true);
    }
    await talking;

    for (let id = 1; id <= 40_000; id++) flooder.socket.send({ type: "ping", id });
    expect(await flooder.socket.closed).toBe(closeCodes.flooding);

    // Refusals wait for their time, so they stay unanswered together.
    const stranger = accountIdFromBytes(randomBytes(16));
    const impatient = await flooder.connect();
    for (let id = 1; id <= 400; id++) impatient.send({ ...to(stranger, new Uint8Array(16), "stored"), id });
    expect(await impatient.closed).toBe(closeCodes.flooding);
    await talk();
    const grown = (await relay.residentBytes()) - before;
    console.log(`${name}: ${(grown / MIB).toFixed(0)} MiB more after the floods`);
    expect(grown).toBeLessThan(96 * MIB);
    expect((await relay.page("/health")).status).toBe(200);
  });

  it(`holds ${IDLE} anonymous connections that say nothing in bounded memory`, async ({ skip }) => {
    const limit = execFileSync("sh", ["-c", "ulimit -n"]).toString().trim();
    if (limit !== "unlimited" && Number(limit) < IDLE + 500) {
      const reason = `a process may open ${limit} files and needs ${IDLE + 500}`;
      console.log(`skipped on ${name}: ${reason}`);
      skip(reason);
    }
    const before = await relay.residentBytes();
    const path = fileURLToPath(new URL("idle-connections.ts", import.meta.url));
    const port = new URL(relay.url).port;
    const execArgv = ["--conditions=sotto-source", "--import", "tsx"];
    const crowd = fork(path, [port, String(IDLE)], { execArgv });
    try {
      expect(await said<IdleReport>(crowd)).toEqual({ open: IDLE, answered: 0 });
      const each = ((await relay.residentBytes()) - before) / IDLE;
      console.log(`${name}: ${(each / 1_024).toFixed(1)} KiB of the relay for each of ${IDLE} idle connections`);
      expect(each).toBeLessThan(idleBytes);
      await talk();
      const answer = said<IdleReport>(crowd);
      crowd.send("ping");
      expect(await answer).toEqual({ open: IDLE, answered: IDLE });
    } finally {
      crowd.kill();
      await once(crowd, "exit");
    }
    await vi.waitFor(
      async () => {
        const { body } = await relay.page("/metrics");
        // Each client has one anonymous connection of its own.
        expect(Number(/^sotto_anonymous_connections (\d+)$/m.exec(body)?.[1])).toBeLessThanOrEqual(2);
      },
      { timeout: 30_000, interval: 500 },
    );
    await talk();
  });
});
