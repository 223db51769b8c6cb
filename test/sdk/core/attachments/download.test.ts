import { ATTACHMENT_CHUNK_BYTES, toHex } from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { type DownloadProgress, downloadAttachment } from "../../../../sdk/core/attachments/download.js";
import { Cancellation } from "../../../../sdk/core/cancellation.js";
import { attachmentOf, downloaded, downloadParts } from "../../../support/attachments/download-fixture.js";
import { ScriptedRelay, served } from "../../../support/attachments/scripted-relay.js";

const CHUNK = ATTACHMENT_CHUNK_BYTES;
const SEALED = CHUNK + 16;
const { plaintext, blob, reference } = attachmentOf(3_000_000);

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));
const honest = () => new ScriptedRelay((ask) => served(blob, ask));
/** Sends so many chunks and then nothing, and does not hang up. */
const stuck = (chunks: number) =>
  new ScriptedRelay(() => ({ status: 200, pieces: [blob.subarray(0, chunks * SEALED)], end: "silent" }));

describe("a download", () => {
  test("asks for the blob by its id, for bytes as they are, and for nothing before it is iterated", async () => {
    const relay = honest();
    const pieces = downloadAttachment(downloadParts(relay), reference);
    await tick();
    expect(relay.asks).toEqual([]);
    await pieces.next();
    expect(relay.asks).toMatchObject([
      {
        method: "GET",
        url: `http://relay.test/v1/blobs/${toHex(reference.id)}`,
        headers: { "accept-encoding": "identity" },
      },
    ]);
    await pieces.return();
  });

  test("tells how far it is, each time before it gives a piece out", async () => {
    const told: DownloadProgress[] = [];
    let received = 0;
    const onProgress = (progress: DownloadProgress) => void told.push(progress);
    for await (const piece of downloadAttachment(downloadParts(honest()), reference, { onProgress })) {
      received += piece.length;
      expect(told.at(-1)).toEqual({ receivedBytes: received, totalBytes: 3_000_000 });
    }
    expect(received).toBe(3_000_000);
  });

  test("goes on where its onProgress throws", async () => {
    const onProgress = () => {
      throw new Error("a bug of the app's");
    };
    const { released, failure } = await downloaded(downloadParts(honest()), reference, { onProgress });
    expect(failure).toBeUndefined();
    expect(released).toHaveLength(3_000_000);
  });

  test("gives the first piece out while the second has not come", async () => {
    const relay = stuck(1);
    const pieces = downloadAttachment(downloadParts(relay), reference);
    const { value } = await pieces.next();
    expect(Buffer.compare(value as Uint8Array, plaintext.subarray(0, CHUNK))).toBe(0);
    await pieces.return();
    expect(relay.open).toBe(0);
  });

  test("reads on only as fast as pieces are taken, a few ahead", async () => {
    const relay = honest();
    let received = 0;
    let furthest = 0;
    for await (const piece of downloadAttachment(downloadParts(relay), reference)) {
      received += piece.length;
      for (let turn = 0; turn < 20; turn++) await tick();
      furthest = Math.max(furthest, relay.takenBytes - received);
    }
    expect(furthest).toBeGreaterThan(2 * SEALED);
    expect(furthest).toBeLessThan(12 * SEALED);
  });

  test("cuts and joins network pieces of any size", async () => {
    const small = attachmentOf(140_000);
    for (const pieceBytes of [7, 1_000, SEALED - 1, SEALED, SEALED + 1, 1_000_000]) {
      const relay = new ScriptedRelay((ask) => served(small.blob, ask, pieceBytes));
      const { released, failure } = await downloaded(downloadParts(relay), small.reference);
      expect(failure).toBeUndefined();
      expect(Buffer.compare(released, small.plaintext)).toBe(0);
    }
  });

  test("leaves a chunk's bytes alone until a slow cipher has read them", async () => {
    const parts = downloadParts(honest());
    const chunkKey: typeof parts.chunkKey = async (bytes) => {
      const key = await parts.chunkKey(bytes);
      return { ...key, open: (nonce, sealed) => tick().then(() => key.open(nonce, sealed)) };
    };
    const { released, failure } = await downloaded({ ...parts, chunkKey }, reference);
    expect(failure).toBeUndefined();
    expect(Buffer.compare(released, plaintext)).toBe(0);
  });

  test("takes pieces of no bytes for what they are", async () => {
    const small = attachmentOf(10);
    const none = new Uint8Array(0);
    const relay = new ScriptedRelay(() => ({ status: 200, pieces: [none, small.blob, none, none] }));
    expect((await downloaded(downloadParts(relay), small.reference)).failure).toBeUndefined();
  });

  test("is refused at once for a reference that cannot be", () => {
    const parts = downloadParts(honest());
    const wrong = [
      { ...reference, id: new Uint8Array(15) },
      { ...reference, key: new Uint8Array(31) },
      { ...reference, digest: new Uint8Array(0) },
      { ...reference, sizeBytes: -1 },
    ];
    for (const one of wrong)
      expect(() => downloadAttachment(parts, one)).toThrow(expect.objectContaining({ code: "invalidArgument" }));
  });
});

describe("a download that nobody wants any more", () => {
  test("frees its connection when the loop is left", async () => {
    const relay = honest();
    for await (const _piece of downloadAttachment(downloadParts(relay), reference)) break;
    expect(relay.asks).toHaveLength(1);
    expect(relay.open).toBe(0);
  });

  test("frees its connection and throws aborted while it waits for the relay", async () => {
    const relay = stuck(2);
    const signal = new Cancellation();
    const pieces = downloadAttachment(downloadParts(relay), reference, { signal });
    await pieces.next();
    await pieces.next();
    const third = pieces.next();
    signal.abort();
    await expect(third).rejects.toMatchObject({ code: "aborted" });
    expect(relay.open).toBe(0);
    expect(await pieces.next()).toEqual({ done: true, value: undefined });
  });

  test("throws aborted while it waits for an answer", async () => {
    const relay = new ScriptedRelay(() => "silent");
    const signal = new Cancellation();
    const first = downloadAttachment(downloadParts(relay), reference, { signal }).next();
    while (relay.asks.length === 0) await tick();
    signal.abort();
    await expect(first).rejects.toMatchObject({ code: "aborted" });
  });

  test("gives out nothing more of what it has when it is aborted between two pieces", async () => {
    const relay = honest();
    const signal = new Cancellation();
    const pieces = downloadAttachment(downloadParts(relay), reference, { signal });
    await pieces.next();
    signal.abort();
    expect(relay.open).toBe(0);
    await expect(pieces.next()).rejects.toMatchObject({ code: "aborted" });
  });

  test("asks for nothing if it was aborted before", async () => {
    const relay = honest();
    const signal = new Cancellation();
    signal.abort();
    const aborted = downloadAttachment(downloadParts(relay), reference, { signal }).next();
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    expect(relay.asks).toEqual([]);
  });
});
