/** The cap on archived sessions, which the library itself keeps up to 40 of: 176 kB a peer's device. */

/**
 * Archived states kept in one session record, newest first: old mail still opens after so many fresh starts in a row.
 * At 4.3 kB a state the record stays near 40 kB.
 */
export const MAX_ARCHIVED_STATES = 8;

/** Records below this cannot hold more than the cap. */
const SMALLEST_STATE_BYTES = 2_048;
/** A session record is a protobuf message of one current state and its archived ones, each length-delimited. */
const CURRENT_TAG = (1 << 3) | 2;
const ARCHIVED_TAG = (2 << 3) | 2;

/**
 * The record with at most the newest `MAX_ARCHIVED_STATES` archived states; the current state is never touched.
 *
 * The library offers no such cap, so this cuts the serialised record. That layout is observed, not promised: a record that
 * looks any different is returned as it is, and the engine's contract suite goes red.
 */
export function capArchived(record: Uint8Array): Uint8Array {
  if (record.length < SMALLEST_STATE_BYTES * MAX_ARCHIVED_STATES) return record;
  let archived = 0;
  let kept = 0;
  let cut = false;
  const out = new Uint8Array(record.length);
  for (let at = 0; at < record.length; ) {
    const tag = record[at];
    const length = readVarint(record, at + 1);
    if (length === undefined || (tag !== CURRENT_TAG && tag !== ARCHIVED_TAG)) return record;
    const end = length.next + length.value;
    if (end > record.length) return record;
    if (tag === ARCHIVED_TAG && ++archived > MAX_ARCHIVED_STATES) {
      cut = true;
    } else {
      out.set(record.subarray(at, end), kept);
      kept += end - at;
    }
    at = end;
  }
  return cut ? out.slice(0, kept) : record;
}

function readVarint(bytes: Uint8Array, start: number): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) << (7 * index);
    if (byte < 0x80) return { value, next: start + index + 1 };
  }
  return undefined;
}
