/** Uploads by tus 1.0.0, request by request: their parts, and their end. */

import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isSame } from "../../../contract/blobs/harness.js";
import {
  ask,
  begin,
  begun,
  blobPath,
  cutBody,
  granted,
  heldBody,
  look,
  patch,
  roomFor,
  tus,
  uploaded,
} from "../support/http-caller.js";
import { TestRelay } from "../support/test-relay.js";

const SIZE = 100_000;
const DAY = 86_400_000;

async function alice(options: Parameters<typeof TestRelay.start>[0] = {}) {
  const relay = await TestRelay.start(options);
  const { client } = await relay.person("alice");
  return { relay, client };
}

describe("a part", () => {
  it("goes behind what is there, and the upload is whole with the last", async () => {
    const { relay, client } = await alice();
    const { upload, blob } = await begun(relay, client, SIZE);
    const content = new Uint8Array(randomBytes(SIZE));
    expect((await look(relay, upload)).headers).toMatchObject({
      "upload-offset": "0",
      "upload-length": String(SIZE),
      "cache-control": "no-store",
    });
    const first = await patch(relay, upload, 0, content.subarray(0, 60_000));
    expect([first.status, first.headers["upload-offset"]]).toEqual([204, "60000"]);
    expect(first.headers["upload-expires"]).toBe(new Date(relay.clock.now() + DAY).toUTCString());
    expect((await ask(relay, { path: blob })).status).toBe(404);
    const last = await patch(relay, upload, 60_000, content.subarray(60_000));
    expect([last.status, last.headers["upload-offset"]]).toEqual([204, String(SIZE)]);
    expect(last.headers["upload-expires"]).toBe(new Date(relay.clock.now() + 30 * DAY).toUTCString());
    expect(isSame((await ask(relay, { path: blob })).body, content)).toBe(true);
  });

  it("whose peer goes is kept as far as it came", async () => {
    const { relay, client } = await alice();
    const { upload, blob } = await begun(relay, client, SIZE);
    const content = new Uint8Array(randomBytes(SIZE));
    const cut = cutBody(SIZE, [content.subarray(0, 20_000), content.subarray(20_000, 50_000)]);
    expect((await patch(relay, upload, 0, cut)).status).toBe(408);
    expect((await look(relay, upload)).headers["upload-offset"]).toBe("50000");
    await patch(relay, upload, 50_000, content.subarray(50_000));
    expect(isSame((await ask(relay, { path: blob })).body, content)).toBe(true);
  });

  it.each([
    ["elsewhere", { "upload-offset": "1" }, 409],
    ["behind nothing", { "upload-offset": "-1" }, 400],
    ["nowhere", { "upload-offset": "" }, 400],
    ["of another type", { "content-type": "application/octet-stream" }, 415],
    ["of no type", { "content-type": "" }, 415],
  ])("%s is refused, and nothing of it is kept", async (_what, changes: Record<string, string>, status) => {
    const { relay, client } = await alice();
    const { upload } = await begun(relay, client, SIZE);
    const good = tus({ "content-type": "application/offset+octet-stream", "upload-offset": "0" });
    const present = Object.entries({ ...good, ...changes }).filter(([, value]) => value !== "");
    const answer = await ask(relay, {
      method: "PATCH",
      path: upload,
      headers: Object.fromEntries(present),
      body: new Uint8Array(10),
    });
    expect(answer.status).toBe(status);
    expect((await look(relay, upload)).headers["upload-offset"]).toBe("0");
  });

  it("of nothing changes nothing, and says where the upload is only to who knows", async () => {
    const { relay, client } = await alice();
    const { upload } = await begun(relay, client, SIZE);
    const here = await patch(relay, upload, 0, undefined);
    expect([here.status, here.headers["upload-offset"]]).toEqual([204, "0"]);
    expect((await patch(relay, upload, 1, undefined)).status).toBe(409);
  });

  it("that is too long is refused before a byte of it is read", async () => {
    const { relay, client } = await alice();
    const { upload } = await begun(relay, client, SIZE);
    const body = {
      lengthBytes: SIZE + 1,
      [Symbol.asyncIterator]: () => {
        throw new Error("read");
      },
    };
    expect((await patch(relay, upload, 0, body)).status).toBe(413);
  });

  it("of an upload that is whole is refused, and changes nothing", async () => {
    const { relay, client } = await alice();
    const { upload, blob, content } = await uploaded(relay, client, SIZE);
    expect((await patch(relay, upload, 0, content)).status).toBe(409);
    expect((await patch(relay, upload, SIZE, content)).status).toBe(413);
    expect(isSame((await ask(relay, { path: blob })).body, content)).toBe(true);
  });

  it("waits for no other of the same upload", async () => {
    const { relay, client } = await alice();
    const { upload } = await begun(relay, client, SIZE);
    const { body, release } = heldBody([new Uint8Array(10)]);
    const first = patch(relay, upload, 0, body);
    await look(relay, upload);
    expect((await patch(relay, upload, 0, new Uint8Array(5))).status).toBe(423);
    release();
    expect((await first).headers["upload-offset"]).toBe("10");
  });

  it("whose upload is deleted meanwhile is told so, and is no trouble of ours", async () => {
    const { relay, client } = await alice();
    const { upload } = await begun(relay, client, SIZE);
    const { body, release } = heldBody([new Uint8Array(10), new Uint8Array(10)]);
    const part = patch(relay, upload, 0, body);
    await look(relay, upload);
    expect((await ask(relay, { method: "DELETE", path: upload, headers: tus() })).status).toBe(204);
    release();
    expect((await part).status).toBe(404);
    expect([relay.warnings, relay.bugs]).toEqual([[], []]);
  });
});

