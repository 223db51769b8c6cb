import { ATTACHMENT_CHUNK_BYTES } from "@sotto/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { attachmentOf, downloaded, downloadParts } from "../../../support/attachments/download-fixture.js";
import { ScriptedRelay, served } from "../../../support/attachments/scripted-relay.js";

const SEALED = ATTACHMENT_CHUNK_BYTES + 16;
const SIZE = 200_000;
const { plaintext, blob, reference } = attachmentOf(SIZE);

/** The places where something begins or ends, and those beside them. */
const boundaries = [0, SEALED, 2 * SEALED, 3 * SEALED, blob.length].flatMap((at) =>
  [at - 17, at - 16, at - 15, at - 1, at, at + 1].filter((place) => place >= 0 && place < blob.length),
);

test("a flipped bit is found at its chunk, whose every byte is held back, and all chunks before are given out", async () => {
  const places = fc.oneof(fc.constantFrom(...boundaries), fc.nat(blob.length - 1));
  await fc.assert(
    fc.asyncProperty(places, fc.nat(7), fc.integer({ min: 1_000, max: 300_000 }), async (place, bit, pieceBytes) => {
      const flipped = Uint8Array.from(blob);
      flipped[place] = (flipped[place] as number) ^ (1 << bit);
      const relay = new ScriptedRelay((ask) => served(flipped, ask, pieceBytes));
      const { released, failure } = await downloaded(downloadParts(relay), reference);
      expect(failure).toBe("attachmentCorrupt");
      const intact = Math.floor(place / SEALED) * ATTACHMENT_CHUNK_BYTES;
      expect(Buffer.compare(released, plaintext.subarray(0, intact))).toBe(0);
      expect(relay.open).toBe(0);
    }),
    { numRuns: 150, examples: boundaries.map((place): [number, number, number] => [place, place % 8, 50_000]) },
  );
});

test("whatever a relay sends, nothing is given out that is not the beginning of the attachment", async () => {
  const slices = fc.array(
    fc.tuple(fc.nat(3), fc.nat(3)).map(([from, length]) => blob.subarray(from * SEALED, (from + length) * SEALED)),
    { maxLength: 5 },
  );
  const noise = fc.uint8Array({ maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(slices, noise, fc.constantFrom(200, 206), async (sent, tail, status) => {
      const relay = new ScriptedRelay(() => ({ status, pieces: [...sent, tail] }));
      const { released, failure } = await downloaded(downloadParts(relay), reference);
      expect(Buffer.compare(released, plaintext.subarray(0, released.length))).toBe(0);
      expect(failure === undefined).toBe(Buffer.concat([...sent, tail]).equals(blob));
      if (failure !== undefined) expect(failure).toBe("attachmentCorrupt");
    }),
    { numRuns: 150 },
  );
});
