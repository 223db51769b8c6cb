/**
 * Blobs as files, over any `Disk`. What lies on disk is the only truth: memory holds the appends under way, the count of
 * bytes and nothing for each blob, so that a folder may hold any number of them.
 */

import {
  type AbortSignalLike,
  type BlobAppend,
  BlobError,
  type BlobId,
  type BlobState,
  type Blobs,
  type Clock,
  type Log,
} from "../../ports.js";
import { assertRange, assertWhole } from "../check.js";
import { blobPath, fanOf } from "../layout.js";
import { Space } from "../space.js";
import { DiskAppend } from "./append.js";
import type { Disk, DiskFile } from "./disk.js";
import { Due } from "./due.js";
import { replaceJournal } from "./journal.js";
import { MAX_NUMBER } from "./journal-format.js";
import { isThere, journalOf, stateOf, tidied } from "./look.js";
import { openFolder } from "./open-folder.js";
import { condemn, type FolderParts } from "./parts.js";
import { readSegments } from "./read-blob.js";
import { remove, sweep } from "./sweep.js";
import { Turns } from "./turns.js";

/** A crash in the middle of a long append loses at most twice as much: this, and what came while it was made durable. */
const MARK_BYTES = 4 * 1024 * 1024;

/** What blobs on a disk need. */
export interface DiskBlobsOptions {
  readonly disk: Disk;
  /** The most that may be held and promised. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Hears of corrupt blobs and of files that are none of the folder's. */
  readonly log?: Log | undefined;
  /** An append makes so much durable at once, unless said otherwise 4 MiB. */
  readonly markBytes?: number | undefined;
}

/** Keeps blobs on a disk. */
export class DiskBlobs implements Blobs {
  readonly #parts: FolderParts;
  readonly #clock: Clock;
  readonly #markBytes: number;
  readonly #readers = new Set<DiskFile>();
  #isOpen = false;

  constructor({ disk, maxBytes, clock, log, markBytes = MARK_BYTES }: DiskBlobsOptions) {
    const space = new Space(maxBytes);
    this.#parts = { disk, log, space, due: new Due(), turns: new Turns(), live: new Map(), doubtful: new Set() };
    this.#clock = clock;
    this.#markBytes = markBytes;
  }

