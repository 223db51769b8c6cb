/** Evidence that another device of this account hands over: it is trusted to have checked it, and it is looked at whether it is of these words. */

import {
  CLOCK_SKEW_MS,
  committedForm,
  decodeEvidence,
  type Evidence,
  equalBytes,
  type Realm,
  wordsHashOf,
} from "@sotto/protocol";
import type { Wording } from "./genuine.js";

/** What evidence is looked at with. */
export interface Here {
  /** `undefined` while this device knows none. */
  readonly realm: Realm | undefined;
  /** The relay's clock. */
  readonly nowMs: number;
}

/**
 * The evidence, if it opens to these words and is of their sender; `undefined` otherwise, and where there is none. Then they are
 * shown, and cannot be reported. Nor is evidence taken of a time to come: it would be kept until then.
 */
export function handedOver(
  { realm, nowMs }: Here,
  { content, encoded }: Wording,
  evidence: Uint8Array | undefined,
): Evidence | undefined {
  if (realm === undefined || evidence === undefined) return undefined;
  try {
    const read = decodeEvidence(evidence);
    const { head, wordsKey } = read;
    const isBy = head.account === content.sender && head.device === content.device;
    const isOf = equalBytes(wordsHashOf(realm, wordsKey, committedForm(encoded, content)), head.wordsHash);
    const isPast = head.acceptedMs <= nowMs + CLOCK_SKEW_MS;
    return isBy && isOf && isPast ? read : undefined;
  } catch {
    return undefined;
  }
}
