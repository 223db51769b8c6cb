/** What the contract suite of the blobs needs of an adapter, and the small parts its tests are written with. */

import { type BlobAppend, type BlobId, type Blobs, parseBlobId } from "../../../server/ports.js";

/** Blobs under test, in a storage that outlives them. */
export interface BlobsHarness {
  /** The open blobs; others after `reopen`. */
  readonly blobs: Blobs;
  /** Closes the blobs and opens new ones on the same storage. */
  reopen(): Promise<void>;
  /** Closes the blobs and deletes the storage. */
  dispose(): Promise<void>;
}

/** Makes open blobs in an empty storage of `MAX_BYTES`. */
export type MakeBlobs = () => Promise<BlobsHarness>;

/** The most that blobs under test may hold. */
export const MAX_BYTES = 8 * 1024 * 1024;
/** A signal nobody aborts. */
export const NEVER_ABORTED = { aborted: false } as const;
/** When a blob of these tests has to be complete, and when it expires. */
export const TIMES = { unfinishedMs: 1_700_000_001_000, expiresMs: 1_700_000_002_000 } as const;

/** The blob with this number. */
export function blob(number: number): BlobId {
  const id = parseBlobId(number.toString(16).padStart(32, "0"));
  if (id === undefined) throw new Error("a number of at most 128 bits");
  return id;
}

/** Bytes that look random and differ with the seed and at every place. */
export function noise(lengthBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let at = 0; at < lengthBytes; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

/** Begins a blob. */
export async function begin(blobs: Blobs, id: BlobId, lengthBytes: number): Promise<void> {
  const answer = await blobs.create(id, { lengthBytes, ...TIMES });
  if (answer !== "created") throw new Error(`a new blob was answered ${answer}`);
}

/** Begins an append that nothing stands against. */
export async function startAppend(blobs: Blobs, id: BlobId, offset: number): Promise<BlobAppend> {
  const answer = await blobs.append(id, offset);
  if (answer?.kind !== "append") throw new Error(`an append was answered ${answer?.kind}`);
  return answer.append;
}

/** Appends bytes in pieces and commits them. */
export async function appendAll(
  blobs: Blobs,
  id: BlobId,
  offset: number,
  bytes: Uint8Array,
  pieceBytes = 100_000,
): Promise<number> {
  const append = await startAppend(blobs, id, offset);
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) await append.write(bytes.subarray(at, at + pieceBytes));
    return await append.commit();
  } finally {
    await append.discard();
  }
}

/** Puts a whole blob there. */
export async function put(blobs: Blobs, id: BlobId, bytes: Uint8Array): Promise<void> {
  await begin(blobs, id, bytes.length);
  await appendAll(blobs, id, 0, bytes);
}

/** The bytes of a range of a blob; of all of it unless said otherwise. */
export async function readAll(
  blobs: Blobs,
  id: BlobId,
  range?: { readonly from: number; readonly to: number },
): Promise<Uint8Array> {
  const to = (await blobs.find(id))?.lengthBytes ?? 0;
  const pieces: Uint8Array[] = [];
  for await (const piece of blobs.read(id, range ?? { from: 0, to })) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Whether two texts of bytes are the same; `toEqual` looks at each byte and takes long. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
