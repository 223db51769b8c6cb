/** A size of the command line. */

const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 };

/** The bytes that a text such as `64MiB` spells. @throws Error for what is no size. */
export function size(text: string): number {
  const [, digits = "", unit = "?"] = /^(\d{1,10})(KiB|MiB|GiB|)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (factor === undefined) throw new Error(`${text} is no size such as 64MiB`);
  return Number(digits) * factor;
}
