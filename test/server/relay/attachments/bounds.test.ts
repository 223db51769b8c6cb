/** What one address may do with attachments, what waits for a relay that stops, and what trouble of the disk looks like. */

import { describe, expect, it } from "vitest";
import { BlobError, StoreError } from "../../../../server/ports.js";
import { Transfers } from "../../../../server/relay/attachments/transfers.js";
import { limiterTable } from "../../../../server/relay/limiter-table.js";
import { ask, begin, begun, granted, heldBody, look, patch, roomFor, tus, uploaded } from "../support/http-caller.js";
import { TestRelay } from "../support/test-relay.js";
import { settle } from "../support/turns.js";

const SIZE = 100_000;
/** `usage` does not survive being copied out of its class. */
const NO_USAGE = { usage: () => ({ bytes: 0, maxBytes: 2 ** 40 }) };

async function alice(options: Parameters<typeof TestRelay.start>[0] = {}) {
  const relay = await TestRelay.start(options);
  const { client } = await relay.person("alice");
  return { relay, client };
}

describe("one address", () => {
  it.each([
    ["uploadsPerAddress", { method: "POST", path: "/v1/uploads" }],
    ["uploadStepsPerAddress", { method: "HEAD", path: "/v1/uploads/x" }],
    ["uploadStepsPerAddress", { method: "OPTIONS", path: "/v1/uploads" }],
    ["uploadStepsPerAddress", { method: "GET", path: "/v1/uploads" }],
    ["downloadsPerAddress", { method: "GET", path: "/v1/blobs/x" }],
    ["downloadsPerAddress", { method: "PUT", path: "/v1/blobs/x" }],
  ] as const)("is held to %s, with whatever it asks", async (name, asked) => {
    const relay = await TestRelay.start({ policy: { limiterScale: 2 / limiterTable[name].capacity } });
    const headers = tus();
    for (let request = 0; request < 2; request++)
      expect((await ask(relay, { ...asked, headers })).status).not.toBe(429);
    const refused = await ask(relay, { ...asked, headers });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask(relay, { ...asked, headers, remoteAddress: "192.0.2.8" })).status).not.toBe(429);
  });

  it("is held to the bytes it asks for, not to those it takes; HEAD costs none", async () => {
    const { capacity } = limiterTable.downloadBytesPerAddress;
    const state = { lengthBytes: capacity / 2, offset: capacity / 2, expiresMs: 2 ** 45 };
    const read = async function* () {
      yield new Uint8Array(1);
    };
    const { relay } = await alice({ blobs: { ...(await roomFor(1)), ...NO_USAGE, find: async () => state, read } });
    const statusOf = async (method: string, headers = {}) => {
      const path = `/v1/blobs/${"a".repeat(32)}`;
      return (await relay.relay.request({ method, path, remoteAddress: "192.0.2.7", headers }))?.status;
    };
    for (let request = 0; request < 5; request++) expect(await statusOf("HEAD")).toBe(200);
    expect(await statusOf("GET")).toBe(200);
    expect(await statusOf("GET", { range: "bytes=-1" })).toBe(206);
    expect(await statusOf("GET")).toBe(429);
    expect(await statusOf("GET", { range: "bytes=0-999" })).toBe(206);
  });

  it("has so many transfers at a time, whatever others have", async () => {
    const transfers = new Transfers(2);
    const [first, second, third] = ["a", "a", "a"].map((address) => transfers.begin(address));
    expect([typeof first, typeof second, third]).toEqual(["function", "function", undefined]);
    const other = transfers.begin("b");
    first?.();
    first?.();
    const next = transfers.begin("a");
    expect(transfers.begin("a")).toBeUndefined();
    for (const end of [second, next, other]) end?.();
    await transfers.idle();
  });

  it("has no more of them by asking for all at once", async () => {
    const { relay, client } = await alice({ blobs: await roomFor(SIZE * 400) });
    const { blob } = await uploaded(relay, client, SIZE);
    const asked = { method: "GET", path: blob, remoteAddress: "192.0.2.7", headers: {} };
    const downloads = await Promise.all(Array.from({ length: 200 }, () => relay.relay.request(asked)));
    expect(downloads.filter((answer) => answer?.status === 200)).toHaveLength(128);
    // Whatever becomes of it, a place is given back: by who took nothing too.
    for (const answer of downloads) {
      if (typeof answer?.body === "object" && "pieces" in answer.body)
        await answer.body.pieces[Symbol.asyncIterator]().return?.();
    }
    const uploads: string[] = [];
    for (let upload = 0; upload < 150; upload++) uploads.push((await begun(relay, client, SIZE)).upload);
    const { body, release } = heldBody([new Uint8Array(10), new Uint8Array(10)]);
    const parts = Promise.all(uploads.map((upload) => patch(relay, upload, 0, body)));
    await settle();
    expect((await ask(relay, { path: blob })).status).toBe(503);
    expect((await ask(relay, { path: blob, remoteAddress: "192.0.2.8" })).status).toBe(200);
    release();
    expect((await parts).filter(({ status }) => status === 204)).toHaveLength(128);
    expect((await ask(relay, { path: blob })).status).toBe(200);
  });
});

