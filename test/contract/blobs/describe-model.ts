/** Blobs against a model: whatever is asked in whatever order, they answer what a map of bytes would. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { appendAll, blob, isSame, type MakeBlobs, NEVER_ABORTED, noise, readAll, startAppend } from "./harness.js";

interface ModelBlob {
  readonly bytes: Uint8Array;
  readonly expiresMs: number;
  readonly unfinishedMs: number;
  offset: number;
}

const size = fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.constantFrom(262_143, 262_144, 262_145, 600_000));
const step = fc.oneof(
  fc.record({
    kind: fc.constant("create" as const),
    id: fc.nat(3),
    lengthBytes: size,
    seed: fc.nat(9),
    lifeMs: fc.nat(40),
  }),
  fc.record({
    kind: fc.constant("append" as const),
    id: fc.nat(3),
    lengthBytes: size,
    ends: fc.constantFrom("commit", "discard"),
  }),
  fc.record({ kind: fc.constant("read" as const), id: fc.nat(3), from: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ kind: fc.constant("delete" as const), id: fc.nat(3) }),
  fc.record({ kind: fc.constant("expire" as const), nowMs: fc.nat(40) }),
  fc.record({ kind: fc.constant("reopen" as const) }),
);

/** Describes the agreement with the model. */
export function describeModel(makeBlobs: MakeBlobs): void {
  describe("as a whole", () => {
    it("answers as a model does", { timeout: 60_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const harness = await makeBlobs();
          const model = new Map<number, ModelBlob>();
          try {
            for (const asked of steps) {
              const { blobs } = harness;
              switch (asked.kind) {
                case "create": {
                  const { id, lengthBytes, seed, lifeMs } = asked;
                  const times = { unfinishedMs: lifeMs, expiresMs: lifeMs * 2 };
                  const answer = await blobs.create(blob(id), { lengthBytes, ...times });
                  expect(answer).toBe(model.has(id) ? "exists" : "created");
                  if (answer === "created") model.set(id, { bytes: noise(lengthBytes, seed), ...times, offset: 0 });
                  break;
                }
                case "append": {
                  const known = model.get(asked.id);
                  if (known === undefined) {
                    expect(await blobs.append(blob(asked.id), 0)).toBeUndefined();
                    break;
                  }
                  const more = known.bytes.subarray(known.offset, known.offset + asked.lengthBytes);
                  if (asked.ends === "commit") {
                    known.offset += more.length;
                    expect(await appendAll(blobs, blob(asked.id), known.offset - more.length, more)).toBe(known.offset);
                  } else {
                    const append = await startAppend(blobs, blob(asked.id), known.offset);
                    await append.write(more);
                    await append.discard();
                  }
                  break;
                }
                case "read": {
                  const known = model.get(asked.id);
                  if (known === undefined || known.offset < known.bytes.length) break;
                  const from = Math.floor(asked.from * known.bytes.length);
                  const read = await readAll(blobs, blob(asked.id), { from, to: known.bytes.length });
                  expect(isSame(read, known.bytes.subarray(from))).toBe(true);
                  break;
                }
                case "delete":
                  await blobs.delete(blob(asked.id));
                  model.delete(asked.id);
                  break;
                case "expire": {
                  const due = [...model].filter(
                    ([, { bytes, offset, expiresMs, unfinishedMs }]) =>
                      expiresMs <= asked.nowMs || (offset < bytes.length && unfinishedMs <= asked.nowMs),
                  );
                  for (const [id] of due) model.delete(id);
                  expect(await blobs.expire(asked.nowMs, NEVER_ABORTED)).toBe(due.length);
                  break;
                }
                case "reopen":
                  await harness.reopen();
                  break;
                default:
                  asked satisfies never;
              }
              let held = 0;
              for (const [id, { bytes, offset, expiresMs }] of model) {
                held += bytes.length;
                expect(await harness.blobs.find(blob(id))).toEqual({ lengthBytes: bytes.length, offset, expiresMs });
              }
              expect(harness.blobs.usage().bytes).toBe(held);
            }
          } finally {
            await harness.dispose();
          }
        }),
        { numRuns: 20 },
      );
    });
  });
}
