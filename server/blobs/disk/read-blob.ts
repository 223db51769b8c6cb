/** Reads a complete blob. A segment is compared with its checksum as a whole before any part of it is handed out. */

import { crc32 } from "node:zlib";
import { BlobError } from "../../ports.js";
import { SEGMENT_BYTES } from "../layout.js";
import type { DiskFile } from "./disk.js";
import { segmentOf } from "./journal-format.js";

/** What a reader reads. */
export interface ReadParts {
  readonly data: DiskFile;
  readonly lengthBytes: number;
  readonly checksums: readonly number[];
  readonly from: number;
  readonly to: number;
}

/**
 * The bytes of a range, in pieces of at most a segment. Reads one segment ahead, and ends that read before it ends itself.
 *
 * @throws BlobError corrupt at the first segment that is not what was written; unavailable.
 */
export async function* readSegments({ data, lengthBytes, checksums, from, to }: ReadParts): AsyncGenerator<Uint8Array> {
  if (from === to) return;
  const last = segmentOf(to - 1);
  let next = read(segmentOf(from));
  try {
    for (let segment = segmentOf(from); segment <= last; segment++) {
      const bytes = await next;
      if (segment < last) next = read(segment + 1);
      const start = segment * SEGMENT_BYTES;
      yield bytes.subarray(Math.max(0, from - start), Math.min(bytes.length, to - start));
    }
  } finally {
    await next.catch(() => {});
  }

  function read(segment: number): Promise<Buffer> {
    const reading = readSegment(segment);
    // Whoever takes it hears of the failure; it may come before that.
    reading.catch(() => {});
    return reading;
  }

  async function readSegment(segment: number): Promise<Buffer> {
    const start = segment * SEGMENT_BYTES;
    const bytes = Buffer.allocUnsafeSlow(Math.min(SEGMENT_BYTES, lengthBytes - start));
    const found = await data.read(bytes, start);
    if (found < bytes.length || crc32(bytes) !== checksums[segment])
      throw new BlobError("corrupt", "What is stored is not what was written.");
    return bytes;
  }
}