describe("a relay that stops", () => {
  it("finishes the part that is under way, and takes no other", async () => {
    const { relay, client } = await alice();
    const [one, other] = [await begun(relay, client, SIZE), await begun(relay, client, SIZE)];
    const { body, release } = heldBody([new Uint8Array(10), new Uint8Array(SIZE - 10)]);
    const part = patch(relay, one.upload, 0, body);
    await settle();
    let isClosed = false;
    const closed = relay.relay.close().then(() => {
      isClosed = true;
    });
    await client.closed("unavailable");
    expect((await patch(relay, other.upload, 0, new Uint8Array(10))).status).toBe(503);
    expect((await look(relay, one.upload)).status).toBe(200);
    await settle();
    expect(isClosed).toBe(false);
    release();
    expect((await part).headers["upload-offset"]).toBe(String(SIZE));
    await closed;
  });

  it("finishes the download that is under way, and begins no other", async () => {
    const { relay, client } = await alice();
    const { blob, content } = await uploaded(relay, client, SIZE);
    const asked = { method: "GET", path: blob, remoteAddress: "192.0.2.7", headers: {} };
    const answer = await relay.relay.request(asked);
    if (typeof answer?.body !== "object" || !("pieces" in answer.body)) throw new Error("no stream");
    const pieces: Uint8Array[] = [];
    let closed: Promise<void> | undefined;
    for await (const piece of answer.body.pieces) {
      pieces.push(piece);
      closed ??= relay.relay.close();
      expect((await relay.relay.request(asked))?.status).toBe(503);
    }
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    await closed;
  });
});

describe("trouble of the disk", () => {
  const failing = (failure: BlobError | StoreError) => () => Promise.reject(failure);

  it.each(["unavailable", "corrupt", "full"] as const)(
    "(%s) is told as such, and puts the grant back",
    async (kind) => {
      const blobs = await roomFor(SIZE);
      const create = blobs.create.bind(blobs);
      blobs.create = failing(new BlobError(kind, "the disk"));
      const { relay, client } = await alice({ blobs });
      const token = await granted(client, SIZE);
      expect((await begin(relay, token, SIZE)).status).toBe(kind === "full" ? 507 : 503);
      expect([relay.warnings, relay.bugs]).toEqual([["blobsUnavailable"], []]);
      blobs.create = create;
      expect((await begin(relay, token, SIZE)).status).toBe(201);
    },
  );

  it("in the middle of a part leaves the upload where it was durable", async () => {
    const blobs = await roomFor(SIZE);
    const { relay, client } = await alice({ blobs });
    const { upload } = await begun(relay, client, SIZE);
    await patch(relay, upload, 0, new Uint8Array(1_000));
    const append = blobs.append.bind(blobs);
    blobs.append = async (id, offset) => {
      const begunAppend = await append(id, offset);
      if (begunAppend?.kind === "append") begunAppend.append.write = failing(new BlobError("full", "the disk"));
      return begunAppend;
    };
    expect((await patch(relay, upload, 1_000, new Uint8Array(1_000))).status).toBe(507);
    blobs.append = append;
    expect((await look(relay, upload)).headers["upload-offset"]).toBe("1000");
    expect((await patch(relay, upload, 1_000, new Uint8Array(SIZE - 1_000))).status).toBe(204);
  });

  it("of the store is told as such too", async () => {
    const { relay, client } = await alice();
    const token = await granted(client, SIZE);
    relay.store.table.get = failing(new StoreError("unavailable", "the disk"));
    expect((await begin(relay, token, SIZE)).status).toBe(503);
    expect([relay.warnings, relay.bugs]).toEqual([["storeUnavailable"], []]);
  });

  it("does not keep a sweep from the mail", async () => {
    const blobs = await roomFor(SIZE);
    blobs.expire = failing(new BlobError("unavailable", "the disk"));
    const { relay } = await alice({ blobs });
    await expect(relay.relay.sweep({ aborted: false })).rejects.toThrow("the disk");
    expect(relay.counts.has("envelopesExpired")).toBe(true);
  });
});
