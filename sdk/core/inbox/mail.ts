/** One delivered envelope on its way into the store. */

import type { Frame } from "@sotto/protocol";
import type { Conversations, Thread } from "../conversations/conversations.js";
import type { Telling } from "../conversations/incoming.js";
import type { Seen } from "../conversations/seen.js";
import type { Counters } from "../counters.js";
import type { EvidenceRows } from "../franking/evidence.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Clock } from "../ports.js";
import type { Peers } from "../sessions/peers.js";
import type { Plan } from "./plan.js";
import type { Repairs } from "./repairs.js";
import type { Resends } from "./resends.js";
import type { Waiting } from "./waiting.js";

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

/** What taking mail works with, whoever it is of. */
export interface MailParts {
  readonly peers: Peers;
  readonly locks: KeyedLock;
  readonly conversations: Pick<Conversations, "of" | "threadOf">;
  readonly repairs: Pick<Repairs, "lost">;
  readonly resends: Pick<Resends, "answer">;
  readonly waiting: Waiting;
  /** What is shown can be reported: its evidence goes with it, in the same commit. */
  readonly evidence: Pick<EvidenceRows, "shown">;
  readonly seen: Pick<Seen, "heard">;
  readonly counters: Counters;
  readonly clock: Clock;
  /** Something happened in a conversation and is durable. */
  tell(thread: Thread, telling: Telling): void;
  /** A new item is durable. */
  arrived(thread: Thread, sequence: number): void;
}

/** Whether the relay stores it; what passes through is never acknowledged, and shows nothing but typing. */
export function isPassing({ frame }: Mail): boolean {
  return frame.cursor === 0;
}
