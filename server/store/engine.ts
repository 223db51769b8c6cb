/**
 * The lowest layer of a store: ordered rows of bytes, written in atomic batches. Everything above it is the same for
 * LevelDB, for memory, and for the layer of the tests that forgets what was never synced.
 */

import type { Guarantee } from "../ports.js";

/** Whether a write waits for stable storage. Unsynced writes survive a killed process but not a power cut. */
export type Durability = "synced" | "unsafeUnsynced";

/** Rows from `from`, included, to `to`, excluded, in the order of their bytes. */
export interface KeyRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** Puts and deletions that are applied in order and all together. */
export interface EngineBatch {
  /** Copies key and value before it returns, so that both may be scratch space. */
  put(key: Buffer, value: Buffer): void;
  /** Copies the key before it returns. A key that is not there is no error. */
  delete(key: Buffer): void;
  /** Applies everything; readers see none of it before the promise is about to resolve. Called once. */
  write(durability: Durability): Promise<void>;
}

/** An ordered map of bytes on some storage. Only one process has it open. */
export interface Engine {
  /** What a `synced` write survives. */
  readonly guarantee: Guarantee;
  /** @throws StoreError `fatal` if it cannot be opened. */
  open(): Promise<void>;
  close(): Promise<void>;
  batch(): EngineBatch;
  /**
   * One row, at once.
   *
   * @throws StoreError `unavailable` if it cannot be read.
   */
  get(key: Buffer): Buffer | undefined;
  /** Many rows, in the order of their keys in the list. For values too large or too many to wait for. Rejects as `get` throws. */
  values(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]>;
  /** The first `limit` keys of a range. Rejects as `get` throws. */
  keys(range: KeyRange, limit: number): Promise<readonly Buffer[]>;
  /** The first `limit` rows of a range. Rejects as `get` throws. */
  entries(range: KeyRange, limit: number): Promise<readonly (readonly [Buffer, Buffer])[]>;
}
