/** One delivered envelope on its way into the store. */

import type { Frame } from "@sotto/protocol";
import type { Plan } from "./plan.js";

/** A commit on its way to the disk, and what to do when it is there. */
export interface Commit {
  readonly durable: Promise<void>;
  readonly after: readonly (() => void)[];
}

/** What taking an envelope works with: where it came from, and the one commit it gets. */
export interface Mail {
  readonly frame: Frame<"deliver">;
  /** Commits a plan together with the position in the mailbox. Called exactly once, under the locks the plan needs. */
  commit(plan: Plan): Commit;
}

/** Whether the relay stores it; what passes through is never acknowledged, and shows nothing but typing. */
export function isPassing({ frame }: Mail): boolean {
  return frame.cursor === 0;
}
