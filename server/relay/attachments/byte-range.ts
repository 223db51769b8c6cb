/** The `Range` header of a download (RFC 9110 §14.1.2), pure. */

/** What is sent of a blob: bytes `from` to before `to`. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/**
 * What a `Range` header asks of `lengthBytes`. `whole`: there is none, or one that this relay does not know, several ranges
 * included, and which RFC 9110 §14.2 lets it ignore. `unsatisfiable`: it begins behind the end.
 */
export type RangeAnswer =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange }
  | { readonly kind: "unsatisfiable" };

const WHOLE = { kind: "whole" } as const;

/** Reads a `Range` header. */
export function readRange(header: string | undefined, lengthBytes: number): RangeAnswer {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? "");
  if (match === null) return WHOLE;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return WHOLE;
    const suffix = Math.min(Number(last), lengthBytes);
    return suffix === 0 ? { kind: "unsatisfiable" } : part(lengthBytes - suffix, lengthBytes);
  }
  // Numbers too long to be exact are far behind every end, and compare as such.
  const from = Number(first);
  const end = last === "" ? Number.POSITIVE_INFINITY : Number(last);
  if (end < from) return WHOLE;
  return from >= lengthBytes ? { kind: "unsatisfiable" } : part(from, Math.min(end + 1, lengthBytes));
}

function part(from: number, to: number): RangeAnswer {
  return { kind: "part", range: { from, to } };
}
