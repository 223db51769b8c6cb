/** Attempts at a send: each is decided in its turn among the sends of its connection, and made anew if an account changed. */

import { SottoError } from "@sotto/protocol";
import type { AppendOutcome } from "../ports.js";
import type { Caller } from "./rules.js";

/** How often a send is decided anew because an account changed under it. */
const ATTEMPTS = 4;

/** What the store says of a send that it does not want decided anew. */
export type Settled = Exclude<AppendOutcome, { readonly kind: "changed" | "noMailbox" }>;

/** A send in the hands of the store. */
export class Appending {
  readonly outcome: Promise<AppendOutcome>;
  /** Whether only the disk is waited for. */
  isTaken = false;
  private told: (() => void) | undefined;

  /** `hand` gives it to the store, which calls `taken` as `Mailboxes.append` says. */
  constructor(hand: (taken: () => void) => Promise<AppendOutcome>) {
    this.outcome = hand(() => {
      this.isTaken = true;
      this.told?.();
    });
  }

  /** Whether it stays with the store, once that is known; else an account changed, and it is to be decided anew. */
  async isKept(): Promise<boolean> {
    if (this.isTaken) return true;
    const taken = new Promise<"taken">((resolve) => {
      this.told = () => resolve("taken");
    });
    const first = await Promise.race([taken, this.outcome]);
    return first === "taken" || !isAnew(first);
  }
}

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

/** Decides a send and hands it to the store; the first attempt may rest on what is remembered, and pays. */
export type Attempt = (isFirst: boolean) => Attempted | Promise<Attempted>;

/**
 * Answers a send.
 *
 * A turn ends when the store has taken the send, or will not. So sends are stored in the order they came, whatever deciding
 * has to wait for: accounts that are not remembered or change meanwhile, the tables of strangers, the claim of a first
 * contact, a mailbox that the store has to read. Nobody waits for the disk to store what came before, nor for the time of
 * its refusal.
 *
 * @throws what `attempt` throws; busy if accounts change too often.
 */
export async function inTurns(caller: Caller, attempt: Attempt): Promise<void> {
  const turn = caller.turns.take(() => lastAttempt(attempt));
  const attempted = turn instanceof Promise ? await turn : turn;
  if (attempted.kind === "answer") return attempted.answer();
  if (attempted.kind === "done") return;
  const outcome = await attempted.appending.outcome;
  if (isAnew(outcome)) throw new SottoError("internal", { detail: "a send that was taken is to be decided anew" });
  return attempted.tell(outcome);
}

/** The first attempt that no account changed under; within the call, if that is the first one and waits for the disk alone. */
function lastAttempt(attempt: Attempt): Attempted | Promise<Attempted> {
  const first = attempt(true);
  const isLast = !(first instanceof Promise) && (first.kind !== "handedOver" || first.appending.isTaken);
  return isLast ? first : goneOnFrom(first, attempt);
}

async function goneOnFrom(first: Attempted | Promise<Attempted>, attempt: Attempt): Promise<Attempted> {
  let attempted = await first;
  for (let count = 1; attempted.kind === "handedOver" && !(await attempted.appending.isKept()); count++) {
    if (count === ATTEMPTS) throw new SottoError("busy", { detail: "the recipients' accounts change too often" });
    attempted = await attempt(false);
  }
  return attempted;
}

function isAnew(outcome: AppendOutcome): outcome is Exclude<AppendOutcome, Settled> {
  return outcome.kind === "changed" || outcome.kind === "noMailbox";
}
