/**
 * One append to a blob on disk.
 *
 *   write ──▶ data file ──every markBytes, and at commit──▶ sync data ──▶ records to the journal ──▶ sync journal
 *
 * Only then is the offset further on. Pieces shorter than a segment are collected to one, so that
 * memory is that of a segment and small pieces do not cost a write each.
 */

import { crc32 } from "node:zlib";
import { type BlobAppend, BlobError, type BlobId, type BlobState } from "../../ports.js";
import { blobPath, fanOf, SEGMENT_BYTES } from "../layout.js";
import type { Disk, DiskFile } from "./disk.js";
import { type Journal, recordPosition, writeRecords } from "./journal.js";
import { sealingRecord } from "./journal-format.js";

/** What an append works on. It owns the journal's handle from now on. */
export interface AppendParts {
  readonly disk: Disk;
  readonly id: BlobId;
  readonly journal: Journal;
  readonly journalFile: DiskFile;
  /** Made durable at once, in the middle of the append. */
  readonly markBytes: number;
  /** Called once, when all files are closed: `doubtful` if it is unknown what the journal says after a failure. */
  readonly ended: (state: "sound" | "doubtful") => void;
}

/** A segment that is written, but not in the journal. */
interface Written {
  readonly end: number;
  readonly checksum: number;
}

/** Writes behind what is durable. Calls take effect in their order. */
export class DiskAppend implements BlobAppend {
  readonly #parts: AppendParts;
  readonly #lengthBytes: number;
  #data: DiskFile | undefined;
  #durable: number;
  #records: number;
  /** Handed to the data file. */
  #written: number;
  /** Of the segment that `#written` is in, up to there. */
  #checksum: number;
  #unmarked: Written[] = [];
  #collected: Buffer | undefined;
  #collectedBytes = 0;
  #mark: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #failure: BlobError | undefined;
  #isOver = false;
  #isDoubtful = false;

  constructor(parts: AppendParts) {
    const { header, end, records, checksums } = parts.journal;
    this.#parts = parts;
    this.#lengthBytes = header.lengthBytes;
    this.#durable = end;
    this.#written = end;
    this.#records = records;
    this.#checksum = end % SEGMENT_BYTES === 0 ? 0 : (checksums.at(-1) ?? 0);
  }

  /** What is durable so far. */
  get state(): BlobState {
    const { lengthBytes, expiresMs } = this.#parts.journal.header;
    return { lengthBytes, expiresMs, offset: this.#durable };
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#next(async () => {
      this.#assertUsable();
      if (this.#written + this.#collectedBytes + bytes.length > this.#lengthBytes)
        throw new BlobError("corrupt", "More bytes came than the blob is long.");
      await this.#orFail(() => this.#take(bytes));
    });
  }

