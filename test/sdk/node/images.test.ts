import { crc32 } from "node:zlib";
import { isBlurhashValid } from "blurhash";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { prepareImage } from "../../../sdk/node/images.js";

const PLACE = "48 deg 12' 30.00\"";

/** A picture that says where it was taken, who took it, and that it lies on its side. */
function photo(format: "jpeg" | "png" | "webp" | "tiff", { width = 640, height = 400 } = {}) {
  return sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 60 } } })
    .withExif({
      IFD0: { Artist: "canary-artist", Copyright: "canary-copyright" },
      IFD3: { GPSLatitudeRef: "N", GPSLatitude: "48/1 12/1 30/1", GPSLongitudeRef: "E", GPSLongitude: "16/1 22/1 0/1" },
    })
    .withMetadata({ orientation: 6 })
    .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><place>${PLACE} canary-xmp</place></x:xmpmeta>`)
    .toFormat(format)
    .toBuffer();
}

describe("a picture that is to be sent", () => {
  it.each([
    ["jpeg", "image/jpeg"],
    ["png", "image/png"],
    ["webp", "image/webp"],
    ["tiff", "image/jpeg"],
  ] as const)("of %s leaves behind where it was taken and by whom, and stands upright", async (format, mime) => {
    const original = await photo(format);
    expect((await sharp(original).metadata()).orientation, "the test's own picture lies on its side").toBe(6);
    const made = await prepareImage(original);
    const about = await sharp(made.bytes).metadata();
    expect(made.mime).toBe(mime);
    expect([about.width, about.height]).toEqual([400, 640]);
    expect([made.width, made.height]).toEqual([400, 640]);
    for (const { exif, xmp, iptc, icc, orientation } of [about, await sharp(made.thumbnail.bytes).metadata()]) {
      expect([exif, xmp, iptc, icc]).toEqual([undefined, undefined, undefined, undefined]);
      expect(orientation ?? 1).toBe(1);
    }
    for (const bytes of [made.bytes, made.thumbnail.bytes])
      for (const word of ["canary", "Exif", "GPS", "xmpmeta"])
        expect(Buffer.from(bytes).includes(word), word).toBe(false);
  });

  it("says what shows before it is there: a blurhash, and a thumbnail of up to 320 pixels that is never larger", async () => {
    const { blurhash, thumbnail } = await prepareImage(await photo("jpeg", { width: 1_600, height: 800 }));
    expect(isBlurhashValid(blurhash).result).toBe(true);
    expect([thumbnail.width, thumbnail.height, thumbnail.mime]).toEqual([160, 320, "image/webp"]);
    expect(thumbnail.bytes.length).toBeLessThan(8_192);
    const small = await prepareImage(await photo("png", { width: 20, height: 10 }));
    expect([small.thumbnail.width, small.thumbnail.height]).toEqual([10, 20]);
  });

  it("keeps moving if it moved, and is as high as one of its frames", async () => {
    const frames = await Promise.all(
      ["red", "lime", "blue"].map((background) =>
        sharp({ create: { width: 30, height: 20, channels: 4, background } })
          .png()
          .toBuffer(),
      ),
    );
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const made = await prepareImage(gif);
    expect([made.mime, made.width, made.height]).toEqual(["image/gif", 30, 20]);
    expect((await sharp(made.bytes, { animated: true }).metadata()).pages).toBe(3);
  });

  it.each([
    ["no picture", Buffer.from("not a picture at all")],
    ["nothing", Buffer.alloc(0)],
    [
      "SVG, which is a program",
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script/></svg>'),
    ],
    ["half a picture", undefined],
  ])("is refused as %s", async (_name, bytes) => {
    const half = (await photo("png")).subarray(0, 300);
    await expect(prepareImage(bytes ?? half)).rejects.toMatchObject({ code: "mediaUnreadable" });
  });

  it("is refused if it claims more pixels than there is memory, without reading them", async () => {
    // The header of a PNG says its size behind 16 bytes, and has a checksum of its own.
    const bomb = await photo("png");
    bomb.writeUInt32BE(20_000, 16);
    bomb.writeUInt32BE(20_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    expect((await sharp(bomb, { limitInputPixels: false }).metadata()).width).toBe(20_000);
    await expect(prepareImage(bomb)).rejects.toMatchObject({ code: "mediaUnreadable" });
  });

  it("is refused if no message could say how wide it is", async () => {
    const wide = { width: 65_536, height: 1, channels: 3, background: "red" } as const;
    const bytes = await sharp({ create: wide }).png().toBuffer();
    await expect(prepareImage(bytes)).rejects.toMatchObject({ code: "mediaUnreadable" });
    const fitting = await sharp({ create: { ...wide, width: 65_535 } })
      .png()
      .toBuffer();
    expect(await prepareImage(fitting)).toMatchObject({ width: 65_535, thumbnail: { width: 320, height: 1 } });
  });
});
