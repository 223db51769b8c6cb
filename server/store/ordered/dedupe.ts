/** Which sends were already accepted: one row for each commit on disk, and an index of them in memory. */

import type { Engine } from "../engine.js";
import { dedupeFrom, dedupeKey, MESSAGE_ID_BYTES, readDedupeKey, U48 } from "../row-keys.js";
import { DedupeIndex, isUsableRowNumber } from "./dedupe-index.js";
import type { Batch, Participant, Writer } from "./writer.js";

/** How long a repeated send is recognised: longer than any client keeps a message in its outbox. 7 days. */
export const DEDUPE_MS = 7 * 24 * 60 * 60 * 1000;

/** Bytes that tell a repeat from another send under the same id. */
export const MARK_BYTES = 32;
/** The mark of sends that were given none. */
export const NO_MARK: Uint8Array = new Uint8Array(MARK_BYTES);

const MARK_AT = MESSAGE_ID_BYTES + U48;
const SEND_BYTES = MARK_AT + MARK_BYTES;
/** A row with fewer sends is written again with those of the next commit: a quiet relay would leave a row for each. */
const FULL_ROW_SENDS = 32;
/** Rows read at once when the store is opened. */
const LOAD_STEP = 1_000;

/** An accepted send. `written` is set while it is still on its way to the disk. */
export interface AcceptedSend {
  readonly acceptedMs: number;
  readonly mark: Buffer;
  readonly written: Promise<void> | undefined;
}

/** A row that is not wholly on disk. */
interface OpenRow {
  readonly number: number;
  bytes: Buffer;
  sizeBytes: number;
  /** The newest batch with sends of this row. */
  batch: Batch;
}

/** The memory of accepted sends. */
export class Dedupe implements Participant {
  readonly #engine: Engine;
  readonly #writer: Writer;
  readonly #index = new DedupeIndex();
  readonly #unwritten = new Map<number, OpenRow>();
  #row: OpenRow | undefined;
  #nextRow = 1;

  constructor(engine: Engine, writer: Writer) {
    this.#engine = engine;
    this.#writer = writer;
  }

  /** Reads all rows into the index. About a second for a million sends. */
  async load(): Promise<void> {
    for (;;) {
      const rows = await this.#engine.entries(dedupeFrom(this.#nextRow), LOAD_STEP);
      if (rows.length === 0) return;
      for (const [key, bytes] of rows) {
        const number = readDedupeKey(key);
        for (const messageId of messageIdsIn(bytes)) this.#index.add(messageId, number);
        this.#nextRow = number + 1;
      }
    }
  }

  /** The first send with this id, if it was accepted within `DEDUPE_MS` before `nowMs`. */
  find(messageId: Uint8Array, nowMs: number): AcceptedSend | undefined {
    return this.#index.find(messageId, (number) => {
      const unwritten = this.#unwritten.get(number);
      const bytes = unwritten?.bytes.subarray(0, unwritten.sizeBytes) ?? this.#engine.get(dedupeKey(number));
      const accepted = bytes === undefined ? undefined : acceptedIn(bytes, messageId, nowMs - DEDUPE_MS);
      return accepted === undefined ? undefined : { ...accepted, written: unwritten?.batch.done };
    });
  }

  /** Notes a send in the batch that stores it. */
  remember(
    batch: Batch,
    {
      messageId,
      acceptedMs,
      mark,
    }: { readonly messageId: Uint8Array; readonly acceptedMs: number; readonly mark: Uint8Array },
  ): void {
    const row = this.#rowFor(batch);
    if (row.sizeBytes + SEND_BYTES > row.bytes.length) {
      row.bytes = Buffer.concat([row.bytes], row.bytes.length * 2);
    }
    row.bytes.set(messageId, row.sizeBytes);
    row.bytes.writeUIntBE(acceptedMs, row.sizeBytes + MESSAGE_ID_BYTES, U48);
    row.bytes.set(mark, row.sizeBytes + MARK_AT);
    row.sizeBytes += SEND_BYTES;
    this.#index.add(messageId, row.number);
  }

  seal(batch: Batch): () => void {
    const row = this.#row;
    if (row === undefined) return () => {};
    batch.put(dedupeKey(row.number), row.bytes.subarray(0, row.sizeBytes));
    if (row.sizeBytes >= FULL_ROW_SENDS * SEND_BYTES) this.#row = undefined;
    return () => {
      if (row.batch === batch) this.#unwritten.delete(row.number);
    };
  }

  /** Deletes up to `limit` rows that are forgotten by now; answers how many, 0 when none is left. */
  async purge(nowMs: number, limit: number): Promise<number> {
    const rows = await this.#engine.entries(dedupeFrom(0), limit);
    const young = rows.findIndex(([, bytes]) => newestIn(bytes) > nowMs - DEDUPE_MS);
    const forgotten = (young === -1 ? rows : rows.slice(0, young)).filter(([key, bytes]) => {
      // New sends may have joined the row since it was read.
      return !this.#unwritten.has(readDedupeKey(key)) && this.#engine.get(key)?.length === bytes.length;
    });
    if (forgotten.length === 0) return 0;
    const batch = this.#writer.change(0, (batch) => {
      for (const [key, bytes] of forgotten) {
        const number = readDedupeKey(key);
        if (this.#row?.number === number) this.#row = undefined;
        batch.delete(key);
        for (const messageId of messageIdsIn(bytes)) this.#index.remove(messageId, number);
      }
    });
    await batch.done;
    return forgotten.length;
  }

  #rowFor(batch: Batch): OpenRow {
    let row = this.#row;
    if (row?.batch === batch) return row;
    batch.join(this);
    if (row === undefined) {
      if (!isUsableRowNumber(this.#nextRow)) this.#nextRow += 1;
      row = { number: this.#nextRow, bytes: Buffer.alloc(FULL_ROW_SENDS * SEND_BYTES), sizeBytes: 0, batch };
      this.#nextRow += 1;
      this.#row = row;
    }
    row.batch = batch;
    this.#unwritten.set(row.number, row);
    return row;
  }
}

function* messageIdsIn(row: Buffer): Generator<Uint8Array> {
  for (let at = 0; at < row.length; at += SEND_BYTES) yield row.subarray(at, at + MESSAGE_ID_BYTES);
}

function newestIn(row: Buffer): number {
  return row.readUIntBE(row.length - MARK_BYTES - U48, U48);
}

/** When a row's send was accepted and under which mark, if the row has it and it was after a time. */
function acceptedIn(
  row: Buffer,
  messageId: Uint8Array,
  afterMs: number,
): Pick<AcceptedSend, "acceptedMs" | "mark"> | undefined {
  for (let at = 0; at < row.length; at += SEND_BYTES) {
    if (row.compare(messageId, 0, MESSAGE_ID_BYTES, at, at + MESSAGE_ID_BYTES) !== 0) continue;
    const acceptedMs = row.readUIntBE(at + MESSAGE_ID_BYTES, U48);
    if (acceptedMs > afterMs) return { acceptedMs, mark: row.subarray(at + MARK_AT, at + SEND_BYTES) };
  }
  return undefined;
}
