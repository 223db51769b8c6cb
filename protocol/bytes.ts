/** Comparing byte strings. */

/** Whether two byte strings are equal, in time that depends on their length only, so that it serves for secrets too. */
export function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let index = 0; index < one.length; index++) difference |= (one[index] as number) ^ (other[index] as number);
  return difference === 0;
}
