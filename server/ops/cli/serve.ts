/** `sotto-relay serve`: runs the relay until a signal ends it. */

import type { Log } from "../../ports.js";
import { createLog } from "../log.js";
import type { Settings } from "../settings.js";
import { stopOnSignals } from "../shutdown.js";
import { systemClock } from "../system.js";

/** How a relay is started; the composition root knows. */
export interface ServeParts {
  readonly startRelay: (options: {
    readonly settings: Settings;
    readonly log: Log;
  }) => Promise<{ close(): Promise<void> }>;
}

/** Starts the relay and leaves it running; a signal drains it and ends the process. */
export async function serve(settings: Settings, { startRelay }: ServeParts): Promise<void> {
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  const relay = await startRelay({ settings, log });
  stopOnSignals({
    signals: process,
    clock: systemClock,
    log,
    close: () => relay.close(),
    exit: (code) => process.exit(code),
  });
}
