/** What a content that was written into a thread changes, and what is told of it once that is durable. */

import type { Thread } from "../conversations/conversations.js";
import type { Outcome, Telling } from "../conversations/incoming.js";
import type { Plan } from "./plan.js";
import type { Resolution } from "./waiting.js";

/** Who is told. */
export interface WrittenParts {
  /** Something happened in a thread and is durable. */
  tell(thread: Thread, telling: Telling): void;
  /** A new item is durable. */
  arrived(thread: Thread, sequence: number): void;
}

/** The plan of a content; with a resolution, it stands for what did not open. */
export function written(
  { tell, arrived }: WrittenParts,
  thread: Thread,
  { outcome, resolution }: { readonly outcome: Outcome; readonly resolution?: Resolution | undefined },
): Plan {
  let sequence: number | undefined;
  return {
    build: () => {
      const built = outcome.build();
      sequence = built.sequence;
      return [...(resolution?.changes ?? []), ...built.changes];
    },
    after: [
      () => {
        if (sequence !== undefined) {
          thread.timeline.announce(sequence);
          arrived(thread, sequence);
        }
        for (const telling of outcome.tellings) tell(thread, telling);
        resolution?.settle();
      },
    ],
  };
}
