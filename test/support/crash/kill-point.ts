/** The moments between two promises at which a client may die. */

import type { SocketMoments, StoreMoments } from "./watched-ports.js";

/** Where a client dies by its own hand, and at the how manyth time it gets there. */
export interface KillPoint {
  readonly at: KillMoment;
  readonly nth: number;
}

/** Each moment, and what a client must not get wrong about it. */
export const killMoments = {
  /** A received message is decrypted, its commit not begun: it must be delivered and opened again. */
  beforeCommit: "after decrypting, before the commit",
  /** It is committed and not acknowledged: it is delivered again and must not be shown again. */
  beforeAck: "after the commit, before the acknowledgement",
  /** A message is encrypted and its ratchet committed: it must leave under a new key in the next life. */
  beforeSend: "after encrypting, before the send",
  /** The relay may have it, the client does not know: it is sent again and must arrive once. */
  afterSend: "after the send, before the answer",
  /** The answer is here, its commit is not: as before. */
  onAccepted: "on the answer, before its commit",
} as const;

/** The name of a moment. */
export type KillMoment = keyof typeof killMoments;

/** Turns of the event loop for which a commit is held back before its client dies. */
const TURNS_BEFORE_DEATH = 200;

/** Moments of sockets and stores that call `die` at a kill point. */
export function momentsOf({ at, nth }: KillPoint, die: () => void): SocketMoments & StoreMoments {
  let passed = 0;
  const isHere = () => {
    passed += 1;
    return passed === nth;
  };
  const here = () => {
    if (isHere()) die();
  };
  return {
    async writing(keys) {
      // The position in the mailbox is part of every commit of a received envelope.
      if (at !== "beforeCommit" || !keys.includes("inbox") || !isHere()) return;
      // Time for everything that would not wait for the commit, such as a premature acknowledgement.
      for (let turn = 0; turn < TURNS_BEFORE_DEATH; turn++) await new Promise(setImmediate);
      die();
    },
    sending({ type }) {
      if (at === "beforeAck" && type === "acknowledge") here();
      if (at === "beforeSend" && type === "send") here();
      return "send";
    },
    sent({ type }) {
      if (at === "afterSend" && type === "send") here();
    },
    receiving({ type }) {
      if (at === "onAccepted" && type === "accepted") here();
    },
  };
}
