/** A scratch tree with this repository's real compiler and lint settings and next to no source of its own. */

import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const SETTINGS = [
  ".gitignore",
  "biome.json",
  "tsconfig.base.json",
  ...["protocol", "sdk/core", "sdk/engine", "sdk/node", "server", "server/relay"].map(
    (part) => `${part}/tsconfig.json`,
  ),
  ...["protocol", "sdk", "server"].map((part) => `${part}/package.json`),
  "sdk/core/globals.d.ts",
  "server/relay/globals.d.ts",
];
/** What probes import, besides the whole of `protocol`. The last three are the packages' entries. */
const TARGETS = [
  ...["protocol", "sdk/core", "sdk/engine", "server", "server/relay", "server/store"].map(
    (part) => `${part}/target.ts`,
  ),
  "server/ports.ts",
  "sdk/node/index.ts",
  "server/index.ts",
];
const PACKAGES = { protocol: "protocol", sdk: "sdk", relay: "server" };

/** Makes the tree in a temporary folder and answers its path. */
export function makeScratch(): string {
  const scratch = mkdtempSync(join(tmpdir(), "sotto-arrows-"));
  cpSync(join(repository, "protocol"), join(scratch, "protocol"), {
    recursive: true,
    filter: (path) => !/\/(dist|node_modules|vectors)$/.test(path),
  });
  for (const path of SETTINGS) {
    mkdirSync(dirname(join(scratch, path)), { recursive: true });
    if (existsSync(join(repository, path))) cpSync(join(repository, path), join(scratch, path));
  }
  for (const path of TARGETS) write(scratch, path, "export const target = 1;\n");
  linkPackages(scratch);
  return scratch;
}

/** Writes a file of the tree. */
export function write(scratch: string, path: string, text: string): void {
  mkdirSync(dirname(join(scratch, path)), { recursive: true });
  writeFileSync(join(scratch, path), text);
}

/** Deletes the tree. */
export function removeScratch(scratch: string): void {
  rmSync(scratch, { recursive: true, force: true });
}

/** Installed packages as they are; this repository's own as the tree has them. */
function linkPackages(scratch: string): void {
  const modules = join(scratch, "node_modules");
  mkdirSync(join(modules, "@sotto"), { recursive: true });
  for (const name of readdirSync(join(repository, "node_modules"))) {
    if (name !== "@sotto" && !name.startsWith("."))
      symlinkSync(join(repository, "node_modules", name), join(modules, name));
  }
  for (const [name, folder] of Object.entries(PACKAGES))
    symlinkSync(join(scratch, folder), join(modules, "@sotto", name));
}

/** Compiles every project of the tree, each once, and answers what the compiler said. */
export function compile(scratch: string): Promise<string> {
  const projects = ["protocol", "sdk/core", "sdk/engine", "sdk/node", "server/relay", "server"];
  return run(scratch, "typescript/bin/tsc", ["-b", ...projects, "--pretty", "false"]);
}

/** Lints the whole tree and answers what the linter said, one finding a line. */
export function lint(scratch: string): Promise<string> {
  return run(scratch, "@biomejs/biome/bin/biome", ["lint", "--reporter=github", "--max-diagnostics=none", "."]);
}

function run(cwd: string, program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(repository, "node_modules", program), ...args], { cwd });
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    child.on("error", reject);
    child.on("close", () => resolve(said));
  });
}
