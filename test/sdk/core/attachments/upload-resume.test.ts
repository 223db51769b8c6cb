import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Attachment } from "../../../../sdk/core/attachments/attachment.js";
import { sealBlob } from "../../../support/attachments/independent.js";
import { bytesOf, type Death, sourceOf, Uploader } from "./upload-fixture.js";

const MIB = 1_048_576;
/** The first part: 16 sealed chunks. */
const FIRST_PART = 16 * 65_552;

let bytes = bytesOf(5 * MIB);
let uploader: Uploader;
beforeEach(() => {
  bytes = bytesOf(5 * MIB);
  uploader = new Uploader(async () => sourceOf(bytes));
});
afterEach(() => uploader.close());

const upload = () => uploader.attachments.upload("a file");

function expectWhole(attachment: Attachment): void {
  expect(uploader.relay.blob(attachment.id)?.equals(sealBlob(attachment.key, bytes))).toBe(true);
  expect(uploader.watched.reused).toEqual([]);
}

/** Bytes that were sent in all. */
function sentBytes(): number {
  return uploader.relay.asks.reduce((sum, { method, body }) => sum + (method === "PATCH" ? (body?.length ?? 0) : 0), 0);
}

describe("an upload after a crash", () => {
  it("goes on behind what the relay has, in the middle of a chunk, and sends nothing twice", async () => {
    const keep = 300_001;
    expect(await uploader.liveUntil({ at: "request", number: 3, keep }, upload)).toBe("died");
    await uploader.live();
    const [pending] = await uploader.attachments.pending();
    expect(pending).toMatchObject({ totalBytes: bytes.length });
    const before = sentBytes();
    expect(before).toBe(FIRST_PART + keep);
    const attachment = await upload();
    expectWhole(attachment);
    expect(uploader.watched.keys.size).toBe(1);
    expect(sentBytes()).toBe(uploader.relay.blob(attachment.id)?.length);
    expect(await uploader.attachments.pending()).toEqual([]);
  });

  it("begins its progress where the relay is", async () => {
    await uploader.liveUntil({ at: "request", number: 3, keep: 300_001 }, upload);
    await uploader.live();
    const told: number[] = [];
    await uploader.attachments.upload("a file", { onProgress: ({ sentBytes: sent }) => told.push(sent) });
    // Four whole chunks of the second part are durable, and a part of the fifth.
    expect(told[0]).toBe(MIB + 4 * 65_536 + (300_001 - 4 * 65_552));
    expect(told.at(-1)).toBe(bytes.length);
  });

  it("goes on with a picture whose thumbnail is uploaded before, and tells the picture's progress only", async () => {
    const thumbnail = { bytes: bytesOf(2_000, 9), mime: "image/webp", width: 8, height: 8 };
    const image = async () => ({
      bytes,
      mime: "image/png",
      width: 80,
      height: 80,
      blurhash: "LKO2?U%2Tw=w",
      thumbnail,
    });
    uploader.media = { image, sound: () => Promise.reject(new Error("no sound")) };
    const told: number[] = [];
    const onProgress = ({ sentBytes: sent }: { sentBytes: number }) => told.push(sent);
    const options = { as: "image", onProgress } as const;
    const die = { at: "request", number: 5, keep: 0 } as const;
    expect(await uploader.liveUntil(die, (life) => life.upload("a file", options))).toBe("died");
    await uploader.live();
    told.length = 0;
    const attachment = await uploader.attachments.upload("a file", options);
    expectWhole(attachment);
    expect(told[0]).toBe(MIB);
    expect(uploader.watched.keys.size).toBe(3);
    expect(uploader.relay.blob(attachment.thumbnail?.id ?? new Uint8Array(16))?.length).toBe(4_112);
  });

  it("only looks, if everything was durable and the end was not written down", async () => {
    const writes = 6;
    let death = writes;
    while ((await uploader.liveUntil({ at: "write", number: death }, upload)) === "done") death -= 1;
    const before = sentBytes();
    await uploader.live();
    expectWhole(await upload());
    expect(sentBytes()).toBe(before);
    expect(uploader.watched.keys.size).toBe(writes - death + 1);
  });

  it.each(["an early", "the last marked"])(
    "starts over under a fresh key if %s byte of the source changed",
    async (which) => {
      await uploader.liveUntil({ at: "request", number: 3, keep: 300_001 }, upload);
      // While a part is under way the next one is marked: the third part ends at 4 MiB.
      const at = which === "an early" ? 5 : MIB + 300_000;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await uploader.live();
      expectWhole(await upload());
      expect(uploader.watched.keys.size).toBe(2);
      expect(uploader.relay.count("DELETE")).toBe(1);
      expect(uploader.relay.uploads.size).toBe(1);
    },
  );

  it("starts over if the source says that it is another, or has another size", async () => {
    for (const change of [() => sourceOf(bytes, { identity: "another" }), () => sourceOf(bytes.subarray(1))]) {
      const device = new Uploader(async () => sourceOf(bytes));
      await device.liveUntil({ at: "request", number: 3, keep: 0 }, (own) => own.upload("a file"));
      const changed = change();
      const source = { open: async () => changed };
      Object.assign(device, { files: source.open });
      await device.live();
      await device.attachments.upload("a file");
      expect(device.watched.keys.size).toBe(2);
      expect(device.relay.uploads.size).toBe(1);
      await device.close();
    }
  });

  it.each([404, 410])("starts over if the relay answers %d", async (status) => {
    await uploader.liveUntil({ at: "request", number: 3, keep: 0 }, upload);
    uploader.relay.fate = ({ method }, number) =>
      method === "HEAD" && number === 1 ? { kind: "answered", status } : { kind: "served" };
    await uploader.live();
    expectWhole(await upload());
    expect(uploader.watched.keys.size).toBe(2);
  });

  it("starts over if the relay has more than this device knows of, as after a restored copy", async () => {
    await uploader.liveUntil({ at: "request", number: 3, keep: 0 }, upload);
    const [kept] = uploader.relay.uploads.values();
    if (kept !== undefined) kept.bytes = Buffer.alloc(kept.length - 1);
    await uploader.live();
    expectWhole(await upload());
    expect(uploader.watched.keys.size).toBe(2);
  });

  it("starts over if the relay lost what was durable", async () => {
    await uploader.liveUntil({ at: "request", number: 4, keep: 0 }, upload);
    const [kept] = uploader.relay.uploads.values();
    if (kept !== undefined) kept.bytes = Buffer.alloc(0);
    await uploader.live();
    expectWhole(await upload());
    expect(uploader.watched.keys.size).toBe(2);
  });

  it("seals again what it compared, also if its source fills the same piece of memory anew each time", async () => {
    async function* refilled(): AsyncGenerator<Uint8Array> {
      const piece = new Uint8Array(65_536);
      for (let at = 0; at < bytes.length; at += piece.length) {
        piece.set(bytes.subarray(at, at + piece.length));
        yield piece;
      }
    }
    const stream = () =>
      uploader.attachments.upload(refilled(), { as: "file", sizeBytes: bytes.length, resume: "the camera" });
    expect(await uploader.liveUntil({ at: "request", number: 3, keep: 70_000 }, stream)).toBe("died");
    await uploader.live();
    expectWhole(await stream());
    expect(uploader.watched.keys.size).toBe(1);
  });

  it("is the blob of a fresh seal, and no nonce meets two plaintexts, wherever it died and whatever changed", async () => {
    const death: fc.Arbitrary<Death> = fc.oneof(
      fc.record({ at: fc.constant("request" as const), number: fc.integer({ min: 1, max: 7 }), keep: fc.nat(3 * MIB) }),
      fc.record({ at: fc.constant("write" as const), number: fc.integer({ min: 1, max: 7 }) }),
    );
    const life = fc.record({ death, change: fc.option(fc.nat(), { freq: 3 }) });
    const size = fc.oneof(fc.nat(200_000), fc.integer({ min: MIB, max: 4 * MIB }));
    await fc.assert(
      fc.asyncProperty(size, fc.array(life, { minLength: 1, maxLength: 4 }), async (length, lives) => {
        bytes = bytesOf(length);
        uploader = new Uploader(async () => sourceOf(bytes));
        for (const { death: end, change } of lives) {
          await uploader.liveUntil(end, upload);
          if (change === null || length === 0) continue;
          bytes = bytes.slice();
          bytes[change % length] = (bytes[change % length] ?? 0) ^ 1;
        }
        await uploader.live();
        expectWhole(await upload());
        await uploader.close();
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});
