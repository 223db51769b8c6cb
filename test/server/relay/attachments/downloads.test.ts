/** Downloads, request by request. */

import { describe, expect, it } from "vitest";
import { BlobError } from "../../../../server/ports.js";
import { isSame } from "../../../contract/blobs/harness.js";
import { ask, begun, patch, roomFor, uploaded } from "../support/http-caller.js";
import { TestRelay } from "../support/test-relay.js";

const SIZE = 200_000;

async function stored(options: Parameters<typeof TestRelay.start>[0] = {}) {
  const relay = await TestRelay.start(options);
  const { client } = await relay.person("alice");
  return { relay, client, ...(await uploaded(relay, client, SIZE)) };
}

describe("a download", () => {
  it("is the whole blob, kept by the client's cache as long as the relay keeps it", async () => {
    const { relay, blob, content } = await stored();
    const { status, headers, body } = await ask(relay, { path: blob });
    expect(status).toBe(200);
    expect(isSame(body, content)).toBe(true);
    expect(headers).toMatchObject({
      "accept-ranges": "bytes",
      etag: `"${blob.slice(-32)}"`,
      "cache-control": `private, max-age=${30 * 86_400}, immutable`,
    });
  });

  it("is nothing that a browser shows, runs or guesses about", async () => {
    const { relay, blob } = await stored();
    expect((await ask(relay, { path: blob })).headers).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment",
      "content-security-policy": "sandbox; default-src 'none'",
      "x-content-type-options": "nosniff",
    });
  });

  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=1000-65999", 1_000, 66_000],
    ["bytes=199999-", 199_999, 200_000],
    ["bytes=-10", 199_990, 200_000],
  ])("of %s is that part", async (range, from, to) => {
    const { relay, blob, content } = await stored();
    const { status, headers, body } = await ask(relay, { path: blob, headers: { range } });
    expect([status, headers["content-range"]]).toEqual([206, `bytes ${from}-${to - 1}/${SIZE}`]);
    expect(isSame(body, content.slice(from, to))).toBe(true);
  });

  it("of a range behind the end is told where the end is", async () => {
    const { relay, blob } = await stored();
    const { status, headers } = await ask(relay, { path: blob, headers: { range: `bytes=${SIZE}-` } });
    expect([status, headers["content-range"]]).toEqual([416, `bytes */${SIZE}`]);
  });

  it("of several ranges, and of one of something else, is the whole blob", async () => {
    const { relay, blob, content } = await stored();
    for (const headers of [{ range: "bytes=0-1,5-6" }, { range: "bytes=0-1", "if-range": '"other"' }]) {
      const { status, body } = await ask(relay, { path: blob, headers });
      expect(status).toBe(200);
      expect(isSame(body, content)).toBe(true);
    }
    const same = { range: "bytes=0-1", "if-range": `"${blob.slice(-32)}"` };
    expect((await ask(relay, { path: blob, headers: same })).status).toBe(206);
  });

  it("by HEAD says how long it is and reads nothing, whatever range is asked for", async () => {
    const { relay, blob } = await stored();
    const answer = await relay.relay.request({
      method: "HEAD",
      path: blob,
      remoteAddress: "192.0.2.7",
      headers: { range: "bytes=0-1" },
    });
    expect(answer?.status).toBe(200);
    expect(answer?.body).toMatchObject({ lengthBytes: SIZE });
  });

  it.each([
    "",
    "a",
    "A".repeat(32),
    "a".repeat(31),
    "a".repeat(33),
    "..%2f..",
    "../uploads",
    "a".repeat(4_000),
    "__proto__",
  ])("is not found by a name that is none (%#), nor looked for", async (name) => {
    const blobs = { ...(await roomFor(1)), usage: () => ({ bytes: 0, maxBytes: 1 }) };
    const relay = await TestRelay.start({ blobs: { ...blobs, find: () => Promise.reject(new Error("looked for")) } });
    expect((await ask(relay, { path: `/v1/blobs/${name}` })).status).toBe(404);
  });

  it("is not found by the id of its upload, nor before it is whole", async () => {
    const { relay, client, upload } = await stored();
    expect((await ask(relay, { path: `/v1/blobs/${upload.slice(-32)}` })).status).toBe(404);
    const half = await begun(relay, client, SIZE);
    await patch(relay, half.upload, 0, new Uint8Array(SIZE - 1));
    expect((await ask(relay, { path: half.blob })).status).toBe(404);
    expect(relay.counts.get("downloads absent")).toBe(2);
  });

  it("has its methods and no others", async () => {
    const { relay, blob } = await stored();
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      expect((await ask(relay, { method, path: blob })).headers.allow).toBe("GET, HEAD");
    }
    expect((await ask(relay, { path: blob })).status).toBe(200);
  });

  it("of a blob that is corrupt ends before the first wrong byte, and is counted", async () => {
    const blobs = await roomFor(SIZE);
    const read = blobs.read.bind(blobs);
    blobs.read = async function* (id, range) {
      let left = 2;
      for await (const piece of read(id, range)) {
        if (left-- === 0) throw new BlobError("corrupt", "the disk lies");
        yield piece;
      }
    };
    const { relay, blob } = await stored({ blobs });
    await expect(ask(relay, { path: blob })).rejects.toThrow("the disk lies");
    expect(relay.counts.get("downloads corrupt")).toBe(1);
  });

  it("of a blob that goes in the same moment is not found, and no trouble of ours", async () => {
    const blobs = await roomFor(SIZE);
    const read = blobs.read.bind(blobs);
    blobs.read = async function* (id, range) {
      await blobs.delete(id);
      yield* read(id, range);
    };
    const { relay, blob } = await stored({ blobs });
    expect((await ask(relay, { path: blob })).status).toBe(404);
    expect([relay.warnings, relay.bugs]).toEqual([[], []]);
  });

  it("of a blob that is there and does not answer may be asked for again", async () => {
    const blobs = await roomFor(SIZE);
    // biome-ignore lint/correctness/useYield: it fails before.
    blobs.read = async function* () {
      throw new BlobError("unavailable", "the disk sulks");
    };
    const { relay, blob } = await stored({ blobs });
    expect((await ask(relay, { path: blob })).status).toBe(503);
    expect([relay.warnings, relay.counts.get("downloads unavailable")]).toEqual([["blobsUnavailable"], 1]);
    await relay.relay.close();
  });

  it("is told apart by what became of it", async () => {
    const { relay, blob } = await stored();
    await ask(relay, { path: blob });
    const answer = await relay.relay.request({ method: "GET", path: blob, remoteAddress: "192.0.2.7", headers: {} });
    if (typeof answer?.body !== "object" || !("pieces" in answer.body)) throw new Error("no stream");
    for await (const piece of answer.body.pieces) if (piece.length > 0) break;
    expect(relay.counts.get("downloads completed")).toBe(1);
    expect(relay.counts.get("downloads cut")).toBe(1);
  });
});
