/** What the headers of an upload say, read strictly: https://tus.io/protocols/resumable-upload, version 1.0.0. */

import type { HttpRequest } from "../../ports.js";

/** The version of tus, and the parts of it beyond the core. */
export const TUS = { version: "1.0.0", extensions: "creation,expiration,termination" } as const;

/** The type a part of an upload must have. */
export const PART_TYPE = "application/offset+octet-stream";

type Headers = HttpRequest["headers"];

/** A whole number as tus writes it: digits only, and no more than a number can count exactly; else `undefined`. */
function count(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** `Upload-Length`, which is at least one. */
export function uploadLength(headers: Headers): number | undefined {
  const length = count(headers["upload-length"]);
  return length === 0 ? undefined : length;
}

/** `Upload-Offset`. */
export function uploadOffset(headers: Headers): number | undefined {
  return count(headers["upload-offset"]);
}

/** The token of `Authorization: Bearer`, 32 lower-case hex digits; the scheme may be written in any case (RFC 9110 §11.1). */
export function bearerToken({ authorization }: Headers): string | undefined {
  return /^bearer +([0-9a-f]{32})$/i.exec(authorization ?? "")?.[1]?.toLowerCase();
}

/** Whether a part has the right type; parameters behind it change nothing. */
export function isPartType(headers: Headers): boolean {
  return headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() === PART_TYPE;
}

/** A time as `Upload-Expires` has it (RFC 9110 §5.6.7), in whole seconds, never later than it is. */
export function httpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}
