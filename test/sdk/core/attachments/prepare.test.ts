import { describe, expect, it } from "vitest";
import { prepare, sourceOf } from "../../../../sdk/core/attachments/prepare.js";
import type { MediaTools, ReadableSource } from "../../../../sdk/core/ports.js";

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const made = {
  ...{ bytes: bytesOf("stripped"), mime: "image/jpeg", width: 3, height: 2, blurhash: "LEHV6nWB2yk8" },
  thumbnail: { bytes: bytesOf("small"), mime: "image/webp", width: 1, height: 1 },
};
const sound = { durationMs: 1_500, waveform: Uint8Array.of(1, 2, 255) };
const seen: Uint8Array[] = [];
const tools: MediaTools = {
  async image(bytes) {
    seen.push(bytes);
    return made;
  },
  async sound(bytes) {
    seen.push(bytes);
    return sound;
  },
};

/** A source that is read in small pieces. */
function source(text: string, over: Partial<ReadableSource> = {}): ReadableSource {
  const bytes = bytesOf(text);
  return {
    sizeBytes: bytes.length,
    async *read(from) {
      for (let at = from; at < bytes.length; at += 5) yield bytes.subarray(at, at + 5);
    },
    ...over,
  };
}

async function whole(of: ReadableSource): Promise<string> {
  let text = "";
  for await (const piece of of.read(0)) text += String.fromCharCode(...piece);
  return text;
}

const JPEG = "\xff\xd8\xff\xe1 and then Exif with a place";

describe("what is to be uploaded", () => {
  it.each([
    ["JPEG", JPEG],
    ["PNG", "\x89PNG\r\n\x1a\n0000"],
    ["GIF", "GIF89a......"],
    ["TIFF", "II*\0........"],
    ["TIFF, the other way round", "MM\0*........"],
    ["WebP", "RIFF0000WEBPVP8 "],
    ["HEIC", "0000ftypheic0000"],
    ["AVIF", "0000ftypavif0000"],
    ["HEIF of several pictures", "0000ftyphevm0000"],
    ["JPEG XL", "\xff\x0a.........."],
    ["JPEG XL in a container", "\0\0\0\fJXL \r\n\x87\n"],
    ["a raw picture of Canon", "0000ftypcrx 0001"],
    ["a raw picture of Fujifilm", "FUJIFILMCCD-RAW"],
    ["a raw picture of Panasonic", "IIU\0........"],
  ])("is stripped as a picture if it begins like %s and nothing was said", async (_name, text) => {
    const prepared = await prepare(source(text, { name: "a.bin", identity: "file 1" }), {}, tools);
    expect(prepared.media).toBe("image");
    expect(seen.at(-1)).toEqual(bytesOf(text));
    expect(await whole(prepared.source)).toBe("stripped");
    expect(prepared.source).toMatchObject({
      name: "a.bin",
      mime: "image/jpeg",
      sizeBytes: 8,
      identity: "file 1#image",
    });
    expect(prepared.shown).toEqual({ width: 3, height: 2, blurhash: made.blurhash });
    expect(prepared.thumbnail).toBe(made.thumbnail);
  });

  it.each(["", "\xff\xd8", "plain words", "RIFF0000WAVEfmt ", "0000ftypisom0000", "%PDF-1.7"])(
    "is a file as it is if it begins with %j",
    async (text) => {
      const given = source(text);
      expect(await prepare(given, {}, undefined)).toMatchObject({ source: given, media: "file" });
    },
  );

  it("is a picture as it is where the app wants that", async () => {
    const given = source(JPEG);
    expect(await prepare(given, { as: "file" }, undefined)).toMatchObject({ source: given, media: "file" });
  });

  it("is refused as a picture where nothing can strip it, rather than sent with its place", async () => {
    await expect(prepare(source(JPEG), {}, undefined)).rejects.toMatchObject({ code: "mediaToolMissing" });
  });

  it("is measured as a voice note, but for what its recorder knows", async () => {
    const given = source("OggS and so on");
    expect(await prepare(given, { as: "voice" }, tools)).toEqual({ source: given, media: "voice", shown: sound });
    const longer = await prepare(given, { as: "voice", durationMs: 9 }, tools);
    expect(longer.shown).toEqual({ ...sound, durationMs: 9 });
    const known = { durationMs: 7, waveform: Uint8Array.of(3) };
    expect((await prepare(given, { as: "voice", ...known }, undefined)).shown).toEqual(known);
    await expect(prepare(given, { as: "voice" }, undefined)).rejects.toMatchObject({ code: "mediaToolMissing" });
  });

  it("is not read into memory beyond 64 MiB", async () => {
    const huge = source(JPEG, { sizeBytes: 67_108_865 });
    await expect(prepare(huge, {}, tools)).rejects.toMatchObject({ code: "tooLarge" });
    await expect(prepare(huge, { as: "voice" }, tools)).rejects.toMatchObject({ code: "tooLarge" });
  });

  it("is refused if it is shorter than it said", async () => {
    const short = source(JPEG, { sizeBytes: 1_000 });
    await expect(prepare(short, { as: "image" }, tools)).rejects.toMatchObject({ code: "sourceUnreadable" });
  });

  it("is read from any place once it is in memory", async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of sourceOf(bytesOf("abcdef"), "x/y").read(4)) pieces.push(piece);
    expect(pieces).toEqual([bytesOf("ef")]);
  });
});
