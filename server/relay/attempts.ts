/** Attempts at a send: each is decided in its turn among the sends of its connection, and made anew if an account changed. */

import { SottoError } from "@sotto/protocol";
import type { AppendOutcome } from "../ports.js";
import type { Caller } from "./rules.js";

/** How often a send is decided anew because an account changed under it. */
const ATTEMPTS = 4;

/** What is left of an attempt when its turn is over: what the store will say of it, an answer without one, or nothing. */
export type Attempted =
  | {
      readonly kind: "stored";
      readonly outcome: Promise<AppendOutcome>;
      /** Tells the sender what became of it; false if an account changed since the decision. */
      tell(outcome: AppendOutcome): boolean | Promise<boolean>;
    }
  | { readonly kind: "answer"; answer(): Promise<void> }
  | { readonly kind: "done" };

/**
 * Answers a send. `attempt` decides it and hands it to the store; the first one may rest on what is remembered, and pays.
 *
 * So sends are stored in the order they came, whatever deciding has to wait for: accounts that are not remembered, the tables
 * of strangers, the claim of a first contact. Nobody waits for the disk to store what came before, nor for the time of its
 * refusal.
 *
 * @throws what `attempt` throws; busy if accounts change too often.
 */
export async function inTurns(caller: Caller, attempt: (isFirst: boolean) => Promise<Attempted>): Promise<void> {
  for (let count = 0; count < ATTEMPTS; count++) {
    const attempted = await caller.turns.take(() => attempt(count === 0));
    if (attempted.kind === "done") return;
    if (attempted.kind === "answer") return attempted.answer();
    if (await attempted.tell(await attempted.outcome)) return;
  }
  throw new SottoError("busy", { detail: "the recipients' accounts change too often" });
}
