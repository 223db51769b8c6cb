/** Where and on what a result was measured. */

import { execFile } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Written into every result. */
export interface Circumstances {
  readonly date: string;
  /** The commit of the working tree; `+` behind it if files differ from it. */
  readonly commit: string;
  readonly node: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
}

/** The circumstances of now. */
export async function circumstances(root: string): Promise<Circumstances> {
  const git = async (...words: string[]) =>
    (await run("git", ["--no-optional-locks", ...words], { cwd: root })).stdout.trim();
  const commit = await git("rev-parse", "--short", "HEAD");
  const changes = await git("status", "--porcelain", "--", ".", ":!bench/results");
  return {
    date: new Date().toISOString(),
    commit: changes === "" ? commit : `${commit}+`,
    node: process.version,
    kernel: `${type()} ${release()}`,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
  };
}
