/** Runs commands of `sotto-desk` in this process, as its own main does. */

import { join } from "node:path";
import { runDeskProgram } from "../../../server/desk/cli/program.js";
import type { Finished } from "../ops/cli/sotto-relay.js";

/** Runs a command to its end, with the data folder `data` in a folder. */
export async function desk(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const said = { out: "", errors: "" };
  const code = await runDeskProgram(args, {
    terminal: {
      write(text) {
        said.out += text;
      },
      writeError(text) {
        said.errors += text;
      },
      askSecret: () => Promise.reject(new Error("nobody is asked in tests")),
    },
    sources: { environment: { SOTTO_DESK_DATA_DIR: join(folder, "data"), ...environment }, folder },
  });
  return { code, ...said };
}
