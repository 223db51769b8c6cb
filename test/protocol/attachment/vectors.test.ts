import { createHash } from "node:crypto";
import * as protocol from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { nonceOf, openBlob, paddedSize } from "../../support/attachments/independent.js";
import { claimOf, goodBlob, vectorPlaintext, vectors, wrongBlob } from "../../support/attachments/vector-blobs.js";
import { hex, unhex } from "../spelling.js";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("vectors of sizes, nonces, keys and ids", () => {
  test.each(vectors.sizes)("$sizeBytes bytes", ({ sizeBytes, paddedBytes, chunks, sealedBytes }) => {
    expect(protocol.paddedAttachmentSize(sizeBytes)).toBe(paddedBytes);
    expect(paddedSize(sizeBytes)).toBe(paddedBytes);
    expect(protocol.attachmentChunks(paddedBytes)).toBe(chunks);
    expect(protocol.sealedAttachmentSize(sizeBytes)).toBe(sealedBytes);
  });

  test.each(vectors.nonces)("chunk $index, last: $last", ({ index, last, nonce }) => {
    expect(hex(protocol.attachmentNonce(index, last === "yes"))).toBe(nonce);
    expect(hex(nonceOf(index, last === "yes"))).toBe(nonce);
  });

  test.each(vectors.keys)("the key of $key", ({ key, derived }) => {
    expect(hex(protocol.deriveAttachmentKey(unhex(key)))).toBe(derived);
  });

  test.each(vectors.blobIds)("the blob of $uploadId", ({ uploadId, blobId }) => {
    expect(hex(protocol.blobIdOf(unhex(uploadId)))).toBe(blobId);
    const labelled = Buffer.concat([Buffer.from("\x0csotto/blob/1\0\0\0\x10", "latin1"), unhex(uploadId)]);
    expect(sha256(labelled).slice(0, 32)).toBe(blobId);
  });
});

describe("vectors of blobs, by a second implementation", () => {
  test.each(vectors.accepted)("$name", (vector) => {
    const blob = goodBlob(vector.sizeBytes);
    expect({ sealedBytes: blob.length, sealedSha256: sha256(blob) }).toEqual({
      sealedBytes: vector.sealedBytes,
      sealedSha256: vector.sealedSha256,
    });
    let from = 0;
    for (const { sealedBytes, head, tag } of vector.chunks) {
      expect(hex(blob.subarray(from, from + 16))).toBe(head);
      from += sealedBytes;
      expect(hex(blob.subarray(from - 16, from))).toBe(tag);
    }
    expect(from).toBe(blob.length);
    if (vector.hex !== undefined) expect(hex(blob)).toBe(vector.hex);
    const { released, isWhole } = openBlob(blob, claimOf(vector));
    expect(isWhole).toBe(true);
    expect(Buffer.compare(released, vectorPlaintext(vector.sizeBytes))).toBe(0);
  });

  test.each(vectors.refused)("refused: $name", (vector) => {
    const { released, isWhole } = openBlob(wrongBlob(vector), claimOf(vector));
    expect(isWhole).toBe(false);
    expect(released.length).toBe(vector.releasedBytes);
  });

  test("name every refused blob once", () => {
    expect(new Set(vectors.refused.map(({ name }) => name)).size).toBe(vectors.refused.length);
  });
});
