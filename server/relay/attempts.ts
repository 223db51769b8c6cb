/** Attempts at a send: each is decided in its turn among the sends of its connection, and made anew if an account changed. */

import { SottoError } from "@sotto/protocol";
import type { AppendOutcome } from "../ports.js";
import type { Caller } from "./rules.js";
import type { Appending } from "./store-send.js";

/** How often a send is decided anew because an account changed under it. */
const ATTEMPTS = 4;

/** What the store says of a send that it does not want decided anew. */
export type Settled = Exclude<AppendOutcome, { readonly kind: "changed" | "noMailbox" }>;

/** What came of an attempt: what the store will say of it, an answer without one, or nothing. */
export type Attempted =
  | {
      readonly kind: "handedOver";
      readonly appending: Appending;
      /** Tells the sender what became of it. */
      tell(outcome: Settled): void | Promise<void>;
    }
  | { readonly kind: "answer"; answer(): Promise<void> }
  | { readonly kind: "done" };

/**
 * Answers a send. `attempt` decides it and hands it to the store; the first one may rest on what is remembered, and pays.
 *
 * A turn ends when the store has taken the send, or will not. So sends are stored in the order they came, whatever deciding
 * has to wait for: accounts that are not remembered or change meanwhile, the tables of strangers, the claim of a first
 * contact, a mailbox that the store has to read. Nobody waits for the disk to store what came before, nor for the time of
 * its refusal.
 *
 * @throws what `attempt` throws; busy if accounts change too often.
 */
export async function inTurns(caller: Caller, attempt: (isFirst: boolean) => Promise<Attempted>): Promise<void> {
  const attempted = await caller.turns.take(() => lastAttempt(attempt));
  if (attempted.kind === "answer") return attempted.answer();
  if (attempted.kind === "done") return;
  const outcome = await attempted.appending.outcome;
  if (isAnew(outcome)) throw new SottoError("internal", { detail: "a send that was taken is to be decided anew" });
  return attempted.tell(outcome);
}

/** The first attempt that no account changed under. */
async function lastAttempt(attempt: (isFirst: boolean) => Promise<Attempted>): Promise<Attempted> {
  for (let count = 0; count < ATTEMPTS; count++) {
    const attempted = await attempt(count === 0);
    if (attempted.kind !== "handedOver") return attempted;
    const { outcome, taken } = attempted.appending;
    const first = await Promise.race([taken, outcome]);
    if (first === "taken" || !isAnew(first)) return attempted;
  }
  throw new SottoError("busy", { detail: "the recipients' accounts change too often" });
}

function isAnew(outcome: AppendOutcome): outcome is Exclude<AppendOutcome, Settled> {
  return outcome.kind === "changed" || outcome.kind === "noMailbox";
}
