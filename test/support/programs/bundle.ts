/** Bundles the programs that tests run in processes of their own, once for a whole test run and from the source as it is. */

import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { BUNDLED, ROOT } from "./program.js";

/** Programs that many tests start. What is run once need not be here. */
const PROGRAMS = [
  ...["server/main.ts", "server/start.ts", "server/desk/main.ts", "examples/chat/main.ts"],
  ...["test/server/blobs/writer-process.ts", "test/scenarios/power-loss/writer-process.ts"],
  ...["test/scenarios/crash/group-store/writer-process.ts", "test/support/transfers/transfer-child.ts"],
  ...["test/support/crash/client-child.ts", "test/support/crash/upload-child.ts"],
];
const WORKSPACES = ["protocol", "sdk", "server"];
/** From here programs find the libraries of the server, in its versions where they are others than the repository's. */
const PLACE = join(ROOT, "server/node_modules/.cache/sotto-programs");

/** Called by the test runner before all tests; answers what to do after them. */
export async function setup(): Promise<() => Promise<void>> {
  await mkdir(PLACE, { recursive: true });
  const folder = await mkdtemp(join(PLACE, "run-"));
  const examples = (await readdir(join(ROOT, "examples"))).filter((name) => name.endsWith(".ts"));
  await build({
    absWorkingDir: ROOT,
    entryPoints: [...PROGRAMS, ...examples.map((name) => `examples/${name}`)],
    outdir: folder,
    outbase: ROOT,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["sotto-source"],
    external: await libraries(),
    logLevel: "error",
  });
  const builder = pathToFileURL(join(ROOT, "scripts/build-console.mjs")).href;
  const { buildConsole }: { buildConsole(folder: string): Promise<void> } = await import(builder);
  await buildConsole(join(folder, "console"));
  process.env[BUNDLED] = folder;
  return () => rm(folder, { recursive: true, force: true });
}

/** Everything but this repository's own packages. */
async function libraries(): Promise<string[]> {
  const folders = ["", ...WORKSPACES];
  const files = await Promise.all(folders.map((folder) => readFile(join(ROOT, folder, "package.json"), "utf8")));
  const kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
  const named = files.map((file): Record<string, object> => JSON.parse(file));
  return named
    .flatMap((one) => kinds.flatMap((kind) => Object.keys(one[kind] ?? {})))
    .filter((name) => !name.startsWith("@sotto/"));
}
