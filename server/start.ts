/**
 * What `npm start` runs: a relay on this machine for trying Sotto out, in development mode unless the settings say
 * otherwise, with an explanation in plain words.
 */

import { type RunningRelay, startRelay } from "./compose.js";
import { serve } from "./ops/cli/serve.js";
import { OperatorError } from "./ops/operator-error.js";
import { portProblem } from "./ops/port-probe.js";
import { readSettings } from "./ops/read-settings.js";
import type { Settings } from "./ops/settings.js";

/** What is different from `sotto-relay serve` where nothing else is set. */
const tryingOut = { SOTTO_DEVELOPMENT: "true", SOTTO_LOG_FORMAT: "text" };
/** Where the console of the desk inside is, unless somebody else is there or the settings say otherwise. */
const CONSOLE_PORT = 8788;

async function main(): Promise<void> {
  const given = Object.entries(process.env).filter(([, value]) => value !== undefined && value !== "");
  const isTaken = (await portProblem("127.0.0.1", CONSOLE_PORT)) !== undefined;
  const desk = { SOTTO_DESK_PORT: isTaken ? "0" : String(CONSOLE_PORT) };
  const environment = { ...tryingOut, ...desk, ...Object.fromEntries(given) };
  const settings = readSettings({ environment, folder: process.cwd() });
  const relay = await serve(settings, { startRelay });
  explain(settings, relay, await consoleText(relay));
}

/** Where the console is, and how to get in while nobody works at the desk. */
async function consoleText({ desk, state }: Pick<RunningRelay, "desk" | "state">): Promise<string> {
  if (desk?.url === undefined) return "";
  const invitation = await desk.firstInvitation().catch((cause: unknown) => {
    // Somebody may stop it before it has said all it has to say.
    if (state() === "ready") throw cause;
    return undefined;
  });
  return invitation === undefined
    ? `Its desk       ${desk.url}   (reports are read there)\n`
    : `Its desk       ${invitation}\n               (reports are read there; whoever opens this link first becomes its lead)\n`;
}

function explain(
  settings: Settings,
  { url, rootFingerprint }: { readonly url: string; readonly rootFingerprint: string },
  desk: string,
): void {
  const elsewhere = url === "http://localhost:8787" ? "" : ` --relay ${url}`;
  console.log(`
Sotto's relay is running on ${url}
It stores and forwards encrypted envelopes; it cannot read them.
${
  settings.development
    ? `
  DEVELOPMENT MODE: whoever reaches this relay can register under any name.
  That is right for trying Sotto on this machine, and wrong for anything else.
`
    : ""
}
Next, in two more terminals:
  npm run chat -- --as alice --to bob${elsewhere}
  npm run chat -- --as bob --to alice${elsewhere}

Is it well?    ${url}/health
Its data       ${settings.dataDir}   (delete it to start over)
Its root       ${rootFingerprint}   (what apps pin)
${desk}To stop it     Ctrl-C; what was accepted stays on disk
`);
}

try {
  await main();
} catch (cause) {
  if (!(cause instanceof OperatorError)) throw cause;
  console.error(cause.message);
  process.exitCode = cause.exitCode;
}
