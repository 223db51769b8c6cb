/** Reads a JSON body of bounded size. */

import type { IncomingMessage } from "node:http";
import { DeskError } from "../api.js";

/** A body's bytes came too many; the connection is of no further use. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/** The JSON of a body. @throws BodyTooLarge; DeskError badRequest if it is no JSON, or says that it is none. */
export async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const type = request.headers["content-type"] ?? "";
  // Pages of other origins cannot send this type without asking first, which nobody answers.
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new DeskError("badRequest", "The body must be application/json.");
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw new BodyTooLarge();
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    if (!(piece instanceof Buffer)) continue;
    bytes += piece.length;
    if (bytes > maxBytes) throw new BodyTooLarge();
    pieces.push(piece);
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(pieces)));
  } catch {
    throw new DeskError("badRequest", "The body is no JSON.");
  }
}
