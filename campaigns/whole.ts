/** A whole number of the command line. */

/** The number that a text spells, or another one if there is none. @throws Error for what is no count of anything. */
export function whole(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${text} is not a number of anything`);
  return value;
}
