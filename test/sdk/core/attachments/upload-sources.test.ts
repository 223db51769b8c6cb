import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { toHex } from "@sotto/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { UploadOptions, UploadSource } from "../../../../sdk/core/attachments/attachment.js";
import { openBlob } from "../../../support/attachments/independent.js";
import { bytesOf, sourceOf, Uploader } from "./upload-fixture.js";

const bytes = bytesOf(300_000);
let folder: string;
let path: string;
let uploader: Uploader;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-source-"));
  path = join(folder, "käse 🧀.bin");
  await writeFile(path, bytes);
  uploader = new Uploader();
  await uploader.live();
});
afterEach(async () => {
  await uploader.close();
  await rm(folder, { recursive: true });
});

async function* pieces(all: Uint8Array, pieceBytes = 7_001) {
  for (let at = 0; at < all.length; at += pieceBytes) yield all.subarray(at, at + pieceBytes);
}

async function uploaded(source: UploadSource, options: UploadOptions = {}) {
  const attachment = await uploader.attachments.upload(source, options);
  const blob = uploader.relay.blob(attachment.id) ?? new Uint8Array(0);
  const { released, isWhole } = openBlob(blob, attachment);
  expect(isWhole).toBe(true);
  return { attachment, released };
}

/** Keys of the rows that streams and uploads leave on the disk. */
const rowsLeft = () => [...uploader.raw.rows.keys()].filter((key) => /^(upload|spool|piece)\//.test(key));

describe("a source", () => {
  const sources: [string, () => UploadSource, UploadOptions?][] = [
    ["bytes", () => bytes],
    ["a Buffer", () => Buffer.from(bytes)],
    ["a Blob", () => new Blob([bytes as Uint8Array<ArrayBuffer>])],
    ["a path", () => path],
    ["a file: URL", () => pathToFileURL(path)],
    ["a file stream", () => createReadStream(path)],
    ["a part of a file stream", () => createReadStream(path, { start: 0, end: 299_999 })],
    ["a Node stream of unknown length", () => Readable.from(pieces(bytes))],
    ["a generator of known length", () => pieces(bytes), { sizeBytes: bytes.length }],
    [
      "a web stream",
      () => new Blob([bytes as Uint8Array<ArrayBuffer>]).stream() as unknown as AsyncIterable<Uint8Array>,
    ],
    ["a stream of bytes one by one", () => pieces(bytes.subarray(0, 3_000), 1)],
    ["a stream of nothing", () => pieces(new Uint8Array(0))],
  ];
  it.each(sources)("can be %s", async (_what, open, options) => {
    const source = open();
    const { released } = await uploaded(source, options);
    expect(released.equals(bytes.subarray(0, released.length))).toBe(true);
    expect([0, 3_000, bytes.length]).toContain(released.length);
    expect(rowsLeft()).toEqual([]);
  });

  it("brings its own name and type, which the app's replace", async () => {
    expect((await uploaded(path)).attachment.name).toBe("käse 🧀.bin");
    const file = new File([bytes as Uint8Array<ArrayBuffer>], "clip.mp4", { type: "video/mp4", lastModified: 5 });
    const own = (await uploaded(file, { as: "video" })).attachment;
    expect(own).toMatchObject({ name: "clip.mp4", mime: "video/mp4", media: "video" });
    const named = (await uploaded(file, { name: "other", mime: "x/y" })).attachment;
    expect(named).toMatchObject({ name: "other", mime: "x/y", media: "file" });
    const long = new File([], `${"ä".repeat(200)}.png`);
    expect((await uploaded(long)).attachment.name).toBe("ä".repeat(127));
  });

  it("that is a stream of a sound is measured and sent, though it can be read once", async () => {
    const sound = async () => ({ durationMs: 700, waveform: new Uint8Array(64) });
    uploader.media = { sound, image: () => Promise.reject(new Error("no picture")) };
    await uploader.close();
    await uploader.live();
    const { attachment, released } = await uploaded(pieces(bytes), { as: "voice", sizeBytes: bytes.length });
    expect(attachment).toMatchObject({ media: "voice", durationMs: 700 });
    expect(released.equals(bytes)).toBe(true);
  });

  it("that is a file stream is opened by its path, kept nowhere and closed", async () => {
    const stream = createReadStream(path);
    const closed = new Promise<void>((resolve) => stream.once("close", resolve));
    await uploaded(stream);
    await closed;
    const kept = uploader.raw.writes.flat().filter(({ key }) => key.startsWith("piece/"));
    expect(kept).toEqual([]);
  });

  it("that is a stream of a file that is not there is sourceUnreadable, and fails nowhere else", async () => {
    for (const [part, options] of [
      [{}, {}],
      [{ start: 1 }, {}],
      [{ start: 1 }, { sizeBytes: 5 }],
    ] as const) {
      const stream = createReadStream(join(folder, "none"), part);
      // What nobody listens to would end the process.
      const unheard: unknown[] = [];
      const { emit } = stream;
      stream.emit = (event: string | symbol, ...of: unknown[]) => {
        if (event !== "error" || stream.listenerCount("error") > 0) return emit.call(stream, event, ...of);
        unheard.push(...of);
        return true;
      };
      const closed = new Promise<void>((resolve) => stream.once("close", resolve));
      const uploading = uploader.attachments.upload(stream, options);
      await expect(uploading).rejects.toMatchObject({ code: "sourceUnreadable" });
      await closed;
      expect(unheard).toEqual([]);
    }
  });

  it("of unknown length is on the disk only sealed", async () => {
    const marked = new TextEncoder().encode("a canary in plain text ".repeat(10_000));
    await uploaded(Readable.from(pieces(marked)));
    const written = uploader.raw.writes.flat();
    expect(written.some(({ key }) => key.startsWith("piece/"))).toBe(true);
    expect(written.some(({ value }) => Buffer.from(value ?? []).includes("canary"))).toBe(false);
  });

  it.each([
    ["shorter", bytes.length + 1],
    ["shorter by chunks", bytes.length * 2],
    ["longer", bytes.length - 1],
    ["longer than nothing", 0],
    ["longer by a chunk", 65_536],
  ])("that is %s than it was said to be is sourceUnreadable, and its end does not leave", async (_what, sizeBytes) => {
    await expect(uploader.attachments.upload(pieces(bytes), { sizeBytes })).rejects.toMatchObject({
      code: "sourceUnreadable",
    });
    const whole = [...uploader.relay.uploads.values()].filter(({ bytes: kept, length }) => kept.length === length);
    expect(whole).toEqual([]);
    expect(rowsLeft()).toEqual([]);
  });

  it("that breaks is sourceUnreadable, spooled or not, and leaves nothing behind", async () => {
    const cause = new Error("the camera is gone");
    async function* breaking() {
      yield bytes;
      throw cause;
    }
    for (const options of [{}, { sizeBytes: 10 ** 6 }])
      await expect(uploader.attachments.upload(breaking(), options)).rejects.toMatchObject({
        code: "sourceUnreadable",
        cause,
      });
    expect(rowsLeft()).toEqual([]);
  });

  it("that is none, or an option that is none, is invalidArgument", async () => {
    const wrong = [7, undefined, null, {}, new URL("https://elsewhere.test/x")] as never[];
    for (const source of wrong)
      await expect(uploader.attachments.upload(source)).rejects.toMatchObject({ code: "invalidArgument" });
    const options = [{ sizeBytes: -1 }, { sizeBytes: 0.5 }, { name: "" }, { mime: "x".repeat(200) }, { as: "gif" }];
    for (const option of options as never[])
      await expect(uploader.attachments.upload(bytes, option)).rejects.toMatchObject({ code: "invalidArgument" });
    await expect(uploader.attachments.upload(Readable.from(["text"]))).rejects.toMatchObject({
      code: "sourceUnreadable",
    });
    await expect(uploader.attachments.upload(join(folder, "none"))).rejects.toMatchObject({ code: "sourceUnreadable" });
    await expect(uploader.attachments.upload(folder)).rejects.toMatchObject({ code: "sourceUnreadable" });
    expect(uploader.relay.granted).toEqual([]);
  });

  it("that is a stream goes on in a later life by the name the app gave it, without being read again", async () => {
    const own = bytesOf(3_000_000);
    const options = { resume: "recording 7" };
    const die = { at: "request", number: 3, keep: 100 } as const;
    await uploader.close();
    expect(await uploader.liveUntil(die, (life) => life.upload(pieces(own), options))).toBe("died");
    await uploader.live();
    expect((await uploader.attachments.pending()).map(({ totalBytes }) => totalBytes)).toEqual([own.length]);
    let isRead = false;
    async function* again() {
      isRead = true;
      yield own;
    }
    const { released } = await uploaded(again(), options);
    expect(released.equals(own)).toBe(true);
    expect(isRead).toBe(false);
    expect(uploader.watched.keys.size).toBe(1);
    expect(rowsLeft()).toEqual([]);
  });

  it("that is a stream without a name is deleted here and at the relay in the next life", async () => {
    await uploader.close();
    const die = { at: "request", number: 3, keep: 100 } as const;
    await uploader.liveUntil(die, (life) => life.upload(pieces(bytesOf(3_000_000))));
    expect(uploader.relay.uploads.size).toBe(1);
    await uploader.live();
    await uploader.close();
    expect(uploader.relay.uploads.size).toBe(0);
    expect(rowsLeft()).toEqual([]);
  });

  it("names nobody's file in the keys of the store", async () => {
    await uploader.close();
    const named = new Uploader(async () => sourceOf(bytesOf(3_000_000), { identity: "very-secret" }));
    await named.liveUntil({ at: "request", number: 3, keep: 0 }, (life) => life.upload("/home/alice/secret.txt"));
    const disk = [...named.raw.rows].map(([key, value]) => `${key} ${toHex(value)}`).join("\n");
    expect(disk).toMatch(/^upload\/[0-9a-f]{32} /m);
    expect(disk).not.toMatch(/secret|alice/);
  });
});
