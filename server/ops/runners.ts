/** Runs work again and again, or for at most so long. */

import type { AbortSignalLike, Clock } from "../ports.js";

/** What is repeated, how often, and who hears of a failure. */
export interface Repeated {
  readonly everyMs: number;
  readonly clock: Clock;
  readonly work: (signal: AbortSignalLike) => Promise<void>;
  readonly failed: (cause: unknown) => void;
}

/** Runs work `everyMs` after its last end, never twice at once. `stop` aborts it and resolves when none runs. Idempotent. */
export function repeat({ everyMs, clock, work, failed }: Repeated): { stop(): Promise<void> } {
  const abort = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let timer: { cancel(): void };
  const schedule = () => {
    timer = clock.after(everyMs, () => {
      running = work(abort.signal)
        .catch((cause: unknown) => {
          if (!abort.signal.aborted) failed(cause);
        })
        .finally(() => {
          if (!abort.signal.aborted) schedule();
        });
    });
  };
  schedule();
  return {
    stop() {
      abort.abort();
      timer.cancel();
      return running;
    },
  };
}

/** Waits for work, but no longer than `timeoutMs`; keeps the process alive meanwhile. Rejects if the work rejects in time. */
export async function within(timeoutMs: number, work: Promise<unknown>): Promise<"done" | "late"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), timeoutMs);
  });
  try {
    return await Promise.race([work.then(() => "done" as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
