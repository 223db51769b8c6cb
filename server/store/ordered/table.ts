/** Small rows by bucket and key, on versioned rows. */

import type { Table } from "../../ports.js";
import type { VersionedRows } from "./versioned-rows.js";

const NOTHING = new Uint8Array(0);

/** The table of a store. */
export function orderedTable(rows: VersionedRows): Table {
  return {
    async get(bucket, key) {
      const version = await rows.get(nameOf(bucket, key));
      return version === undefined ? undefined : { revision: version.revision, value: version.value };
    },
    compareAndSet: async (bucket, key, revision, value, ttlMs) =>
      rows.compareAndSet(nameOf(bucket, key), revision, value, ttlMs),
    async spendOnce(bucket, key, ttlMs) {
      const { won } = await rows.compareAndSet(nameOf(bucket, key), undefined, NOTHING, ttlMs);
      return won;
    },
  };
}

/** @throws RangeError for a bucket with a zero byte: its rows could be taken for another bucket's. */
function nameOf(bucket: string, key: string): string {
  if (bucket.includes("\0")) throw new RangeError("a bucket's name has no zero byte");
  return `${bucket}\0${key}`;
}
