/** Ends the process when it is told to: gracefully at the first signal, at once at the second. */

import type { Clock, Log } from "../ports.js";

/** Where signals come from; `process` is one. */
interface SignalSource {
  on(signal: "SIGTERM" | "SIGINT", listener: () => void): unknown;
}

/** What a signal leads to. */
export interface ShutdownOptions {
  readonly signals: SignalSource;
  readonly clock: Clock;
  readonly log: Log;
  /** The graceful end; bounded by itself. */
  readonly close: () => Promise<void>;
  readonly exit: (code: number) => void;
}

/** npm passes a terminal's Ctrl-C on to a process that got it already; signals this close together are one. */
const SAME_SIGNAL_MS = 1_000;

/**
 * Closes at the first SIGTERM or SIGINT and exits with 0, or 1 if closing failed; a second signal exits with 1 at once.
 */
export function stopOnSignals({ signals, clock, log, close, exit }: ShutdownOptions): void {
  let firstMs: number | undefined;
  const told = (signal: "SIGTERM" | "SIGINT") => {
    if (firstMs !== undefined) {
      if (clock.monotonic() - firstMs < SAME_SIGNAL_MS) return;
      log.warn("stoppedAtOnce", { signal, reason: "a second signal came" });
      return exit(1);
    }
    firstMs = clock.monotonic();
    log.info("stopping", { signal });
    close().then(
      () => exit(0),
      (cause: unknown) => {
        log.error("stopFailed", cause);
        exit(1);
      },
    );
  };
  signals.on("SIGTERM", () => told("SIGTERM"));
  signals.on("SIGINT", () => told("SIGINT"));
}
