/** The minimal relay's storage: one ordered key for each message, one writer, group commit. */

import { type ChainedBatch, ClassicLevel } from "classic-level";

type Bytes = Uint8Array;

/**
 * Puts and deletes that share commits: while one batch is being synced the next one fills, and it leaves the moment the
 * first is on disk. An idle store commits at once.
 */
export class QueueStore {
  private batch: ChainedBatch<ClassicLevel<Bytes, Bytes>, Bytes, Bytes> | undefined;
  private waiting: (() => void)[] = [];
  private writing = false;

  private constructor(private readonly db: ClassicLevel<Bytes, Bytes>) {}

  /** Opens an empty or existing store in a folder. */
  static async open(folder: string): Promise<QueueStore> {
    const db = new ClassicLevel<Bytes, Bytes>(folder, { keyEncoding: "view", valueEncoding: "view" });
    await db.open();
    return new QueueStore(db);
  }

  /** Stores a message; `committed` is called once it is on disk. The bytes are copied before this returns. */
  put(mailbox: number, cursor: number, frame: Bytes, committed: () => void): void {
    this.next().put(keyOf(mailbox, cursor), frame);
    this.waiting.push(committed);
    this.commit();
  }

  /** Deletes the messages with `from` <= cursor <= `upTo`. */
  remove(mailbox: number, from: number, upTo: number): void {
    const batch = this.next();
    for (let cursor = from; cursor <= upTo; cursor++) batch.del(keyOf(mailbox, cursor));
    this.commit();
  }

  /** The committed frames of a mailbox in order, from a cursor on. */
  read(mailbox: number, from: number): Promise<Bytes[]> {
    return this.db.values({ gte: keyOf(mailbox, from), lt: keyOf(mailbox + 1, 0) }).all();
  }

  private next(): ChainedBatch<ClassicLevel<Bytes, Bytes>, Bytes, Bytes> {
    this.batch ??= this.db.batch();
    return this.batch;
  }

  private commit(): void {
    const { batch, waiting } = this;
    if (this.writing || batch === undefined) return;
    this.batch = undefined;
    this.waiting = [];
    this.writing = true;
    batch.write({ sync: true }).then(
      () => {
        this.writing = false;
        this.commit();
        for (const committed of waiting) committed();
      },
      (cause: unknown) => {
        // After a failed sync nobody knows what the log holds.
        console.error(cause);
        process.exit(1);
      },
    );
  }
}

function keyOf(mailbox: number, cursor: number): Bytes {
  const key = Buffer.allocUnsafe(12);
  key.writeUInt32BE(mailbox, 0);
  key.writeUInt32BE(Math.floor(cursor / 0x1_0000_0000), 4);
  key.writeUInt32BE(cursor >>> 0, 8);
  return key;
}
