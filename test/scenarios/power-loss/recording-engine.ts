/** An engine that knows which of its writes were synced, and can lose power. */

import type { Durability, Engine } from "../../../server/store/engine.js";

type Operation = readonly [Buffer, Buffer | undefined];

/** One batch as it was handed to the engine below. */
interface RecordedBatch {
  readonly operations: readonly Operation[];
  readonly durability: Durability;
  hasReturned: boolean;
}

/** An engine over another one, with a power switch. */
export interface RecordingEngine extends Engine {
  /** Fails this and all later writes at the write with this number, counted from now. */
  loseWrite(number: number): void;
  /** Writes what a power cut leaves into a fresh engine: everything up to the last write that was synced. */
  restoreInto(fresh: Engine, survives: "writesInFlight" | "onlyAnswered"): Promise<void>;
}

/**
 * Records the writes of an engine.
 *
 * A write that had not returned when the power went may be on disk or not; LevelDB keeps either all of a batch or
 * nothing, and never one without those before it.
 */
export function recordingEngine(inner: Engine): RecordingEngine {
  const history: RecordedBatch[] = [];
  let writesLeft = Number.POSITIVE_INFINITY;
  return {
    guarantee: inner.guarantee,
    open: () => inner.open(),
    close: () => inner.close(),
    get: (key) => inner.get(key),
    values: (keys) => inner.values(keys),
    keys: (range, limit) => inner.keys(range, limit),
    entries: (range, limit) => inner.entries(range, limit),
    batch() {
      const operations: Operation[] = [];
      const batch = inner.batch();
      return {
        put(key, value) {
          operations.push([Buffer.from(key), Buffer.from(value)]);
          batch.put(key, value);
        },
        delete(key) {
          operations.push([Buffer.from(key), undefined]);
          batch.delete(key);
        },
        async write(durability) {
          writesLeft -= 1;
          if (writesLeft < 0) throw new Error("no power");
          const record: RecordedBatch = { operations, durability, hasReturned: false };
          history.push(record);
          if (writesLeft === 0) throw new Error("the power went while this was written");
          // The engine below never loses power; syncing it would only make the test slow.
          await batch.write("unsafeUnsynced");
          record.hasReturned = true;
        },
      };
    },
    loseWrite(number) {
      writesLeft = number;
    },
    async restoreInto(fresh, survives) {
      const kept = history.findLastIndex(
        ({ durability, hasReturned }) => durability === "synced" && (hasReturned || survives === "writesInFlight"),
      );
      await fresh.open();
      for (const { operations } of history.slice(0, kept + 1)) {
        const batch = fresh.batch();
        for (const [key, value] of operations) {
          if (value === undefined) batch.delete(key);
          else batch.put(key, value);
        }
        await batch.write("unsafeUnsynced");
      }
      await fresh.close();
    },
  };
}
