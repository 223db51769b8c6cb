/** Makes what a tree publishes, so that the benches measure the code that users run. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Runs `npm run build` in a tree; its output replaces every earlier `dist`.
 *
 * @throws Error with the output if it fails.
 */
export async function build(root: string): Promise<void> {
  await run("npm", ["run", "build"], { cwd: root });
}
