/**
 * Streams of unknown length, kept until their end: the size of a blob is told before its first byte, so that it shows nothing
 * but a padded size. Kept in the sealed store, so that no plaintext is on the disk.
 */

import { ATTACHMENT_CHUNK_BYTES, limits, SottoError } from "@sotto/protocol";
import { unlessAborted } from "../devices/pause.js";
import type { AbortSignalLike, Clock, ReadableSource, StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Place } from "./pending.js";
import { endStream, nextOf } from "./source.js";

/** Bytes of every piece but the last: it is one row. */
const PIECE_BYTES = ATTACHMENT_CHUNK_BYTES;
/** Pieces of one commit, and of one read. */
const PIECES_AT_ONCE = 16;
/** Rows deleted in one commit. */
const DELETIONS_AT_ONCE = 512;
/** What nobody went on with for so long is deleted. */
const KEPT_MS = 7 * 86_400_000;

/** How a stream is kept. */
export interface Spooling {
  readonly place: Place;
  /** Whether a later run may go on with it. */
  readonly use: Row<"spool">["use"];
  readonly name: string | undefined;
  readonly signal: AbortSignalLike;
}

/** The streams kept on this device. Calls for one place are made one after the other. */
export class Spool {
  constructor(private readonly parts: { readonly store: SealedStore; readonly clock: Clock }) {}

  /**
   * Keeps a stream to its end, and answers what was kept as a source. What an earlier run kept to the end under this place is
   * answered instead, and the stream is not read.
   *
   * @throws tooLarge; sourceUnreadable; aborted; then nothing of it is kept.
   */
  async take(stream: AsyncIterable<unknown>, spooling: Spooling): Promise<ReadableSource> {
    const { place, signal } = spooling;
    const kept = await this.find(place);
    if (kept?.state === "ended") {
      endStream(stream);
      return this.source(place, kept);
    }
    await this.drop(place);
    const pieces = stream[Symbol.asyncIterator]();
    try {
      return this.source(place, await this.write(pieces, spooling));
    } catch (error) {
      if (!(error instanceof SottoError && ["storeFailed", "closed"].includes(error.code))) await this.drop(place);
      if (signal.aborted) throw new SottoError("aborted");
      throw error;
    }
  }

  /** Deletes what is kept under a place. Idempotent. */
  async drop(place: Place): Promise<void> {
    const row = await this.find(place);
    if (row === undefined) return;
    const { store } = this.parts;
    // Half of it must never be taken for all of it.
    await store.commit([change(place, { ...row, state: "leaving" })]);
    for (let piece = 0; piece < row.pieces; piece += DELETIONS_AT_ONCE) {
      const count = Math.min(DELETIONS_AT_ONCE, row.pieces - piece);
      await store.commit(Array.from({ length: count }, (_, index) => gone(keys.spoolPiece(place, piece + index))));
    }
    await store.commit([gone(keys.spool(place))]);
  }

  /** What is kept to the end and may be gone on with. */
  async all(): Promise<readonly { readonly place: Place; readonly row: Row<"spool"> }[]> {
    const found: { place: Place; row: Row<"spool"> }[] = [];
    for await (const { key, value } of eachRow(this.parts.store, keys.spools))
      found.push({ place: key.slice(keys.spools.length), row: decodeRow("spool", value) });
    return found;
  }

  /** Deletes what an earlier run did not end, and what nobody goes on with. */
  async purge(nowMs: number): Promise<void> {
    for (const { place, row } of await this.all())
      if (row.state !== "ended" || row.use === "once" || row.startedMs + KEPT_MS <= nowMs) await this.drop(place);
  }

  private async find(place: Place): Promise<Row<"spool"> | undefined> {
    const stored = await this.parts.store.get(keys.spool(place));
    return stored === undefined ? undefined : decodeRow("spool", stored);
  }

  private async write(pieces: AsyncIterator<unknown>, { place, use, name, signal }: Spooling): Promise<Row<"spool">> {
    const { store, clock } = this.parts;
    let row: Row<"spool"> = { state: "writing", use, name, pieces: 0, sizeBytes: 0, startedMs: clock.now() };
    await store.commit([change(place, row)]);
    let filling = new Uint8Array(PIECE_BYTES);
    let filled = 0;
    let full: Uint8Array[] = [];
    const flush = async (state: Row<"spool">["state"]) => {
      const { pieces } = row;
      row = { ...row, state, pieces: pieces + full.length };
      const kept = full.map((value, index) => ({ key: keys.spoolPiece(place, pieces + index), value }));
      full = [];
      await store.commit([...kept, change(place, row)]);
    };
    for (;;) {
      const value = await unlessAborted(nextOf(pieces), signal);
      if (value === undefined) break;
      const sizeBytes = row.sizeBytes + value.length;
      if (sizeBytes > limits.attachmentBytes.value) throw new SottoError("tooLarge");
      row = { ...row, sizeBytes };
      for (let at = 0; at < value.length; ) {
        const part = value.subarray(at, at + PIECE_BYTES - filled);
        filling.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < PIECE_BYTES) continue;
        full.push(filling);
        filling = new Uint8Array(PIECE_BYTES);
        filled = 0;
        if (full.length === PIECES_AT_ONCE) await flush("writing");
      }
    }
    if (filled > 0) full.push(filling.slice(0, filled));
    await flush("ended");
    return row;
  }

  private source(place: Place, { sizeBytes, pieces }: Row<"spool">): ReadableSource {
    const { store } = this.parts;
    return {
      sizeBytes,
      identity: `spool/${place}`,
      async *read(from) {
        for (let piece = Math.floor(from / PIECE_BYTES); piece < pieces; piece += PIECES_AT_ONCE) {
          const count = Math.min(PIECES_AT_ONCE, pieces - piece);
          const names = Array.from({ length: count }, (_, index) => keys.spoolPiece(place, piece + index));
          for (const [index, bytes] of (await store.getMany(names)).entries()) {
            if (bytes === undefined) throw new SottoError("storeCorrupt", { detail: "a kept stream lacks a piece" });
            yield bytes.subarray(Math.max(0, from - (piece + index) * PIECE_BYTES));
          }
        }
      },
    };
  }
}

function change(place: Place, row: Row<"spool">): StoreChange {
  return { key: keys.spool(place), value: encodeRow("spool", row) };
}

function gone(key: string): StoreChange {
  return { key, value: undefined };
}
