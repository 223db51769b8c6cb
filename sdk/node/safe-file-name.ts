/** A file name from what a stranger says a file is called. */

import { extname } from "node:path";

/** Bytes of a safe name at most: file systems take 255, and `.part` or ` (2)` may come behind it. */
const MAX_BYTES = 200;
/** A longer ending is no type of file. */
const MAX_ENDING_BYTES = 16;
/** What Windows does not store as a file, with or without an ending (Microsoft, "Naming Files, Paths, and Namespaces"). */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|$)/i;
/** Control and format characters: line ends, and what turns the direction of text so that `exe.gpj` reads `jpg.exe`. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\ufffd]/gu;
/** Separators of paths, streams and drives, and what shells and Windows give a meaning. */
const SEPARATORS = /[/\\:*?"<>|]/g;

/**
 * A name under which a file may be stored, on any system, in a folder of one's own choice: one part of a path, not hidden, of at
 * most 200 bytes, with the ending that the name had. `attachment` where nothing is left of it. The same for the same name,
 * and safe names stay as they are; whether there is such a file already is the caller's to see.
 */
export function safeFileName(name: string | undefined): string {
  const seen = (name ?? "")
    .normalize("NFC")
    .replace(UNSEEN, "")
    .replace(/\p{Zs}/gu, " ")
    .replace(SEPARATORS, "_");
  const trimmed = trim(bounded(trim(seen)));
  if (trimmed === "") return "attachment";
  return RESERVED.test(trimmed) ? trim(bounded(`_${trimmed}`)) : trimmed;
}

/** Without the dots that hide a file, and the dots and spaces at an end that Windows drops. */
function trim(name: string): string {
  return name.replace(/^[. ]+/, "").replace(/[. ]+$/, "");
}

function bounded(name: string): string {
  if (Buffer.byteLength(name) <= MAX_BYTES) return name;
  const ending = extname(name);
  const kept = Buffer.byteLength(ending) <= MAX_ENDING_BYTES ? ending : "";
  return `${firstBytes(name.slice(0, name.length - kept.length), MAX_BYTES - Buffer.byteLength(kept))}${kept}`;
}

/** As many whole characters as fit. */
function firstBytes(text: string, most: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > most) break;
    end += character.length;
  }
  return text.slice(0, end);
}
