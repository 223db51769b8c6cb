/** From anything thrown to what may be said about it on the wire. */

import { type FailureCode, failures, SottoError, type WireFailureCode } from "@sotto/protocol";
import { type Log, StoreError } from "../ports.js";

/** A failure as an answer carries it. */
export interface WireFailure {
  readonly failure: WireFailureCode;
  readonly retryAfterMs?: number | undefined;
}

/**
 * What the other side is told. Failures of the one table travel as they are; a store that cannot answer is `busy`;
 * everything else is our bug, is logged under `where`, and is `internal`.
 */
export function failureOf(cause: unknown, log: Log, where: string): WireFailure {
  if (cause instanceof StoreError) {
    log.warn("storeUnavailable", { where, kind: cause.kind });
    return { failure: "busy" };
  }
  if (cause instanceof SottoError && travels(cause.code) && cause.code !== "internal") {
    return { failure: cause.code, retryAfterMs: cause.retryAfterMs };
  }
  log.error("requestBroke", cause, { where });
  return { failure: "internal" };
}

function travels(code: FailureCode): code is WireFailureCode {
  return failures[code].wire !== 0;
}
