/**
 * What a file really is, by its first bytes. Only these are shown, whatever the sender called them: no SVG, no HTML, no PDF, nothing that
 * a browser runs. Pure.
 */

/** What can be shown, and as what. */
export type ShowableMedia =
  | { readonly kind: "image"; readonly mime: "image/jpeg" | "image/png" | "image/gif" | "image/webp" }
  | { readonly kind: "audio"; readonly mime: "audio/ogg" | "audio/mpeg" | "audio/wav" | "audio/mp4" | "audio/aac" }
  | { readonly kind: "video"; readonly mime: "video/mp4" | "video/webm" };

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const EBML = [0x1a, 0x45, 0xdf, 0xa3];

/** What these bytes can be shown as; `undefined` for everything else. */
export function showableMedia(bytes: Uint8Array): ShowableMedia | undefined {
  if (begins(bytes, [0xff, 0xd8, 0xff])) return { kind: "image", mime: "image/jpeg" };
  if (begins(bytes, PNG)) return { kind: "image", mime: "image/png" };
  const first = ascii(bytes, 0, 4);
  const form = ascii(bytes, 8, 4);
  if (ascii(bytes, 0, 6) === "GIF87a" || ascii(bytes, 0, 6) === "GIF89a") return { kind: "image", mime: "image/gif" };
  if (first === "RIFF" && form === "WEBP") return { kind: "image", mime: "image/webp" };
  if (first === "RIFF" && form === "WAVE") return { kind: "audio", mime: "audio/wav" };
  if (first === "OggS") return { kind: "audio", mime: "audio/ogg" };
  if (ascii(bytes, 0, 3) === "ID3") return { kind: "audio", mime: "audio/mpeg" };
  if (ascii(bytes, 4, 4) === "ftyp") {
    if (form.startsWith("M4A") || form.startsWith("M4B")) return { kind: "audio", mime: "audio/mp4" };
    // HEIF and AVIF lie in the same container, and browsers differ over them.
    if (/^(isom|iso[2-9]|mp4[12]|avc1|M4V |qt {2}|dash|3gp)/.test(form)) return { kind: "video", mime: "video/mp4" };
    return undefined;
  }
  if (begins(bytes, EBML)) return { kind: "video", mime: "video/webm" };
  return frameSync(bytes);
}

/** MPEG audio without tags begins with a frame: eleven bits set, then version, layer and rates that exist. */
function frameSync(bytes: Uint8Array): ShowableMedia | undefined {
  const [first = 0, second = 0, third = 0] = bytes;
  if (first !== 0xff || (second & 0xe0) !== 0xe0) return undefined;
  if ((second & 0xf6) === 0xf0) return { kind: "audio", mime: "audio/aac" };
  const isLayer = (second & 0x18) !== 0x08 && (second & 0x06) !== 0;
  const isRate = (third & 0xf0) !== 0xf0 && (third & 0x0c) !== 0x0c;
  return isLayer && isRate ? { kind: "audio", mime: "audio/mpeg" } : undefined;
}

function begins(bytes: Uint8Array, start: readonly number[]): boolean {
  return bytes.length >= start.length && start.every((byte, index) => bytes[index] === byte);
}

function ascii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
