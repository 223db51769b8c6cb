/** Pictures on their sender's device, by sharp: upright, without metadata, with something to show before they are there. */

import { SottoError } from "@sotto/protocol";
import { encode } from "blurhash";
import type { Metadata, Sharp, SharpOptions } from "sharp";
import type { PreparedImage } from "../core/ports.js";

/** Pixels a picture may have; a small file can claim to have more than there is memory. */
const MAX_PIXELS = 100_000_000;
/** Pixels of a side, as far as a message can say them. */
const MAX_SIDE = 65_535;
/** The longer side of a thumbnail. */
const THUMBNAIL_PIXELS = 320;
const THUMBNAIL_QUALITY = 70;
/** The picture that a blurhash is made of; more of it changes nothing. */
const BLUR_PIXELS = 32;
const BLUR_COMPONENTS = [4, 3] as const;
/** Above what people see. */
const QUALITY = 90;

type SharpModule = (input: Uint8Array, options?: SharpOptions) => Sharp;

/**
 * Makes a picture ready to be sent. Everything but its pixels is left behind: EXIF, location, comments, colour profiles (what
 * they say goes into the pixels). JPEG, PNG, WebP, GIF and AVIF stay what they are, animations too; TIFF becomes JPEG.
 *
 * @throws mediaUnreadable for what is no picture, has too many pixels, or is SVG, which is a program; mediaToolMissing.
 */
export async function prepareImage(bytes: Uint8Array): Promise<PreparedImage> {
  const sharp = await loadSharp();
  try {
    const about = await sharp(bytes, { limitInputPixels: MAX_PIXELS }).metadata();
    const { encoded, mime } = encoder(sharp(bytes, reading(about)).autoOrient(), about);
    const { data, info } = await encoded.toBuffer({ resolveWithObject: true });
    const { width, pageHeight: height = info.height } = info;
    if (Math.max(width, height) > MAX_SIDE)
      throw new SottoError("mediaUnreadable", { detail: `a picture is at most ${MAX_SIDE} pixels wide and high` });
    const still = () => sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: "error" }).autoOrient();
    const small = await still()
      .resize(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS, { fit: "inside", withoutEnlargement: true })
      .webp({ quality: THUMBNAIL_QUALITY })
      .toBuffer({ resolveWithObject: true });
    return {
      ...{ bytes: plain(data), mime, width, height },
      blurhash: await blurhashOf(still()),
      thumbnail: {
        ...{ bytes: plain(small.data), mime: "image/webp" },
        ...{ width: small.info.width, height: small.info.height },
      },
    };
  } catch (cause) {
    throw cause instanceof SottoError ? cause : new SottoError("mediaUnreadable", { cause });
  }
}

function reading({ pages = 1 }: Metadata): SharpOptions {
  return { animated: pages > 1, limitInputPixels: MAX_PIXELS, failOn: "error" };
}

function encoder(image: Sharp, { format, pages = 1 }: Metadata): { readonly encoded: Sharp; readonly mime: string } {
  switch (format) {
    case "jpeg":
    case "tiff":
      return { encoded: image.jpeg({ quality: QUALITY }), mime: "image/jpeg" };
    case "png":
      return { encoded: image.png(), mime: "image/png" };
    case "webp":
      return { encoded: image.webp(pages > 1 ? {} : { quality: QUALITY }), mime: "image/webp" };
    case "gif":
      return { encoded: image.gif(), mime: "image/gif" };
    case "heif":
      return { encoded: image.avif({ quality: 60 }), mime: "image/avif" };
    default:
      throw new SottoError("mediaUnreadable", { detail: "no picture of a kind that is shown" });
  }
}

async function blurhashOf(image: Sharp): Promise<string> {
  const { data, info } = await image
    .resize(BLUR_PIXELS, BLUR_PIXELS, { fit: "inside" })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return encode(new Uint8ClampedArray(data), info.width, info.height, ...BLUR_COMPONENTS);
}

async function loadSharp(): Promise<SharpModule> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw new SottoError("mediaToolMissing", { detail: "sharp does not load", cause });
  }
}

/** Bytes of their own, not of a pool. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer);
}
