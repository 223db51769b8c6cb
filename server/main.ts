#!/usr/bin/env node
/** The `sotto-relay` command: gives the command line the parts it works with. */

import { startRelay } from "./compose.js";
import { openStoppedStore } from "./main-parts/copy-store.js";
import { blobFolder } from "./main-parts/open-blobs.js";
import { probeTokenKeys, probeTransport } from "./main-parts/probes.js";
import { runProgram } from "./ops/cli/program.js";
import { processTerminal } from "./ops/cli/terminal.js";

process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: processTerminal,
  sources: { environment: process.env, folder: process.cwd() },
  startRelay,
  openStoppedStore,
  blobFolder,
  probeTransport,
  probeTokenKeys,
});
