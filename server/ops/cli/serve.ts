/** `sotto-relay serve`, and what `npm start` shares with it: runs a relay until a signal ends it. */

import type { Log } from "../../ports.js";
import { createLog } from "../log.js";
import type { Settings } from "../settings.js";
import { stopOnSignals } from "../shutdown.js";
import { systemClock } from "../system.js";

/** How a relay is started; the composition root knows. */
export interface ServeParts<Running extends { close(): Promise<void> } = { close(): Promise<void> }> {
  readonly startRelay: (options: { readonly settings: Settings; readonly log: Log }) => Promise<Running>;
}

/**
 * Starts the relay and leaves it running; a signal drains it and ends the process, also one that comes while it starts.
 *
 * @throws OperatorError if it cannot start.
 */
export async function serve<Running extends { close(): Promise<void> }>(
  settings: Settings,
  { startRelay }: ServeParts<Running>,
): Promise<Running> {
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  const starting = startRelay({ settings, log });
  stopOnSignals({
    signals: process,
    clock: systemClock,
    log,
    close: async () => (await starting).close(),
    exit: (code) => process.exit(code),
  });
  return starting;
}
