/** Takes the bytes of one part of an upload onto the disk, at the pace of the disk. */

import type { BlobId, Blobs, HttpBody } from "../../ports.js";

/**
 * What came of a part. Where there is an `offset`, everything before it is on stable storage. `cut`: the peer went, or stalled,
 * before the end; what came is kept, for the client to go on behind it. `moved`: the upload is elsewhere now. `busy`: another
 * part of it is under way. `gone`: it was deleted.
 */
export type Received =
  | { readonly kind: "received" | "cut"; readonly offset: number }
  | { readonly kind: "moved" | "busy" | "gone" };

/** Appends a body behind `offset`, which must fit into the blob. @throws BlobError; of the part is kept then what is durable. */
export async function receive(blobs: Blobs, id: BlobId, offset: number, body: HttpBody): Promise<Received> {
  const begun = await blobs.append(id, offset);
  if (begun === undefined) return { kind: "gone" };
  if (begun.kind !== "append") return { kind: begun.kind };
  const { append } = begun;
  let kind: "received" | "cut" = "received";
  const pieces = piecesUntilCut(body, () => {
    kind = "cut";
  });
  try {
    for await (const piece of pieces) await append.write(piece);
    return { kind, offset: await append.commit() };
  } catch (cause) {
    await append.discard();
    // Who deletes an upload ends the part that is under way: no trouble of the disk.
    if ((await blobs.find(id)) === undefined) return { kind: "gone" };
    throw cause;
  }
}

/** A body whose peer may go: it ends then, instead of throwing, so that only the disk throws. */
async function* piecesUntilCut(body: HttpBody, cut: () => void): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body;
  } catch {
    cut();
  }
}
