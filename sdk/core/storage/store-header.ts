/** The one row that is not sealed: the format of the store, and its key wrapped by the key source. */

import { decodeRecord, encodeRecord, field, SottoError } from "@sotto/protocol";
import type { Cipher, Random, Store, StoreKeySource } from "../ports.js";
import { SealedRows, STORE_KEY_BYTES } from "./sealed-rows.js";

/** Sorts before every key a caller may use. */
export const HEADER_KEY = "!";

/** The format this version writes. It opens older ones too, which are then migrated. */
export const FORMAT = 5;
/** `sotto`, then one byte of format, then the record of that format. */
const MAGIC = [0x73, 0x6f, 0x74, 0x74, 0x6f];
const CHECKED_NAME = "!key";

const header = field.record({
  wrapped: field.bytes(1, 4_096),
  /** Nothing, sealed by the store key: tells a wrong key from corrupt rows, whatever the key source checks itself. */
  check: field.bytes(1, 64),
});

interface Parts {
  readonly store: Store;
  readonly key: StoreKeySource;
  readonly cipher: Cipher;
  readonly random: Random;
}

/** An unlocked store, and the format its rows have. */
export interface Unlocked {
  readonly rows: SealedRows;
  readonly format: number;
}

/**
 * Unlocks an open store; a fresh one gets a key first.
 *
 * The header is one atomic write of its own and precedes every other, so a first opening that is interrupted leaves a fresh
 * store behind.
 *
 * @throws wrongKey, storeVersion, storeCorrupt if rows lie there without a header; nothing is changed then.
 */
export async function unlock(parts: Parts): Promise<Unlocked> {
  const stored = await parts.store.get(HEADER_KEY);
  return stored === undefined ? firstOpening(parts) : laterOpening(parts, stored);
}

/** Says that every row has this version's format. */
export async function markMigrated(store: Store): Promise<void> {
  const stored = await store.get(HEADER_KEY);
  if (stored === undefined) throw new SottoError("storeCorrupt", { detail: "the header is gone" });
  const value = stored.slice();
  value[MAGIC.length] = FORMAT;
  await store.write([{ key: HEADER_KEY, value }]);
}

async function firstOpening({ store, key, cipher, random }: Parts): Promise<Unlocked> {
  const rows = await store.list({ after: "", before: "\x7f", limit: 1, order: "ascending" });
  if (rows.length > 0) throw new SottoError("storeCorrupt", { detail: "the store has rows but no header" });
  const storeKey = random.bytes(STORE_KEY_BYTES);
  const sealed = new SealedRows(storeKey, { cipher, random });
  const wrapped = await key.wrap(storeKey);
  storeKey.fill(0);
  const body = encodeRecord(header, { wrapped, check: sealed.seal(CHECKED_NAME, new Uint8Array(0)) });
  const value = new Uint8Array(MAGIC.length + 1 + body.length);
  value.set([...MAGIC, FORMAT]);
  value.set(body, MAGIC.length + 1);
  await store.write([{ key: HEADER_KEY, value }]);
  return { rows: sealed, format: FORMAT };
}

async function laterOpening({ key, cipher, random }: Parts, stored: Uint8Array): Promise<Unlocked> {
  const { wrapped, check, format } = parse(stored);
  const storeKey = await key.unwrap(wrapped);
  if (storeKey.length !== STORE_KEY_BYTES) throw new SottoError("wrongKey", { detail: "the key is not 32 bytes" });
  const sealed = new SealedRows(storeKey, { cipher, random });
  storeKey.fill(0);
  if (sealed.tryOpen(CHECKED_NAME, check) === undefined) throw new SottoError("wrongKey");
  return { rows: sealed, format };
}

function parse(stored: Uint8Array): {
  readonly wrapped: Uint8Array;
  readonly check: Uint8Array;
  readonly format: number;
} {
  const format = stored[MAGIC.length];
  if (format === undefined || !MAGIC.every((byte, index) => stored[index] === byte)) {
    throw new SottoError("storeCorrupt", { detail: "this is not the header of a store" });
  }
  if (format > FORMAT) throw new SottoError("storeVersion");
  try {
    return { ...decodeRecord(header, stored.subarray(MAGIC.length + 1)), format };
  } catch (cause) {
    throw new SottoError("storeCorrupt", { detail: "the header does not parse", cause });
  }
}