describe("an upload", () => {
  it("can be ended by who holds its id, before and after it is whole, and by nobody else", async () => {
    const { relay, client } = await alice();
    const { upload, blob } = await uploaded(relay, client, SIZE);
    const blobId = blob.slice(-32);
    expect((await ask(relay, { method: "DELETE", path: `/v1/uploads/${blobId}`, headers: tus() })).status).toBe(404);
    expect((await ask(relay, { path: blob })).status).toBe(200);
    expect((await ask(relay, { method: "DELETE", path: upload, headers: tus() })).status).toBe(204);
    expect((await ask(relay, { path: blob })).status).toBe(404);
    expect((await ask(relay, { method: "DELETE", path: upload, headers: tus() })).status).toBe(404);
    expect(relay.blobs.usage().bytes).toBe(0);
  });

  it("is over after a day, one that is whole after thirty, swept or not", async () => {
    const { relay, client } = await alice();
    const half = await begun(relay, client, SIZE);
    const whole = await uploaded(relay, client, SIZE);
    relay.clock.advance(DAY);
    expect((await look(relay, half.upload)).status).toBe(404);
    expect((await patch(relay, half.upload, 0, new Uint8Array(1))).status).toBe(404);
    await relay.relay.sweep({ aborted: false });
    expect(relay.blobs.usage().bytes).toBe(SIZE);
    relay.clock.advance(29 * DAY - 1);
    expect((await ask(relay, { path: whole.blob })).status).toBe(200);
    relay.clock.advance(1);
    expect((await ask(relay, { path: whole.blob })).status).toBe(404);
    expect((await look(relay, whole.upload)).status).toBe(404);
    await relay.relay.sweep({ aborted: false });
    expect(relay.blobs.usage().bytes).toBe(0);
    expect(relay.counts.get("blobsExpired")).toBe(2);
    expect(relay.gauges.get("blobBytes")).toBe(0);
  });

  it.each([
    "",
    "/",
    "a",
    "A".repeat(32),
    "a".repeat(31),
    "a".repeat(33),
    "../blobs",
    "%2e%2e%2f",
    "a".repeat(4_000),
    "__proto__",
  ])("is not found by a name that is none (%#), nor looked for", async (name) => {
    const { relay } = await alice({
      blobs: {
        ...(await roomFor(1)),
        usage: () => ({ bytes: 0, maxBytes: 1 }),
        find: () => Promise.reject(new Error("looked for")),
      },
    });
    const answer = await ask(relay, { method: "HEAD", path: `/v1/uploads/${name}`, headers: tus() });
    expect(answer.status).toBe(404);
  });

  it("leaves nothing of its id, its token or its account where the relay keeps or says things", async () => {
    const { relay, client } = await alice();
    const token = await granted(client, SIZE);
    const { location = "" } = (await begin(relay, token, SIZE)).headers;
    const kept = JSON.stringify([...relay.counts, ...relay.gauges, relay.warnings, relay.bugs]);
    for (const secret of [token, location.slice(-32), blobPath(location).slice(-32)])
      expect(kept).not.toContain(secret);
  });
});
