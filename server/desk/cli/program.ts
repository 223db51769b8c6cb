/** The desk's command line: which commands there are and what they take. What they do stands beside them. */

import { Command, CommanderError } from "commander";
import type { Terminal } from "../../ops/cli/terminal.js";
import { OperatorError } from "../../ops/operator-error.js";
import type { SettingSources } from "../../ops/read-table.js";
import { VERSION } from "../../ops/version.js";
import { DeskError } from "../api.js";
import {
  type DeskSettings,
  deskSettings,
  deskSettingsPrintout,
  parseDeskSettings,
  readDeskSettings,
} from "../settings.js";
import { checkLog } from "./audit.js";
import { allowIdentity, listIdentities } from "./identities.js";
import { exportKeys, revokeEpoch, showKey } from "./keys.js";
import { addModerator, listModerators } from "./moderators.js";
import { exportReport } from "./reports.js";
import { exportManifest, importManifest, signFile, takeRoot } from "./root.js";
import { start } from "./start.js";
import { printTransparency } from "./transparency.js";
import { type VerifyChoice, verifyFile } from "./verify.js";

/** What the commands need of the world. */
export interface DeskProgramParts {
  readonly terminal: Terminal;
  readonly sources: SettingSources;
}

/**
 * Runs one command line and resolves with the exit code: 0 done or genuine, 1 not possible as things stand or not genuine, 2 wrong
 * command or settings. `start` resolves once the desk runs, and leaves it running until a signal ends the process.
 */
