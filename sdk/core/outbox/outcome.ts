/** What became of a try to send a row, and what each failure means for it. */

import type { AccountId, FailureCode } from "@sotto/protocol";
import { SottoError } from "@sotto/protocol";
import { isFatal } from "../fatal.js";
import type { Relay } from "../relay.js";
import type { Row } from "../rows.js";
import { waitFor } from "./lane.js";

/** A row could not be sent for this long: it is given up; the relay remembers envelope ids for 7 days. */
const GIVE_UP_MS = 5 * 24 * 3_600_000;

/** What a row for a group left behind when the relay accepted it. */
export interface SaidInGroup {
  /** How far the log was read when it was encrypted. */
  readonly standing: NonNullable<Row<"outbox">["standing"]>;
  /** Members it could not go to with the others; they are written to one by one. */
  readonly leftOut: readonly AccountId[];
}

/** What became of a row. `again`: not sent now; the relay's wait if it named one, 0 if something was repaired. */
export type Dispatched =
  | {
      readonly kind: "accepted";
      /** By the relay's clock. */
      readonly acceptedMs: number;
      /** The relay's stamp on the commitment; none of what went to nobody. */
      readonly stamp?: Uint8Array | undefined;
      readonly inGroup?: SaidInGroup | undefined;
    }
  | { readonly kind: "failed"; readonly error: SottoError }
  | { readonly kind: "again"; readonly afterMs: number | undefined };

/** Tried again when the relay is reached, or after a while. */
export const LATER = { kind: "again", afterMs: undefined } as const;
/** Something was repaired: tried again at once. */
export const AT_ONCE = { kind: "again", afterMs: 0 } as const;

/** @throws expired for a row that waits for too long. */
export function assertFresh({ createdMs }: Row<"outbox">, nowMs: number): void {
  if (nowMs - createdMs > GIVE_UP_MS) throw new SottoError("expired");
}

/** The end of a connection that says nothing of what waits: the next client sends it. */
const ENDS: ReadonlySet<FailureCode> = new Set(["closed", "displaced", "unsupportedVersion", "rootRequired"]);

/** What a revoked device still has to say nobody takes any more, whether it was on its way or waits. */
const TURNED_AWAY = { kind: "failed", error: new SottoError("badCredentials") } as const;

function isTurnedAway({ code }: SottoError): boolean {
  return code === "badCredentials" || code === "notAuthenticated";
}

/**
 * What becomes of a row without a connection: it waits, unless there will be none because the relay does not know this
 * device any more. `undefined` while there is one.
 */
export function unreached({ state, end }: Pick<Relay["device"], "state" | "end">): Dispatched | undefined {
  if (state === "ready") return undefined;
  return end !== undefined && isTurnedAway(end) ? TURNED_AWAY : LATER;
}

/** What a failure means for a row: wait, give up, or (thrown) the end of the client. */
export function outcomeOf(error: unknown): Dispatched {
  if (isFatal(error) || !(error instanceof SottoError)) throw error;
  // Aborted: called back for the order's sake, or the outcome no longer waited for; the same send id goes again.
  if (error.code === "aborted" || ENDS.has(error.code)) return LATER;
  if (isTurnedAway(error)) return TURNED_AWAY;
  const afterMs = waitFor(error);
  return afterMs === undefined ? { kind: "failed", error } : { kind: "again", afterMs };
}

/** Whether a failure is about the way to the relay, so that nothing else would fare better now. */
export function isAboutTheWay(error: unknown): boolean {
  const outcome = outcomeOf(error);
  return outcome === TURNED_AWAY || outcome.kind === "again";
}

/** Whether an error has this code. */
export function hasCode(error: unknown, code: FailureCode): boolean {
  return error instanceof SottoError && error.code === code;
}
