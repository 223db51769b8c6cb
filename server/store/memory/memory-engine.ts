/** An engine in memory: a sorted list of rows. */

import type { Engine, KeyRange } from "../engine.js";

type Row = readonly [Buffer, Buffer];

/** Rows that live as long as the object, also across `close` and `open`. */
export function memoryEngine(): Engine {
  const rows: Row[] = [];

  /** The index of the first row at or after a key. */
  function lowerBound(key: Buffer): number {
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = rows[middle];
      if (row !== undefined && row[0].compare(key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function apply(key: Buffer, value: Buffer | undefined): void {
    const index = lowerBound(key);
    const found = rows[index]?.[0].equals(key) === true ? 1 : 0;
    if (value === undefined) rows.splice(index, found);
    else rows.splice(index, found, [key, value]);
  }

  function slice({ from, to }: KeyRange, limit: number): readonly Row[] {
    const start = lowerBound(from);
    return rows.slice(start, Math.min(lowerBound(to), start + limit));
  }

  function get(key: Buffer): Buffer | undefined {
    const row = rows[lowerBound(key)];
    return row?.[0].equals(key) === true ? Buffer.from(row[1]) : undefined;
  }

  return {
    guarantee: "none",
    async open() {},
    async close() {},
    batch() {
      const operations: (readonly [Buffer, Buffer | undefined])[] = [];
      return {
        put: (key, value) => void operations.push([Buffer.from(key), Buffer.from(value)]),
        delete: (key) => void operations.push([Buffer.from(key), undefined]),
        async write() {
          for (const [key, value] of operations) apply(key, value);
        },
      };
    },
    get,
    values: async (keys) => keys.map(get),
    keys: async (range, limit) => slice(range, limit).map(([key]) => Buffer.from(key)),
    entries: async (range, limit) => slice(range, limit).map(([key, value]) => [Buffer.from(key), Buffer.from(value)]),
  };
}
