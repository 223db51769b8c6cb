/** The command line: which commands there are and what they take. What they do stands beside them. */

import { Command, CommanderError } from "commander";
import { OperatorError } from "../operator-error.js";
import { parseSettings, readSettings } from "../read-settings.js";
import type { SettingSources } from "../read-table.js";
import { CONFIG_VARIABLE } from "../settings.js";
import { settingsPrintout } from "../settings-text.js";
import { VERSION } from "../version.js";
import { type BackupParts, backup } from "./backup.js";
import { type DoctorParts, doctor } from "./doctor.js";
import { addKeyCommands } from "./key-commands.js";
import { restore } from "./restore.js";
import { type ServeParts, serve } from "./serve.js";
import type { Terminal } from "./terminal.js";

/** What the commands need of the world, given by `main.ts`. */
export interface ProgramParts extends ServeParts, BackupParts, DoctorParts {
  readonly terminal: Terminal;
  readonly sources: SettingSources;
}

/**
 * Runs one command line and resolves with the exit code: 0 done, 1 not possible as things stand, 2 wrong command or
 * settings. `serve` resolves once the relay runs, and leaves it running until a signal ends the process.
 */
export async function runProgram(args: readonly string[], parts: ProgramParts): Promise<number> {
  const { terminal } = parts;
  const program = new Command("sotto-relay")
    .description("Sotto's relay: stores and forwards end-to-end encrypted envelopes.")
    .version(VERSION)
    .option("--config <file>", `settings file, instead of ${CONFIG_VARIABLE} or ./sotto.json`)
    .configureOutput({ writeOut: (text) => terminal.write(text), writeErr: (text) => terminal.writeError(text) })
    .exitOverride()
    .showHelpAfterError("(sotto-relay --help shows every command)");

  const sources = (): SettingSources => {
    const { config } = program.opts<{ config?: string }>();
    const { environment, folder } = parts.sources;
    return config === undefined
      ? parts.sources
      : { folder, environment: { ...environment, [CONFIG_VARIABLE]: config } };
  };
  const complete = () => readSettings(sources());
  const parsed = () => parseSettings(sources());
  let exitCode = 0;

  program
    .command("serve")
    .description("run the relay until it is told to stop")
    .action(async () => void (await serve(complete(), parts)));
  program
    .command("settings")
    .description("print the settings in force, secrets masked")
    .action(() => terminal.write(`${settingsPrintout(parsed())}\n`));
  addKeyCommands(
    program.command("keys").description("make, certify, install and show the relay's keys"),
    parsed,
    terminal,
  );
  program
    .command("doctor")
    .description("check this machine, the settings and the data folder without changing them")
    .action(async () => {
      exitCode = await doctor(complete, parts, terminal);
    });
  program
    .command("backup")
    .description("copy the stopped relay's store and keys, but no attachments, into a new folder")
    .argument("<folder>", "a folder that does not exist yet")
    .action(async (folder: string) => backup(parsed(), folder, parts, terminal));
  program
    .command("restore")
    .description("put a backup into an empty data folder")
    .argument("<folder>", "a folder that `backup` wrote")
    .action(async (folder: string) => restore(parsed(), folder, parts, terminal));

  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : 2;
    if (!(cause instanceof OperatorError)) throw cause;
    terminal.writeError(`sotto-relay: ${cause.message}\n`);
    return cause.exitCode;
  }
}
