/** Uploads by tus 1.0.0, request by request: what is offered, and how one is begun. */

import { sealedAttachmentSize } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { ask, begin, begun, granted, roomFor, tus } from "../support/http-caller.js";
import { TestRelay } from "../support/test-relay.js";

const SIZE = 100_000;
const DAY = 86_400_000;

async function alice(options: Parameters<typeof TestRelay.start>[0] = {}) {
  const relay = await TestRelay.start(options);
  const { client } = await relay.person("alice");
  return { relay, client };
}

describe("tus", () => {
  it("is offered as it is: version, extensions and the largest size, to whoever asks in whatever version", async () => {
    const { relay } = await alice();
    for (const path of ["/v1/uploads", `/v1/uploads/${"a".repeat(32)}`]) {
      const { status, headers } = await ask(relay, { method: "OPTIONS", path });
      expect(status).toBe(204);
      expect(headers).toMatchObject({
        "tus-resumable": "1.0.0",
        "tus-version": "1.0.0",
        "tus-extension": "creation,expiration,termination",
        "tus-max-size": String(sealedAttachmentSize(2_147_483_648)),
      });
    }
  });

  it.each([undefined, "0.2.2", "1.0", "1.0.0.0"])(
    "of another version (%s) is refused with the one there is",
    async (version) => {
      const { relay, client } = await alice();
      const { upload } = await begun(relay, client, SIZE);
      const headers = { "tus-resumable": version, "upload-length": "5", "upload-offset": "0" };
      for (const [method, path] of [
        ["POST", "/v1/uploads"],
        ["HEAD", upload],
        ["PATCH", upload],
        ["DELETE", upload],
      ] as const) {
        const answer = await ask(relay, {
          method,
          path,
          headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value)),
        });
        expect([answer.status, answer.headers["tus-version"], answer.headers["tus-resumable"]]).toEqual([
          412,
          "1.0.0",
          "1.0.0",
        ]);
      }
    },
  );

  it("has its methods and no others", async () => {
    const { relay, client } = await alice();
    const { upload } = await begun(relay, client, SIZE);
    for (const [method, path, allow] of [
      ["GET", "/v1/uploads", "OPTIONS, POST"],
      ["PUT", "/v1/uploads", "OPTIONS, POST"],
      ["GET", upload, "OPTIONS, HEAD, PATCH, DELETE"],
      ["POST", upload, "OPTIONS, HEAD, PATCH, DELETE"],
    ] as const) {
      const answer = await ask(relay, { method, path, headers: tus() });
      expect([answer.status, answer.headers.allow], `${method} ${path}`).toEqual([405, allow]);
    }
  });
});

describe("a creation", () => {
  it("answers where the upload is and until when, as an unguessable id", async () => {
    const { relay, client } = await alice();
    const answer = await begin(relay, await granted(client, SIZE), SIZE);
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toMatch(/^\/v1\/uploads\/[0-9a-f]{32}$/);
    expect(answer.headers["upload-expires"]).toBe(new Date(relay.clock.now() + DAY).toUTCString());
  });

  it.each([
    ["no token", { authorization: "" }, 401],
    ["a token of another form", { authorization: "Bearer abc" }, 401],
    ["another scheme", { authorization: `Basic ${"a".repeat(32)}` }, 401],
    ["a token nobody was given", { authorization: `Bearer ${"a".repeat(32)}` }, 401],
    ["no length", { "upload-length": "" }, 400],
    ["a length of nothing", { "upload-length": "0" }, 400],
    ["a length that is none", { "upload-length": "1e3" }, 400],
    ["a length below nothing", { "upload-length": "-1" }, 400],
    ["a length nobody can count", { "upload-length": "9007199254740993" }, 400],
    ["a length beyond every attachment", { "upload-length": "4398046511104" }, 413],
    ["a length that comes later", { "upload-defer-length": "1" }, 400],
  ])("with %s is refused, and costs no grant", async (_what, changes: Record<string, string>, status) => {
    const { relay, client } = await alice();
    const token = await granted(client, SIZE);
    const good = tus({ authorization: `Bearer ${token}`, "upload-length": String(SIZE) });
    const present = Object.entries({ ...good, ...changes });
    const headers = Object.fromEntries(present.filter(([, value]) => value !== ""));
    const answer = await ask(relay, { method: "POST", path: "/v1/uploads", headers });
    expect(answer.status).toBe(status);
    if (status === 401) expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(relay.blobs.usage().bytes).toBe(0);
    expect((await begin(relay, token, SIZE)).status).toBe(201);
  });

  it("takes no bytes with it", async () => {
    const { relay, client } = await alice();
    const headers = tus({ authorization: `Bearer ${await granted(client, SIZE)}`, "upload-length": String(SIZE) });
    const answer = await ask(relay, { method: "POST", path: "/v1/uploads", headers, body: new Uint8Array(10) });
    expect(answer.status).toBe(400);
  });

  it("spends its token once, of twenty at the same time", async () => {
    const { relay, client } = await alice();
    const token = await granted(client, SIZE);
    const answers = await Promise.all(Array.from({ length: 20 }, () => begin(relay, token, SIZE)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(401)]);
    expect(relay.blobs.usage().bytes).toBe(SIZE);
  });

  it("that finds no room is told so, and may be tried again with its token", async () => {
    const { relay, client } = await alice({ blobs: await roomFor(2 * SIZE - 1) });
    const [one, other] = [await granted(client, SIZE), await granted(client, SIZE)];
    const first = await begin(relay, one, SIZE);
    expect((await begin(relay, other, SIZE)).status).toBe(507);
    await ask(relay, { method: "DELETE", path: first.headers.location ?? "", headers: tus() });
    expect((await begin(relay, other, SIZE)).status).toBe(201);
  });

  it("is refused while the relay drains", async () => {
    const { relay, client } = await alice();
    const token = await granted(client, SIZE);
    relay.relay.drain();
    expect((await begin(relay, token, SIZE)).status).toBe(503);
  });
});
