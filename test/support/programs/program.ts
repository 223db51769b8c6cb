/** Programs of this repository, as tests run them in processes of their own. */

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The repository. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Names the folder of bundled programs, where there is one. */
export const BUNDLED = "TEST_PROGRAMS";

/**
 * What `node` is called with to run a program: a `.ts` file of the repository, by its path from there or its whole path. It can be
 * run in any folder. The usual ones are bundled at the beginning of a test run (`bundle.ts`), because loading the source costs each
 * process a second; the others, and outside of a test run all of them, are run from the source.
 */
export function program(file: string): readonly string[] {
  const path = file.startsWith(ROOT) ? relative(ROOT, file) : file;
  const bundled = join(process.env[BUNDLED] ?? "", path.replace(/\.ts$/, ".js"));
  if (process.env[BUNDLED] !== undefined && existsSync(bundled)) return [bundled];
  const tsx = pathToFileURL(join(ROOT, "node_modules/tsx/dist/loader.mjs")).href;
  return ["--conditions=sotto-source", "--import", tsx, join(ROOT, path)];
}
