/**
 * How long it takes to read the head of one mailbox after a million and more envelopes went through it. LevelDB keeps
 * deleted rows until a compaction; the store seeks to the head it remembers, and a scan from the start steps over them.
 *
 *   node --conditions=sotto-source --import tsx bench/store/head-after-tombstones.ts [cycles]
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AccountId, DeviceId } from "@sotto/protocol";
import { type MailboxId, mailboxId, type Store } from "../../server/ports.js";
import type { Engine } from "../../server/store/engine.js";
import { levelEngine } from "../../server/store/level/level-engine.js";
import { orderedStore } from "../../server/store/ordered/ordered-store.js";
import { envelopesOf } from "../../server/store/row-keys.js";
import { circumstances } from "../report/circumstances.js";
import { percentiles } from "../statistics.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CYCLES = Number(process.argv[2] ?? 1_000_000);
const CHECKPOINTS = [0.01, 0.1, 0.25, 0.5, 0.75, 1].map((share) => Math.round(CYCLES * share));
const READS = 200;
const IN_FLIGHT = 250;
const BODY_BYTES = 512;
/** The first mailbox of a fresh store. */
const MAILBOX_NUMBER = 1;
const MAILBOX = mailboxId("00000000-0000-4000-8000-000000000001" as AccountId, 1 as DeviceId, 1);
const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after() {
    throw new Error("a store sets no timers");
  },
};

interface Microseconds {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface Checkpoint {
  readonly cycles: number;
  /** `Mailboxes.read` from cursor 0: seeks to the remembered head. */
  readonly rememberedHead: Microseconds;
  /** The first row behind the start of the mailbox, as a store that remembers nothing finds it. */
  readonly scanFromStart: Microseconds;
  readonly ratioOfMedians: number;
}

async function append(store: Store, mailbox: MailboxId, serial: number): Promise<number> {
  const messageId = Buffer.alloc(16);
  messageId.writeUInt32BE(Math.imul(serial, 0x9e3779b1) >>> 0, 0);
  messageId.writeUInt32BE(serial, 4);
  const outcome = await store.mail.append({
    messageId,
    acceptedMs: clock.now(),
    rows: [{ mailbox, body: new Uint8Array(BODY_BYTES).fill(serial) }],
    guards: [],
    quota: { envelopes: 100_000, bytes: 1_000_000_000 },
  });
  if (outcome.kind !== "stored") throw new Error(`an append was answered ${outcome.kind}`);
  return outcome.cursors[0] ?? 0;
}

/** Lets envelopes come and go until so many went; the mailbox is empty then. */
async function churn(store: Store, from: number, to: number): Promise<void> {
  let serial = from;
  const worker = async () => {
    while (serial < to) {
      serial += 1;
      const cursor = await append(store, MAILBOX, serial);
      await store.mail.acknowledge(MAILBOX, 0, [cursor]);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

async function timed(read: () => Promise<number>): Promise<Microseconds> {
  const taken: number[] = [];
  for (let n = 0; n < READS; n++) {
    const startMs = performance.now();
    const found = await read();
    taken.push((performance.now() - startMs) * 1_000);
    if (found !== 1) throw new Error(`a read found ${found} envelopes instead of one`);
  }
  const [p50 = Number.NaN, p99 = Number.NaN, max = Number.NaN] = percentiles(taken, [0.5, 0.99, 1]);
  return { p50: Math.round(p50), p99: Math.round(p99), max: Math.round(max) };
}

async function measure(store: Store, engine: Engine, cycles: number): Promise<Checkpoint> {
  const cursor = await append(store, MAILBOX, 0x8000_0000 + cycles);
  const rememberedHead = await timed(async () => {
    const { items } = await store.mail.read(MAILBOX, 0, { count: 1, bytes: 1_000_000 });
    return items.length;
  });
  const scanFromStart = await timed(async () => (await engine.entries(envelopesOf(MAILBOX_NUMBER, 0), 1)).length);
  await store.mail.acknowledge(MAILBOX, cursor, []);
  const ratioOfMedians = Math.round((scanFromStart.p50 / rememberedHead.p50) * 10) / 10;
  return { cycles, rememberedHead, scanFromStart, ratioOfMedians };
}

const folder = await mkdtemp(join(tmpdir(), "sotto-bench-"));
try {
  const engine = levelEngine(folder);
  const store = orderedStore({ engine, clock, durability: "unsafeUnsynced" });
  await store.open();
  await store.mail.create(MAILBOX);
  const checkpoints: Checkpoint[] = [];
  const startMs = performance.now();
  let done = 0;
  for (const cycles of CHECKPOINTS) {
    await churn(store, done, cycles);
    done = cycles;
    const checkpoint = await measure(store, engine, cycles);
    checkpoints.push(checkpoint);
    console.log(JSON.stringify(checkpoint));
  }
  const seconds = (performance.now() - startMs) / 1_000;
  await store.close();

  // A store that was just opened remembers the head from the mailbox's row.
  const reopened = orderedStore({ engine: levelEngine(folder), clock, durability: "unsafeUnsynced" });
  await reopened.open();
  const firstStartMs = performance.now();
  await reopened.mail.read(MAILBOX, 0, { count: 1, bytes: 1_000_000 });
  const firstReadAfterOpen = Math.round((performance.now() - firstStartMs) * 1_000);
  await reopened.close();

  const result = {
    bench: "head of a mailbox after tombstones",
    circumstances: await circumstances(ROOT),
    unit: "microseconds",
    readsPerFigure: READS,
    bodyBytes: BODY_BYTES,
    churnSeconds: Math.round(seconds),
    checkpoints,
    firstReadAfterOpen,
    notes: [
      "One mailbox; every cycle is an append and its acknowledgement, written without sync to keep the run short.",
      "The database is read while it compacts, as in a busy relay; the scan's figure depends on when the last compaction was.",
      "An envelope is put in before each measurement, so both ways find exactly one.",
    ],
  };
  const results = join(ROOT, "bench", "results");
  await mkdir(results, { recursive: true });
  await writeFile(join(results, "head-after-tombstones.json"), `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
