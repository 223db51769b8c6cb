/** The desk's rows in memory: the same order and the same atomic batches as on disk, and nothing that survives. */

import type { RowChange, Rows } from "../../../server/desk/ports.js";

/** Rows that a test can look at, and tamper with. */
export interface MemoryRows extends Rows {
  readonly held: Map<string, Uint8Array>;
  /** Every byte that was ever written, for tests that look for what must not be there. */
  dump(): Buffer;
}

/** Empty rows. */
export function memoryRows(): MemoryRows {
  const held = new Map<string, Uint8Array>();
  return {
    held,
    get: async (key) => held.get(key)?.slice(),
    async list(prefix, { after = "", limit = Number.MAX_SAFE_INTEGER } = {}) {
      const keys = [...held.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      return keys.slice(0, limit).map((key) => ({ key, value: (held.get(key) as Uint8Array).slice() }));
    },
    async write(changes: readonly RowChange[]) {
      for (const { key, value } of changes) {
        if (value === undefined) held.delete(key);
        else held.set(key, value.slice());
      }
    },
    async scrub() {},
    async close() {},
    dump: () => Buffer.concat([...held].flatMap(([key, value]) => [Buffer.from(key), value])),
  };
}
