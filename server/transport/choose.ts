/** Which socket server runs on this machine. */

import type { Log, Transport } from "../ports.js";
import { loadUws, type UwsEnvironment } from "./load-uws.js";
import { portableTransport } from "./portable.js";
import { uwsTransport } from "./uws.js";

/** `auto` takes uWebSockets.js where it loads. */
export type TransportPreference = "auto" | "uws" | "portable";

/** What the choice depends on. */
interface ChooseTransportOptions {
  readonly log: Log;
  /** `auto` unless given. */
  readonly preference?: TransportPreference;
  /** Another machine, for tests. */
  readonly environment?: UwsEnvironment;
}

/**
 * The fastest transport that runs here, with one log line that says which and why: `info`, or `warn` for the portable one
 * when nobody asked for it.
 *
 * @throws Error if `uws` was asked for by name and does not load.
 */
export async function chooseTransport(options: ChooseTransportOptions): Promise<Transport> {
  const { log, preference = "auto", environment } = options;
  if (preference === "portable") {
    const transport = portableTransport({ log });
    log.info("transportChosen", { transport: transport.name, reason: "the settings ask for it" });
    return transport;
  }
  const lookup = loadUws(environment);
  if (lookup.kind === "found") {
    const transport = uwsTransport({ log, module: lookup.module });
    log.info("transportChosen", { transport: transport.name, reason: `${lookup.from} fits this machine` });
    return transport;
  }
  if (preference === "uws") throw new Error(`uWebSockets.js does not run here: ${lookup.reason}`);
  const transport = portableTransport({ log });
  log.warn("transportChosen", { transport: transport.name, reason: lookup.reason });
  return transport;
}
