/** `sotto-desk start`: runs a desk until a signal ends it. */

import { toHex } from "@sotto/protocol";
import type { Terminal } from "../../ops/cli/terminal.js";
import { createLog } from "../../ops/log.js";
import { stopOnSignals } from "../../ops/shutdown.js";
import { systemClock } from "../../ops/system.js";
import { VERSION } from "../../ops/version.js";
import { openDesk, type RunningDesk } from "../compose.js";
import type { DeskSettings } from "../settings.js";

/**
 * Starts the desk and leaves it running; a signal ends it and the process, also one that comes while it starts. What a person has to
 * do next goes to standard error, so that standard output holds the log only.
 *
 * @throws OperatorError if it cannot start.
 */
export async function start(settings: DeskSettings, terminal: Terminal): Promise<void> {
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  const starting = startAll(settings, log);
  let isStopping = false;
  stopOnSignals({
    signals: process,
    clock: systemClock,
    log,
    close: async () => {
      isStopping = true;
      await (await starting).close();
    },
    exit: (code) => process.exit(code),
  });
  const desk = await starting;
  log.info("deskStarted", { url: desk.url ?? "", fingerprint: desk.fingerprint, version: VERSION });
  const explained = await explanation(settings, desk).catch((cause: unknown) => {
    // Somebody may stop it before it has said all it has to say.
    if (!isStopping) throw cause;
    return "";
  });
  terminal.writeError(explained);
}

async function startAll(settings: DeskSettings, log: ReturnType<typeof createLog>): Promise<RunningDesk> {
  const open = await openDesk({ settings, mode: "standalone", console: "served", log });
  try {
    return await open.start({ url: settings.relay, root: settings.relayRoot });
  } catch (cause) {
    await open.close();
    throw cause;
  }
}

async function explanation(settings: DeskSettings, desk: RunningDesk): Promise<string> {
  const { url, linkKey, fingerprint } = desk;
  const invitation = await desk.firstInvitation();
  return [
    `The console   ${url}`,
    `The relay     ${settings.relay}   (its SOTTO_DESK_KEY must be ${toHex(linkKey)})`,
    `The realm     ${fingerprint}   (what apps pin)`,
    ...(invitation === undefined
      ? []
      : ["", "Nobody works at this desk yet. Whoever opens this link first becomes its lead:", `  ${invitation}`]),
    "",
  ].join("\n");
}
