/** Random histories of a few logs, with calls that overlap, compared with the simplest thing that could be right. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, EVERYTHING, group, type MakeStore, type StoreHarness, text } from "./harness.js";

interface ModelLog {
  seq: number;
  lastMs: number;
  document: string;
  checkpoint: string | undefined;
  readonly entries: Map<number, { readonly text: string; readonly acceptedMs: number }>;
}

type Step =
  | {
      readonly kind: "append";
      readonly at: number;
      readonly off: number;
      readonly size: number;
      readonly agoMs: number;
    }
  | {
      readonly kind: "checkpoint";
      readonly at: number;
      readonly off: number;
      readonly below: number;
      readonly keep: readonly number[];
    }
  | {
      readonly kind: "read";
      readonly at: number;
      readonly after: number;
      readonly count: number;
      readonly bytes: number;
    }
  | { readonly kind: "expire"; readonly agoMs: number }
  | { readonly kind: "settle" | "reopen" };

const at = fc.integer({ min: 1, max: 2 });
/** How far from the right number a caller is: mostly not at all. */
const off = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: -2, max: 2 }) },
);
const seq = fc.integer({ min: 0, max: 20 });
const agoMs = fc.nat(6);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ kind: fc.constant("append" as const), at, off, size: fc.nat(40), agoMs }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("checkpoint" as const),
      at,
      off,
      below: seq,
      keep: fc.array(seq, { maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      at,
      after: seq,
      count: fc.integer({ min: 1, max: 6 }),
      bytes: fc.nat(120),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("expire" as const), agoMs }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("settle" as const, "reopen" as const) }) },
);

/** Mutations are called one after the other and awaited together, so that they overlap; looks wait for them. */
async function run(harness: StoreHarness, steps: readonly Step[]): Promise<void> {
  const logs = new Map<number, ModelLog>();
  let underWay: Promise<void>[] = [];
  const settle = async () => {
    await Promise.all(underWay);
    underWay = [];
  };
  const expecting = (call: Promise<unknown>, expected: unknown) => {
    underWay.push(call.then((answer) => expect(answer).toEqual(expected)));
  };
  for (const [index, step] of steps.entries()) {
    harness.clock.advance(1);
    const nowMs = harness.clock.now();
    switch (step.kind) {
      case "append": {
        const log = logs.get(step.at);
        const expectedSeq = Math.max(0, (log?.seq ?? 0) + step.off);
        const entry = `${index} ${"x".repeat(step.size)}`;
        const document = `document ${index}`;
        const call = harness.store.logs.append({
          group: group(step.at),
          expectedSeq,
          acceptedMs: nowMs - step.agoMs,
          entry: bytes(entry),
          document: bytes(document),
        });
        if (expectedSeq !== (log?.seq ?? 0)) {
          expecting(call, { kind: "moved", seq: log?.seq ?? 0 });
          break;
        }
        const acceptedMs = Math.max(nowMs - step.agoMs, log?.lastMs ?? 0);
        const entries = log?.entries ?? new Map();
        entries.set(expectedSeq + 1, { text: entry, acceptedMs });
        const checkpoint = log?.checkpoint;
        logs.set(step.at, { seq: expectedSeq + 1, lastMs: acceptedMs, document, checkpoint, entries });
        expecting(call, { kind: "appended", acceptedMs });
        break;
      }
      case "checkpoint": {
        const log = logs.get(step.at);
        const expectedSeq = Math.max(0, (log?.seq ?? 0) + step.off);
        const document = `document ${index}`;
        const call = harness.store.logs.putCheckpoint({
          group: group(step.at),
          expectedSeq,
          seq: expectedSeq,
          body: bytes(`checkpoint ${index}`),
          document: bytes(document),
          deleteBelow: step.below,
          keep: step.keep,
        });
        const wins = log !== undefined && log.seq === expectedSeq;
        expecting(call, wins);
        if (!wins) break;
        log.document = document;
        log.checkpoint = `${expectedSeq} checkpoint ${index}`;
        for (const held of [...log.entries.keys()]) {
          if (held < step.below && !step.keep.includes(held)) log.entries.delete(held);
        }
        break;
      }
      case "read": {
        await settle();
        const behind = [...(logs.get(step.at)?.entries ?? [])].filter(([held]) => held > step.after && held <= 15);
        const expected: (readonly [number, number, string])[] = [];
        let size = 0;
        for (const [held, entry] of behind) {
          size += entry.text.length;
          if (expected.length === step.count || (expected.length > 0 && size > step.bytes)) break;
          expected.push([held, entry.acceptedMs, entry.text]);
        }
        const page = await harness.store.logs.read(group(step.at), { after: step.after, upTo: 15 }, step);
        expect(page.map((entry) => [entry.seq, entry.acceptedMs, text(entry.entry)])).toEqual(expected);
        break;
      }
      case "expire": {
        await settle();
        const ended = [...logs].filter(([, { lastMs }]) => lastMs < nowMs - step.agoMs);
        for (const [number] of ended) logs.delete(number);
        expect(await harness.store.logs.expire(nowMs - step.agoMs, { aborted: false })).toBe(ended.length);
        break;
      }
      case "settle":
        await settle();
        break;
      case "reopen":
        await settle();
        await harness.reopen();
        break;
      default:
        step satisfies never;
    }
  }
  await settle();
  await harness.reopen();
  for (const number of [1, 2]) await compare(harness, number, logs.get(number));
}

async function compare(harness: StoreHarness, number: number, log: ModelLog | undefined): Promise<void> {
  const head = await harness.store.logs.head(group(number));
  const entries = [...(log?.entries ?? [])];
  const size = entries.reduce((sum, [, entry]) => sum + entry.text.length, 0);
  expect(head && { ...head, document: text(head.document) }).toEqual(
    log && { seq: log.seq, document: log.document, entries: entries.length, bytes: size },
  );
  const checkpoint = await harness.store.logs.checkpoint(group(number));
  expect(checkpoint && `${checkpoint.seq} ${text(checkpoint.body)}`).toBe(log?.checkpoint);
  const all = await harness.store.logs.read(group(number), { after: 0, upTo: 1_000 }, EVERYTHING);
  expect(all.map(({ seq, entry }) => [seq, text(entry)])).toEqual(entries.map(([seq, entry]) => [seq, entry.text]));
}

/** Describes the agreement of an adapter's logs with the model. */
export function describeLogModel(makeStore: MakeStore): void {
  describe("random histories of logs", () => {
    it("end as a simple model of logs says", { timeout: 120_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
          const harness = await makeStore();
          try {
            await run(harness, steps);
          } finally {
            await harness.dispose();
          }
        }),
        { numRuns: 40 },
      );
    });
  });
}
