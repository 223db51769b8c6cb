/** Bytes that a seed decides, as many as are wanted, without keeping them: the keystream of a cipher. */

import { createCipheriv, createHash } from "node:crypto";
import { open } from "node:fs/promises";

/** One content: the same seed, name and version are the same bytes. */
export interface ContentName {
  readonly seed: number;
  readonly file: number;
  /** Another version has other bytes, from the first on. */
  readonly version: number;
  readonly sizeBytes: number;
}

const PIECE_BYTES = 1_048_576;
/** Lengths of pieces as streams have them, in turn: none fits a chunk. */
const ODD_LENGTHS = [1, 65_535, 300_001, 12, 65_537, 900_000];

/** The bytes, in pieces of odd lengths. */
export async function* streamOf(name: ContentName): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let turn = name.file;
  yield* piecesOf(name, () => ODD_LENGTHS[turn++ % ODD_LENGTHS.length] ?? 1);
}

/** The bytes in one piece. */
export function bytesOf(name: ContentName): Uint8Array<ArrayBuffer> {
  return [...piecesOf(name, () => name.sizeBytes)][0] ?? new Uint8Array(0);
}

/** Writes the bytes into a file, and answers their SHA-256. */
export async function writeContent(name: ContentName, path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "w");
  try {
    for (const piece of piecesOf(name, () => PIECE_BYTES)) {
      hash.update(piece);
      await file.write(piece);
    }
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

/** The SHA-256 of the bytes. */
export function digestOf(name: ContentName): string {
  const hash = createHash("sha256");
  for (const piece of piecesOf(name, () => PIECE_BYTES)) hash.update(piece);
  return hash.digest("hex");
}

function* piecesOf(
  { seed, file, version, sizeBytes }: ContentName,
  lengthOf: () => number,
): Generator<Uint8Array<ArrayBuffer>> {
  const key = createHash("sha256").update(`${seed}/${file}/${version}`).digest();
  const stream = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  for (let left = sizeBytes; left > 0; ) {
    const length = Math.min(left, lengthOf());
    yield new Uint8Array(stream.update(Buffer.alloc(length)));
    left -= length;
  }
}