  commit(): Promise<number> {
    return this.#next(async () => {
      if (this.#isOver) {
        if (this.#failure !== undefined) throw this.#failure;
        return this.#durable;
      }
      try {
        this.#assertUsable();
        await this.#orFail(() => this.#finish());
      } finally {
        await this.#end();
      }
      return this.#durable;
    });
  }

  discard(): Promise<void> {
    return this.#next(() => this.#end());
  }

  /** Ends the append because the blob goes: what is written from now on fails. */
  abandon(): Promise<void> {
    return this.#next(async () => {
      this.#failure ??= new BlobError("unavailable", "The blob was deleted.");
      await this.#end();
    });
  }

  #next<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isOver) throw new BlobError("unavailable", "The append has ended.");
  }

  /** After a failed write or sync nothing that came later may count. */
  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      if (cause instanceof BlobError) this.#failure ??= cause;
      throw cause;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Hands whole segments on as they are, and collects what is less. No write crosses the end of a segment. */
  async #take(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const room = SEGMENT_BYTES - (this.#written % SEGMENT_BYTES) - this.#collectedBytes;
      const part = bytes.subarray(at, at + room);
      at += part.length;
      if (this.#collectedBytes === 0 && part.length === room) await this.#put(part);
      else {
        this.#collected ??= Buffer.allocUnsafeSlow(Math.min(SEGMENT_BYTES, this.#lengthBytes - this.#written));
        this.#collected.set(part, this.#collectedBytes);
        this.#collectedBytes += part.length;
        if (part.length === room) await this.#flush();
      }
    }
  }

  async #flush(): Promise<void> {
    if (this.#collected === undefined || this.#collectedBytes === 0) return;
    const bytes = this.#collected.subarray(0, this.#collectedBytes);
    this.#collectedBytes = 0;
    await this.#put(bytes);
  }

  async #put(bytes: Uint8Array): Promise<void> {
    const data = await this.#openData();
    this.#checksum = crc32(bytes, this.#checksum);
    await data.write(bytes, this.#written);
    this.#written += bytes.length;
    if (this.#written % SEGMENT_BYTES === 0) this.#closeSegment();
    await this.#markInTime();
  }

  #closeSegment(): void {
    this.#unmarked.push({ end: this.#written, checksum: this.#checksum });
    this.#checksum = 0;
  }

  async #openData(): Promise<DiskFile> {
    if (this.#data !== undefined) return this.#data;
    const { disk, id } = this.#parts;
    this.#data = await disk.open(blobPath(id, "data"), "make");
    // What a crash or a broken-off append left behind the end.
    await this.#data.truncate(this.#durable);
    return this.#data;
  }

  /** Makes what is written durable now and then, beside the writes. The last of it is left to `commit`. */
  async #markInTime(): Promise<void> {
    const { markBytes } = this.#parts;
    const waiting = this.#written - this.#durable;
    if (waiting < markBytes || this.#written === this.#lengthBytes) return;
    if (this.#mark !== undefined) {
      if (waiting < 2 * markBytes) return;
      await this.#mark;
      if (this.#failure !== undefined) throw this.#failure;
    }
    const segments = this.#unmarked.splice(0);
    this.#mark = this.#makeDurable(segments)
      .catch((cause: unknown) => {
        if (cause instanceof BlobError) this.#failure ??= cause;
        else throw cause;
      })
      .finally(() => {
        this.#mark = undefined;
      });
  }

  async #finish(): Promise<void> {
    await this.#flush();
    await this.#mark;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#written % SEGMENT_BYTES !== 0) this.#closeSegment();
    await this.#makeDurable(this.#unmarked.splice(0));
    if (this.#durable === this.#lengthBytes && !this.#parts.journal.isSealed) await this.#seal();
  }

  async #makeDurable(segments: readonly Written[]): Promise<void> {
    const last = segments.at(-1);
    if (last === undefined || last.end === this.#durable || this.#data === undefined) return;
    const { disk, id, journalFile } = this.#parts;
    await this.#data.sync();
    // A record is proof that the data file has its name.
    if (this.#durable === 0) await disk.syncFolder(fanOf(id));
    const records = segments.map((segment) => ({ ...segment, durableBefore: this.#durable }));
    this.#isDoubtful = true;
    await writeRecords(journalFile, id, this.#records, records);
    await journalFile.sync();
    this.#isDoubtful = false;
    this.#records += records.length;
    this.#durable = last.end;
  }

  /** Needs no sync: without it the next start looks at the whole journal, that is all. */
  async #seal(): Promise<void> {
    const { id, journalFile } = this.#parts;
    await writeRecords(journalFile, id, this.#records, [sealingRecord(this.#lengthBytes)]).catch(() => {});
  }

  async #end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#collected = undefined;
    this.#unmarked = [];
    await this.#mark;
    const { journalFile, ended } = this.#parts;
    if (this.#isDoubtful) await this.#undoRecords();
    // Both are only tidy: what lies behind the durable end is cut off before anything is appended there.
    if (this.#written > this.#durable) await this.#data?.truncate(this.#durable).catch(() => {});
    await Promise.allSettled([this.#data?.close(), journalFile.close()]);
    ended(this.#isDoubtful ? "doubtful" : "sound");
  }

  /** Takes records back of which it is unknown whether they are on stable storage. */
  async #undoRecords(): Promise<void> {
    const { journalFile } = this.#parts;
    try {
      await journalFile.truncate(recordPosition(this.#records));
      await journalFile.sync();
      this.#isDoubtful = false;
    } catch (cause) {
      if (!(cause instanceof BlobError)) throw cause;
    }
  }
}
