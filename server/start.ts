/**
 * What `npm start` runs: a relay on this machine for trying Sotto out, in development mode unless the settings say
 * otherwise, with an explanation in plain words.
 */

import { startRelay } from "./compose.js";
import { serve } from "./ops/cli/serve.js";
import { OperatorError } from "./ops/operator-error.js";
import { readSettings } from "./ops/read-settings.js";
import type { Settings } from "./ops/settings.js";

/** What is different from `sotto-relay serve` where nothing else is set. */
const tryingOut = { SOTTO_DEVELOPMENT: "true", SOTTO_LOG_FORMAT: "text" };

async function main(): Promise<void> {
  const given = Object.entries(process.env).filter(([, value]) => value !== undefined && value !== "");
  const environment = { ...tryingOut, ...Object.fromEntries(given) };
  const settings = readSettings({ environment, folder: process.cwd() });
  explain(settings, await serve(settings, { startRelay }));
}

function explain(
  settings: Settings,
  { url, rootFingerprint }: { readonly url: string; readonly rootFingerprint: string },
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
To stop it     Ctrl-C; what was accepted stays on disk
`);
}

try {
  await main();
} catch (cause) {
  if (!(cause instanceof OperatorError)) throw cause;
  console.error(cause.message);
  process.exitCode = cause.exitCode;
}
