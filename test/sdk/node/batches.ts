import type { StoreChange } from "../../../sdk/core/ports.js";

/** Rows of one batch. */
export const BATCH_ROWS = 10;

/** The rows of a numbered batch: all of them hold its number. */
export function batchOf(number: number): readonly StoreChange[] {
  const value = new TextEncoder().encode(String(number));
  const name = String(number).padStart(8, "0");
  return Array.from({ length: BATCH_ROWS }, (_, row) => ({ key: `batch.${name}.${row}`, value }));
}