  async open(): Promise<void> {
    const startedMs = this.#clock.monotonic();
    const { space, due, doubtful, log } = this.#parts;
    space.clear();
    due.clear();
    doubtful.clear();
    const { blobs: count, strangers } = await openFolder(this.#parts);
    this.#isOpen = true;
    const durationMs = Math.round(this.#clock.monotonic() - startedMs);
    log?.info("blobsOpened", { count, bytes: space.bytes, durationMs });
    if (strangers > 0) log?.warn("blobFolderHasStrangers", { count: strangers });
  }

  create(
    id: BlobId,
    blob: { readonly lengthBytes: number; readonly expiresMs: number; readonly unfinishedMs: number },
  ): Promise<"created" | "exists"> {
    return this.#inTurn(id, async () => {
      const { disk, due, live, space } = this.#parts;
      assertWhole("lengthBytes", blob.lengthBytes, MAX_NUMBER);
      assertWhole("expiresMs", blob.expiresMs, MAX_NUMBER);
      assertWhole("unfinishedMs", blob.unfinishedMs, MAX_NUMBER);
      if (live.has(id) || (await isThere(this.#parts, id))) return "exists";
      space.reserve(blob.lengthBytes);
      due.note(fanOf(id), Math.min(blob.expiresMs, blob.unfinishedMs));
      try {
        await replaceJournal(disk, id, blob, []);
      } catch (cause) {
        space.release(blob.lengthBytes);
        due.note(fanOf(id), 0);
        // It may have its name already. Nobody was told of it, so it goes, now or with its time.
        await Promise.allSettled([disk.remove(blobPath(id, "new")), disk.remove(blobPath(id, "log"))]);
        throw cause;
      }
      return "created";
    });
  }

  find(id: BlobId): Promise<BlobState | undefined> {
    return this.#inTurn(id, async () => this.#parts.live.get(id)?.state ?? stateOf(this.#parts, id));
  }

  append(
    id: BlobId,
    offset: number,
  ): Promise<
    | { readonly kind: "append"; readonly append: BlobAppend }
    | { readonly kind: "moved"; readonly offset: number }
    | { readonly kind: "busy" }
    | undefined
  > {
    return this.#inTurn(id, async () => {
      const { live, disk, doubtful } = this.#parts;
      if (live.has(id)) return { kind: "busy" };
      const found = await journalOf(this.#parts, id);
      if (found === undefined) return undefined;
      if (found.end !== offset) return { kind: "moved", offset: found.end };
      const journal = await tidied(this.#parts, id, found);
      const journalFile = await disk.open(blobPath(id, "log"), "write");
      if (journalFile === undefined) return undefined;
      const ended = (state: "sound" | "doubtful") => {
        if (state === "doubtful") doubtful.add(id);
        live.delete(id);
      };
      const append = new DiskAppend({ disk, id, journal, journalFile, ended, markBytes: this.#markBytes });
      live.set(id, append);
      return { kind: "append", append };
    });
  }

  async *read(id: BlobId, range: { readonly from: number; readonly to: number }): AsyncGenerator<Uint8Array> {
    const { data, ...blob } = await this.#inTurn(id, () => this.#openToRead(id, range));
    if (data === undefined) return;
    try {
      for await (const piece of readSegments({ data, ...blob, ...range })) {
        yield piece;
        this.#assertOpen();
      }
    } catch (cause) {
      const isCorrupt = cause instanceof BlobError && cause.kind === "corrupt";
      // If even that fails, the next reader finds the damage again; this one hears of the damage.
      if (isCorrupt) await Promise.allSettled([this.#inTurn(id, () => condemn(this.#parts, id, "data"))]);
      throw cause;
    } finally {
      this.#readers.delete(data);
      await data.close();
    }
  }

  delete(id: BlobId): Promise<void> {
    return this.#inTurn(id, async () => {
      await this.#parts.live.get(id)?.abandon();
      try {
        await remove(this.#parts, id);
      } catch (cause) {
        // Where it stopped half way, the next sweep goes on.
        this.#parts.due.note(fanOf(id), 0);
        throw cause;
      }
    });
  }

  async expire(nowMs: number, signal: AbortSignalLike): Promise<number> {
    this.#assertOpen();
    return sweep(this.#parts, nowMs, () => signal.aborted || !this.#isOpen);
  }

  usage(): { readonly bytes: number; readonly maxBytes: number } {
    const { bytes, maxBytes } = this.#parts.space;
    return { bytes, maxBytes };
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    const { live, turns } = this.#parts;
    await turns.idle();
    await Promise.allSettled([...live.values()].map((append) => append.commit()));
    await Promise.allSettled([...this.#readers].map((data) => data.close()));
  }

  async #openToRead(id: BlobId, range: { readonly from: number; readonly to: number }) {
    const journal = this.#parts.live.has(id) ? undefined : await journalOf(this.#parts, id);
    if (journal === undefined) throw new BlobError("unavailable", "There is no such complete blob.");
    const { checksums, header, end } = journal;
    const { lengthBytes } = header;
    if (end !== lengthBytes) throw new BlobError("unavailable", "The blob is not complete.");
    assertRange(range, lengthBytes);
    const data = lengthBytes === 0 ? undefined : await this.#parts.disk.open(blobPath(id, "data"), "read");
    if (data !== undefined) this.#readers.add(data);
    return { data, checksums, lengthBytes };
  }

  async #inTurn<Result>(id: BlobId, work: () => Promise<Result>): Promise<Result> {
    this.#assertOpen();
    return this.#parts.turns.take(id, work);
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new BlobError("unavailable", "The blob storage is not open.");
  }
}
