/** What every adapter asks of its callers. A number that is wrong is the caller's bug. */

/** A length, position or time. @throws RangeError unless it is a whole number from 0 to `most`. */
export function assertWhole(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= most) return;
  throw new RangeError(`${name} must be a whole number from 0 to ${most}`);
}

/** A range within a blob. @throws RangeError if it leaves the blob. */
export function assertRange({ from, to }: { readonly from: number; readonly to: number }, lengthBytes: number): void {
  assertWhole("to", to, lengthBytes);
  assertWhole("from", from, to);
}
