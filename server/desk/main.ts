#!/usr/bin/env node
/** The `sotto-desk` command. */

import { processTerminal } from "../ops/cli/terminal.js";
import { runDeskProgram } from "./cli/program.js";

process.exitCode = await runDeskProgram(process.argv.slice(2), {
  terminal: processTerminal,
  sources: { environment: process.env, folder: process.cwd() },
});
