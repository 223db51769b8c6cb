/**
 * Whose fault it may be that a frank does not pass. What stands beside a ciphertext the relay can change, and then what was said is
 * not lost: as with a ciphertext that it garbled, the sender is asked once to say it again, and not told why.
 */

import type { FrankRefusal } from "@sotto/protocol";

/** `sender`: only a changed client sends such a thing. `anybody`: or the relay changed what it delivered. */
export type Fault = "sender" | "anybody";

/** Whose fault a refusal may be, by what came within the ciphertext and what stood beside it. */
export function faultOf(
  reason: FrankRefusal,
  { frank }: { readonly frank?: Uint8Array | undefined },
  { commitment, stamp }: { readonly commitment?: Uint8Array | undefined; readonly stamp?: Uint8Array | undefined },
): Fault {
  const isBare = commitment === undefined || stamp === undefined;
  return reason === "commitment" || (frank !== undefined && isBare) ? "anybody" : "sender";
}
