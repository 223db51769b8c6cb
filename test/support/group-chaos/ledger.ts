/** What the people of a run said and did, and what their clients told them came of it. */

import { type MessageId, SottoError } from "@sotto/protocol";
import { type Act, actInWords, nameOf, type Person } from "./events.js";

/** What came of it. `open`: nobody heard, because the client ended before. */
export type Outcome = { readonly state: "open" | "done" } | { readonly state: "failed"; readonly code: string };

/** A text. */
export interface Saying {
  readonly id: MessageId;
  readonly number: number;
  readonly by: Person;
  /** The event in which it was said. */
  readonly at: number;
  outcome: Outcome;
}

/** What somebody answers to an invitation. */
type Answer = { readonly kind: "accept"; readonly by: Person } | { readonly kind: "decline"; readonly by: Person };

/** A change of the group that somebody's client was asked for. */
export interface Deed {
  readonly act: Act | Answer;
  readonly at: number;
  outcome: Outcome;
}

/** The records of one run. */
export class Ledger {
  readonly sayings = new Map<MessageId, Saying>();
  readonly deeds: Deed[] = [];

  /** The words of the next text, which name it. */
  get nextText(): string {
    return `#${this.sayings.size}`;
  }

  /** Notes a text and, once it is known, what came of it. Resolves then; never rejects. */
  said(
    sent: { readonly id: MessageId; readonly accepted: Promise<unknown> },
    by: Person,
    at: number,
  ): Promise<Outcome> {
    const saying: Saying = { id: sent.id, number: this.sayings.size, by, at, outcome: { state: "open" } };
    this.sayings.set(sent.id, saying);
    return settle(saying, sent.accepted);
  }

  /** Notes a deed and, once it is known, what came of it. Resolves then; never rejects. */
  did(act: Deed["act"], at: number, work: Promise<unknown>): Promise<Outcome> {
    const deed: Deed = { act, at, outcome: { state: "open" } };
    this.deeds.push(deed);
    return settle(deed, work);
  }
}

async function settle(record: { outcome: Outcome }, work: Promise<unknown>): Promise<Outcome> {
  try {
    await work;
    record.outcome = { state: "done" };
  } catch (error) {
    const code = error instanceof SottoError ? error.code : String(error);
    // A client that ends lets go of what it was asked for: it may have come about, or come about with the next life.
    if (code !== "closed") record.outcome = { state: "failed", code };
  }
  return record.outcome;
}

/** A deed in one line. */
export function deedInWords({ act, at, outcome }: Deed): string {
  const what = act.kind === "accept" || act.kind === "decline" ? `${nameOf(act.by)} ${act.kind}s` : actInWords(act);
  return `event ${at}: ${what}: ${outcome.state === "failed" ? outcome.code : outcome.state}`;
}