export async function runDeskProgram(args: readonly string[], parts: DeskProgramParts): Promise<number> {
  const { terminal } = parts;
  const program = new Command("sotto-desk")
    .description("Sotto's desk: issues tokens, triages reports, and serves the console of moderators.")
    .version(VERSION)
    .option(
      "--config <file>",
      `settings file, instead of ${deskSettings.configVariable} or ./${deskSettings.defaultFile}`,
    )
    .configureOutput({ writeOut: (text) => terminal.write(text), writeErr: (text) => terminal.writeError(text) })
    .exitOverride()
    .showHelpAfterError("(sotto-desk --help shows every command)")
    .addHelpText(
      "after",
      "\nWithout a command it starts. Commands that look into the data folder need a stopped desk.",
    );

  const sources = (): SettingSources => {
    const { config } = program.opts<{ config?: string }>();
    const { environment, folder } = parts.sources;
    return config === undefined
      ? parts.sources
      : { folder, environment: { ...environment, [deskSettings.configVariable]: config } };
  };
  const complete = () => readDeskSettings(sources());
  const parsed = () => parseDeskSettings(sources());
  let exitCode = 0;

  program
    .command("start")
    .description("run the desk until it is told to stop")
    .action(async () => void (await start(complete(), terminal)));
  program
    .command("settings")
    .description("print the settings in force, secrets masked")
    .action(() => terminal.write(`${deskSettingsPrintout(parsed())}\n`));

  const moderators = program.command("moderators").description("who works here");
  moderators
    .command("add")
    .description("invite somebody; prints a link that is good once, for a week")
    .argument("<name>")
    .option("--role <role>", "moderator, lead or auditor", "moderator")
    .option("--team <team...>", "community, platform or safety; several may be named")
    .action(async (name: string, options: { role: string; team?: readonly string[] }) =>
      addModerator(parsed(), { name, role: options.role, teams: options.team ?? [] }, terminal),
    );
  moderators
    .command("list", { isDefault: true })
    .description("everybody who works here or did")
    .action(async () => listModerators(parsed(), terminal));

  const identities = program.command("identities").description("accounts that came back under another identity key");
  identities
    .command("list", { isDefault: true })
    .description("those that were refused, with the key they came with")
    .action(async () => listIdentities(parsed(), terminal));
  identities
    .command("allow")
    .description("let one in, if you know that its account was reset; logged")
    .argument("<account>")
    .argument("<key>", "as the list shows it")
    .action(async (account: string, key: string) => allowIdentity(parsed(), { account, key }, terminal));

  const audit = program.command("audit").description("the log of what was done at this desk");
  audit
    .command("check", { isDefault: true })
    .description("check that nothing was changed, removed or moved in it")
    .option("--export <file>", "write it to a file as well")
    .option("--from <file>", "check such a file instead of the data folder")
    .action(async (options: { export?: string; from?: string }) => {
      exitCode = await checkLog(parsed, options, terminal);
    });

  const keys = program.command("keys").description("this desk's keys");
  keys
    .command("show", { isDefault: true })
    .description("print what the relay must know this desk by, and what apps pin")
    .action(async () => showKey(parsed(), terminal));
  keys
    .command("export")
    .description("write what reports are verified with, for a second machine; whoever has the file can forge reports")
    .argument("<file>")
    .action(async (file: string) => exportKeys(parsed(), file, terminal));
  keys
    .command("revoke-epoch")
    .description("have tokens of an epoch count no more, as after a theft of keys")
    .argument("<epoch>", "its number: days since 1970")
    .option("--from <time>", "what the relay took before stays good; now, if it is left out")
    .action(async (epoch: string, { from }: { from?: string }) => revokeEpoch(parsed(), { epoch, from }, terminal));
  addRootCommands(program.command("root").description("the realm's root, away from the desk"), parsed, terminal);

  program
    .command("verify-report")
    .description("check an exported report offline, with this desk's keys")
    .argument("<file>", "a report that the console or export-report wrote")
    .option("--keys <path>", "a copy of the desk's data folder, or the file of `keys export`; else the data folder")
    .option("--person-key <file>", "a moderator's key file: the words are opened and checked too")
    .option("--passphrase-env <name>", "the variable with the key file's passphrase; else it is asked for")
    .option("--show-words", "print what the messages say, if they are genuine")
    .action(async (file: string, choice: VerifyChoice) => {
      exitCode = await verifyFile(file, choice, { parsed, terminal, environment: parts.sources.environment });
    });
  program
    .command("transparency")
    .description("print the figures of a month; what is below ten reads <10")
    .argument("<month>", "such as 2026-01")
    .action(async (month: string) => printTransparency(parsed(), month, terminal));
  program
    .command("export-report")
    .description("write a sealed report to a file for verify-report; logged")
    .argument("<report>", "its id")
    .argument("<file>")
    .action(async (report: string, file: string) => exportReport(parsed(), { report, file }, terminal));

  try {
    await program.parseAsync(isBare(args) ? [...args, "start"] : [...args], { from: "user" });
    return exitCode;
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : 2;
    if (cause instanceof OperatorError) {
      terminal.writeError(`sotto-desk: ${cause.message}\n`);
      return cause.exitCode;
    }
    if (!(cause instanceof DeskError)) throw cause;
    terminal.writeError(`sotto-desk: ${cause.message}\n`);
    return cause.code === "badRequest" ? 2 : 1;
  }
}

function addRootCommands(root: Command, parsed: () => DeskSettings, terminal: Terminal): void {
  root
    .command("take")
    .description("move the root's secret into a file, for a machine without network")
    .argument("<root-file>")
    .action(async (file: string) => takeRoot(parsed(), file, terminal));
  root
    .command("export")
    .description("write the manifest that waits for the root")
    .argument("<manifest>")
    .action(async (file: string) => exportManifest(parsed(), file, terminal));
  root
    .command("sign")
    .description("sign a manifest where the root is; needs no desk and no network")
    .argument("<root-file>")
    .argument("<manifest>")
    .argument("<signed>")
    .action(async (file: string, manifest: string, out: string) => signFile({ root: file, manifest, out }, terminal));
  root
    .command("import")
    .description("take the signed manifest")
    .argument("<signed>")
    .action(async (file: string) => importManifest(parsed(), file, terminal));
}

/** Whether nothing is asked for but, maybe, with another settings file. */
function isBare(args: readonly string[]): boolean {
  return (
    args.length === 0 ||
    (args.length === 2 && args[0] === "--config") ||
    (args.length === 1 && /^--config=/.test(args[0] ?? ""))
  );
}
