/** Comparing public bytes. */

/** Whether two public byte strings are equal. Not for secrets: its time depends on where they differ. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
