import { ATTACHMENT_CHUNK_BYTES, limits, SottoError, sealedAttachmentSize } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planDownload, rangeHeader, sealedChunkBytes } from "../../../../sdk/core/attachments/ranges.js";
import { attachmentOf, downloaded, downloadParts } from "../../../support/attachments/download-fixture.js";
import { ScriptedRelay, served } from "../../../support/attachments/scripted-relay.js";

const CHUNK = ATTACHMENT_CHUNK_BYTES;
const SEALED = CHUNK + 16;

describe("the plan of a download", () => {
  test("has chunks that are together the blob", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000_000 }), (sizeBytes) => {
        const plan = planDownload(sizeBytes);
        const lengths = Array.from({ length: plan.chunks }, (_, index) => sealedChunkBytes(plan, index));
        expect(lengths.reduce((sum, length) => sum + length)).toBe(sealedAttachmentSize(sizeBytes));
        expect(plan).toMatchObject({ kind: "whole", firstChunk: 0, endChunk: plan.chunks });
      }),
    );
  });

  test("names the chunks of its range and no others", () => {
    const ranges = fc
      .integer({ min: 1, max: 5_000_000 })
      .chain((size) => fc.tuple(fc.constant(size), fc.nat(size), fc.nat(size)));
    fc.assert(
      fc.property(ranges, ([sizeBytes, one, other]) => {
        const [start, end] = one < other ? [one, other] : [other, one];
        fc.pre(start < end && end - start < sizeBytes);
        const { kind, firstChunk, endChunk } = planDownload(sizeBytes, { start, end });
        expect(kind).toBe("part");
        expect(firstChunk * CHUNK).toBeLessThanOrEqual(start);
        expect((firstChunk + 1) * CHUNK).toBeGreaterThan(start);
        expect(endChunk * CHUNK).toBeGreaterThanOrEqual(end);
        expect((endChunk - 1) * CHUNK).toBeLessThan(end);
      }),
    );
  });

  test("asks for exact bytes, and for everything behind where it reaches to the end of the blob", () => {
    const middle = planDownload(200_000, { start: 70_000, end: 70_001 });
    expect(rangeHeader(middle, 1)).toBe(`bytes=${SEALED}-${2 * SEALED - 1}`);
    const whole = planDownload(200_000);
    expect([0, 1, 3].map((chunk) => rangeHeader(whole, chunk))).toEqual([
      undefined,
      `bytes=${SEALED}-`,
      `bytes=${3 * SEALED}-`,
    ]);
  });

  test("is whole from 0 to the end, however that is said", () => {
    for (const range of [undefined, { start: 0 }, { start: 0, end: 7 }])
      expect(planDownload(7, range).kind).toBe("whole");
    expect(planDownload(0, { start: 0, end: 0 }).kind).toBe("whole");
    expect(planDownload(7, { start: 1 }).kind).toBe("part");
  });

  test("is refused for what lies outside", () => {
    const wrong = [{ start: -1 }, { start: 8 }, { start: 0, end: 8 }, { start: 3, end: 2 }, { start: 0.5 }];
    for (const range of [...wrong, { start: Number.NaN }, { start: 0, end: Number.POSITIVE_INFINITY }])
      expect(() => planDownload(7, range)).toThrow(SottoError);
    expect(() => planDownload(limits.attachmentBytes.value + 1)).toThrow(SottoError);
    expect(() => planDownload(-1)).toThrow(SottoError);
  });
});

describe("a download of a range", () => {
  const { plaintext, blob, reference } = attachmentOf(300_000);

  test("gives out these bytes, whatever the range", async () => {
    const offsets = fc.oneof(fc.nat(300_000), fc.constantFrom(0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 300_000));
    await fc.assert(
      fc.asyncProperty(offsets, offsets, fc.integer({ min: 1, max: 200_000 }), async (one, other, pieceBytes) => {
        const [start, end] = one < other ? [one, other] : [other, one];
        const relay = new ScriptedRelay((ask) => served(blob, ask, pieceBytes));
        const { released, failure } = await downloaded(downloadParts(relay), reference, { range: { start, end } });
        expect(failure).toBeUndefined();
        expect(Buffer.compare(released, plaintext.subarray(start, end))).toBe(0);
        expect(relay.open).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test("asks the relay for the chunks it needs only", async () => {
    const relay = new ScriptedRelay((ask) => served(blob, ask));
    await downloaded(downloadParts(relay), reference, { range: { start: CHUNK, end: CHUNK + 1 } });
    expect(relay.ranges).toEqual([`bytes=${SEALED}-${2 * SEALED - 1}`]);
    expect(relay.takenBytes).toBe(SEALED);
  });

  test("that is empty asks for nothing", async () => {
    const relay = new ScriptedRelay((ask) => served(blob, ask));
    expect((await downloaded(downloadParts(relay), reference, { range: { start: 5, end: 5 } })).released).toHaveLength(
      0,
    );
    expect(relay.asks).toEqual([]);
  });

  test("is taken from a relay that sends the blob from its beginning, and not a byte more is read", async () => {
    const relay = new ScriptedRelay((ask) => ({ ...served(blob, { ...ask, headers: {} }, 10_000), status: 200 }));
    const { released } = await downloaded(downloadParts(relay), reference, { range: { start: 70_000, end: 70_010 } });
    expect(Buffer.compare(released, plaintext.subarray(70_000, 70_010))).toBe(0);
    expect(relay.takenBytes).toBeLessThan(2 * SEALED + 10_000);
    expect(relay.open).toBe(0);
  });

  test("is refused where the relay sends other chunks, or more than was asked for", async () => {
    const range = { start: CHUNK, end: 2 * CHUNK };
    const others = new ScriptedRelay(() => ({ pieces: [blob.subarray(2 * SEALED, 3 * SEALED)] }));
    expect(await downloaded(downloadParts(others), reference, { range })).toEqual({
      released: Buffer.alloc(0),
      failure: "attachmentCorrupt",
    });
    const more = new ScriptedRelay(() => ({ pieces: [blob.subarray(SEALED, 2 * SEALED + 1)] }));
    expect(await downloaded(downloadParts(more), reference, { range })).toEqual({
      released: Buffer.from(plaintext.subarray(CHUNK, 2 * CHUNK)),
      failure: "attachmentCorrupt",
    });
  });

  test("knows nothing of a wrong digest, which needs all bytes", async () => {
    const forged = { ...reference, digest: new Uint8Array(32) };
    const relay = new ScriptedRelay((ask) => served(blob, ask));
    expect((await downloaded(downloadParts(relay), forged, { range: { start: 1 } })).failure).toBeUndefined();
    expect((await downloaded(downloadParts(relay), forged)).failure).toBe("attachmentCorrupt");
  });
});
