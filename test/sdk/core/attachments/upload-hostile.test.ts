import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesOf, Uploader } from "./upload-fixture.js";
import type { Fate } from "./upload-relay.js";

const bytes = bytesOf(3_000_000);
const FIRST_PART = 16 * 65_552;

let uploader: Uploader;
beforeEach(async () => {
  uploader = new Uploader();
  await uploader.live();
});
afterEach(() => uploader.close());

const answered = (status: number, headers: Record<string, string> = {}): Fate => ({
  kind: "answered",
  status,
  headers,
});

/** The relay does so to the second part of an upload, and is honest otherwise. */
function atSecondPart(fate: Fate, atLook: Fate = { kind: "served" }): void {
  uploader.relay.fate = ({ method }, number) => {
    if (method === "HEAD") return atLook;
    return method === "PATCH" && number > 1 ? fate : { kind: "served" };
  };
}

describe("a relay that lies about an upload", () => {
  it.each([
    ["has more than was sent", answered(204, { "upload-offset": "2999999999" })],
    ["goes back behind what was durable", answered(204, { "upload-offset": "1" })],
    ["says nothing of where it is", answered(204)],
    ["says it in no number", answered(204, { "upload-offset": "0x400" })],
    ["says it in a number without end", answered(204, { "upload-offset": "9".repeat(4_000) })],
    ["sends the client elsewhere", answered(307, { location: "https://elsewhere.test/" })],
    ["answers what no upload is answered with", answered(418)],
    ["wants leave in the middle", answered(401)],
    ["finds the part too large", answered(413)],
  ])("that %s is told apart as badRelay, and nothing of it is kept", async (_what, fate) => {
    atSecondPart(fate);
    await expect(uploader.attachments.upload(bytes)).rejects.toMatchObject({ code: "badRelay" });
    expect(await uploader.attachments.pending()).toEqual([]);
  });

  it.each([
    ["conflicts without end", answered(409)],
    ["takes nothing, and says so", answered(204, { "upload-offset": `${FIRST_PART}` })],
  ])("that %s is given up", async (_what, fate) => {
    atSecondPart(fate);
    await expect(uploader.attachments.upload(bytes)).rejects.toMatchObject({ code: "badRelay" });
    expect(uploader.relay.asks.length).toBeLessThan(50);
  });

  it("that tells another length is given up", async () => {
    atSecondPart({ kind: "unreachable" }, answered(200, { "upload-offset": `${FIRST_PART}`, "upload-length": "7" }));
    await expect(uploader.attachments.upload(bytes)).rejects.toMatchObject({ code: "badRelay" });
  });

  it.each([
    "https://elsewhere.test/v1/uploads/00112233445566778899aabbccddeeff",
    "http://relay.test.elsewhere.test/v1/uploads/00112233445566778899aabbccddeeff",
    "//elsewhere.test/v1/uploads/00112233445566778899aabbccddeeff",
    "/v1/uploads/../blobs/00112233445566778899aabbccddeeff",
    "/v1/uploads/00112233445566778899AABBCCDDEEFF",
    "/v1/uploads/00112233445566778899aabbccddeeff/more",
    "/v1/uploads/",
  ])("that puts an upload at %s is not followed", async (location) => {
    uploader.relay.fate = ({ method }) => (method === "POST" ? answered(201, { location }) : { kind: "served" });
    await expect(uploader.attachments.upload(bytes)).rejects.toMatchObject({ code: "badRelay" });
    expect(uploader.relay.asks.map(({ method }) => method)).toEqual(["POST"]);
  });

  it("that takes none of its own tokens is not asked for ever", async () => {
    uploader.relay.fate = ({ method }) => (method === "POST" ? answered(403) : { kind: "served" });
    await expect(uploader.attachments.upload(bytes)).rejects.toMatchObject({ code: "badRelay" });
    expect(uploader.relay.granted.length).toBe(3);
  });

  it("that lets go of every upload is not given a new one for ever", async () => {
    uploader.relay.fate = ({ method }) => (method === "PATCH" ? answered(404) : { kind: "served" });
    await expect(uploader.attachments.upload(bytes)).rejects.toMatchObject({ code: "badRelay" });
    expect(uploader.relay.granted.length).toBe(4);
    expect(uploader.watched.reused).toEqual([]);
  });

  it("that asks for a year of patience is not waited for", async () => {
    uploader.relay.fate = ({ method }) =>
      method === "PATCH" ? answered(503, { "retry-after": "31536000" }) : { kind: "served" };
    const began = uploader.clock.now();
    await expect(uploader.attachments.upload(bytes)).rejects.toMatchObject({
      code: "busy",
      retryAfterMs: 31_536_000_000,
    });
    expect(uploader.clock.now() - began).toBeLessThan(1_000);
  });

  it("that says tooLarge to a creation is believed", async () => {
    uploader.relay.fate = () => answered(413);
    await expect(uploader.attachments.upload(bytes)).rejects.toMatchObject({ code: "tooLarge" });
  });
});
