/** Random histories of a few mailboxes, compared step by step with the simplest thing that could be right. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MailboxId } from "../../../server/ports.js";
import { bytes, EVERYTHING, type MakeStore, mailbox, type StoreHarness, send, text } from "./harness.js";

interface ModelMailbox {
  last: number;
  readonly held: Map<number, string>;
}

type Step =
  | { readonly kind: "append"; readonly to: readonly number[]; readonly message: number; readonly isShared: boolean }
  | { readonly kind: "acknowledge"; readonly at: number; readonly upTo: number; readonly also: readonly number[] }
  | { readonly kind: "read"; readonly at: number; readonly after: number; readonly count: number }
  | { readonly kind: "drop" | "create"; readonly at: number }
  | { readonly kind: "expire" | "reopen" };

const place = fc.integer({ min: 1, max: 3 });
const cursor = fc.integer({ min: 0, max: 15 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      to: fc.array(place, { maxLength: 4 }),
      message: fc.nat(30),
      isShared: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("acknowledge" as const),
      at: place,
      upTo: cursor,
      also: fc.array(cursor, { maxLength: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      at: place,
      after: cursor,
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("drop" as const, "create" as const), at: place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("expire" as const, "reopen" as const) }) },
);

const QUOTA = { envelopes: 6, bytes: 1_000 } as const;

/** Runs one history; an `expire` deletes everything that was accepted before it. */
async function run(harness: StoreHarness, steps: readonly Step[]): Promise<void> {
  const boxes = new Map<MailboxId, ModelMailbox>();
  const accepted = new Map<number, number>();
  for (const number of [1, 2]) {
    await harness.store.mail.create(mailbox(number));
    boxes.set(mailbox(number), { last: 0, held: new Map() });
  }
  for (const step of steps) {
    harness.clock.advance(1);
    const { mail } = harness.store;
    switch (step.kind) {
      case "append": {
        const to = step.to.map(mailbox);
        const parts = step.isShared ? { body: bytes("body "), shared: bytes(`${step.message}`) } : {};
        const outcome = await mail.append(send(harness, step.message, to, { quota: QUOTA, ...parts }));
        expect(outcome).toEqual(expectedAppend(boxes, accepted, to, step.message, harness.clock.now()));
        break;
      }
      case "acknowledge": {
        await mail.acknowledge(mailbox(step.at), step.upTo, step.also);
        const box = boxes.get(mailbox(step.at));
        for (const held of [...(box?.held.keys() ?? [])]) {
          if (held <= step.upTo || step.also.includes(held)) box?.held.delete(held);
        }
        break;
      }
      case "read": {
        const box = boxes.get(mailbox(step.at)) ?? { last: 0, held: new Map<number, string>() };
        const behind = [...box.held].filter(([held]) => held > step.after);
        const page = await mail.read(mailbox(step.at), step.after, { count: step.count, bytes: 1_000 });
        expect(page.items.map((item) => [item.cursor, text(item.body)])).toEqual(behind.slice(0, step.count));
        expect(page).toMatchObject({ more: behind.length > step.count, head: box.last });
        break;
      }
      case "drop":
        await mail.drop(mailbox(step.at));
        boxes.delete(mailbox(step.at));
        break;
      case "create": {
        const id = mailbox(step.at);
        expect(await mail.create(id)).toBe(!boxes.has(id));
        if (!boxes.has(id)) boxes.set(id, { last: 0, held: new Map() });
        break;
      }
      case "expire": {
        let expected = 0;
        for (const { held } of boxes.values()) {
          expected += held.size;
          held.clear();
        }
        expect(await mail.expire(harness.clock.now(), { aborted: false })).toBe(expected);
        break;
      }
      case "reopen":
        await harness.reopen();
        break;
      default:
        step satisfies never;
    }
  }
  await harness.reopen();
  for (const number of [1, 2, 3]) {
    const box = boxes.get(mailbox(number));
    const { items, head } = await harness.store.mail.read(mailbox(number), 0, EVERYTHING);
    expect(items.map((item) => [item.cursor, text(item.body)])).toEqual([...(box?.held ?? [])]);
    expect(head).toBe(box?.last ?? 0);
  }
}

function expectedAppend(
  boxes: Map<MailboxId, ModelMailbox>,
  accepted: Map<number, number>,
  to: readonly MailboxId[],
  message: number,
  nowMs: number,
): unknown {
  const acceptedMs = accepted.get(message);
  if (acceptedMs !== undefined) return { kind: "repeated", acceptedMs };
  const targets = new Set(to);
  const missing = [...targets].filter((id) => !boxes.has(id));
  if (missing.length > 0) return { kind: "noMailbox", mailboxes: missing };
  const full = [...targets].filter((id) => {
    const rows = to.filter((other) => other === id).length;
    return (boxes.get(id)?.held.size ?? 0) + rows > QUOTA.envelopes;
  });
  if (full.length > 0) return { kind: "full", mailboxes: full };
  accepted.set(message, nowMs);
  const cursors = to.map((id) => {
    const box = boxes.get(id);
    if (box === undefined) throw new Error("checked above");
    box.last += 1;
    box.held.set(box.last, `body ${message}`);
    return box.last;
  });
  return { kind: "stored", cursors };
}

/** Describes the agreement of an adapter with the model. */
export function describeMailboxModel(makeStore: MakeStore): void {
  describe("random histories", () => {
    it("end as a simple model of mailboxes says", { timeout: 120_000 }, async () => {
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
