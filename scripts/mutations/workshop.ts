/** A copy of the working tree in a temporary folder, in which one thing at a time is broken and tests are run. */

import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Defence } from "./defences.js";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What is ours and must come from the copy: everything else is linked to what is installed. */
const OWN_SCOPE = "@sotto";
const WORKSPACES = ["protocol", "sdk", "server"];
/** The longest that the tests of one row may take. */
const RUN_MS = 120_000;
const MAX_LOG_BYTES = 16 * 1_048_576;

/** How many tests there were, and how many failed. */
export interface Outcome {
  readonly total: number;
  readonly failed: number;
  /** The end of what the runner said. */
  readonly log: string;
}

/** What vitest writes of a run. */
interface Report {
  readonly numTotalTests: number;
  readonly numFailedTests: number;
}

/** The copy. */
export class Workshop {
  private constructor(private readonly folder: string) {}

  /** Copies what git knows of or would add: what is ignored (builds, data) stays away. */
  static async open(): Promise<Workshop> {
    const folder = await mkdtemp(join(tmpdir(), "sotto-mutations-"));
    const listed = await run("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
      cwd: ROOT,
      maxBuffer: MAX_LOG_BYTES,
    });
    const files = [...new Set(listed.stdout.split("\0"))].filter((file) => file !== "");
    for (const parent of new Set(files.map(dirname))) await mkdir(join(folder, parent), { recursive: true });
    for (const file of files) await copyFile(join(ROOT, file), join(folder, file)).catch(unlessGone);
    await linkPackages(folder);
    return new Workshop(folder);
  }

  /** Runs the tests of a defence without it, and puts it back. @throws Error if a text is not there exactly once. */
  async without({ name, cuts, tests }: Defence): Promise<Outcome> {
    const before = new Map<string, string>();
    try {
      for (const { file, cut, put } of cuts) {
        const path = join(this.folder, file);
        const source = await readFile(path, "utf8");
        const places = source.split(cut).length - 1;
        if (places !== 1) throw new Error(`${name}: found ${places} times in ${file}:\n${cut}`);
        if (!before.has(path)) before.set(path, source);
        await writeFile(
          path,
          source.replace(cut, () => put),
        );
      }
      return await this.run(tests);
    } finally {
      for (const [path, source] of before) await writeFile(path, source);
    }
  }

  /** Runs test files. */
  async run(tests: readonly string[]): Promise<Outcome> {
    const output = join(this.folder, "mutation-outcome.json");
    await rm(output, { force: true });
    const vitest = join(this.folder, "node_modules/vitest/vitest.mjs");
    const flags = ["run", "--maxWorkers=1", "--reporter=json", `--outputFile=${output}`, ...tests];
    const log = await run(process.execPath, [vitest, ...flags], {
      cwd: this.folder,
      timeout: RUN_MS,
      maxBuffer: MAX_LOG_BYTES,
    }).then(textOf, textOf);
    const report = await readFile(output, "utf8").then(
      (text) => JSON.parse(text) as Report,
      () => ({ numTotalTests: 0, numFailedTests: 0 }),
    );
    return { total: report.numTotalTests, failed: report.numFailedTests, log: log.slice(-3_000) };
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function linkPackages(folder: string): Promise<void> {
  const from = join(ROOT, "node_modules");
  const to = join(folder, "node_modules");
  await mkdir(join(to, OWN_SCOPE), { recursive: true });
  for (const entry of await readdir(from)) {
    if (entry === OWN_SCOPE || entry.startsWith(".vite")) continue;
    await symlink(join(from, entry), join(to, entry));
  }
  for (const [name, workspace] of [
    ["protocol", "protocol"],
    ["sdk", "sdk"],
    ["relay", "server"],
  ] as const)
    await symlink(join(folder, workspace), join(to, OWN_SCOPE, name));
  for (const workspace of WORKSPACES) {
    const own = join(ROOT, workspace, "node_modules");
    await symlink(own, join(folder, workspace, "node_modules"));
  }
}

function textOf(said: { readonly stdout?: string; readonly stderr?: string }): string {
  return `${said.stdout ?? ""}${said.stderr ?? ""}`;
}

/** A file that somebody deleted since git listed it. */
function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
