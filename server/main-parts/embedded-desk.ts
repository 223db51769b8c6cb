/**
 * The desk inside a relay in development mode. It has its own folder, its own keys and its own connection, as any desk has; but it is
 * one process with the relay, so that what makes stamps and what tags accounts lie in the same memory.
 */

import { join } from "node:path";
import { type OpenDesk, openDesk, type RelayPlace, type RunningDesk } from "../desk/compose.js";
import { deskSettingsFrom } from "../desk/settings.js";
import { OperatorError } from "../ops/operator-error.js";
import { within } from "../ops/runners.js";
import type { Settings } from "../ops/settings.js";
import type { Log } from "../ports.js";

/** A desk that waits for the relay it runs in. */
export interface EmbeddedDesk {
  /** What the relay takes as its desk's. */
  readonly linkKey: Uint8Array;
  /** Dials the relay; resolves once that serves the realm. */
  start(relay: RelayPlace): Promise<RunningDesk>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** How long the desk may take to hand the relay its realm. */
const REALM_MS = 15_000;

/** The folder of the embedded desk in a relay's data folder. */
export function embeddedDeskFolder(dataDir: string): string {
  return join(dataDir, "desk");
}

/**
 * Opens a desk for this relay; `undefined` outside development mode, and where another one is named.
 *
 * @throws OperatorError if its folder cannot be used.
 */
export async function openEmbeddedDesk(settings: Settings, log: Log): Promise<EmbeddedDesk | undefined> {
  if (!settings.development || settings.deskKey !== undefined) return undefined;
  const desk: OpenDesk = await openDesk({
    settings: deskSettingsFrom({
      dataDir: embeddedDeskFolder(settings.dataDir),
      port: settings.deskPort ?? 0,
      name: "Sotto desk (development)",
    }),
    mode: "embedded",
    console: settings.deskPort === undefined ? "none" : "served",
    log,
  });
  log.warn("DESK IN ONE PROCESS WITH THE RELAY: WHOEVER HOLDS THIS PROCESS CAN FORGE REPORTS", {
    remedy: "for real users run sotto-desk elsewhere and set SOTTO_DESK_KEY to its key",
  });
  return {
    linkKey: desk.linkKey,
    close: () => desk.close(),
    async start(relay) {
      const running = await desk.start(relay);
      if ((await within(REALM_MS, running.realmServed)) === "late") {
        throw new OperatorError("The desk inside this relay could not hand over its realm; the log says why.");
      }
      return running;
    },
  };
}
