/** The source of another git ref, laid out in a temporary folder so that its relay can run beside the working tree's. */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A laid-out tree. */
export interface OtherTree {
  readonly root: string;
  remove(): Promise<void>;
}

/** The workspaces that the root's `node_modules/@sotto` leads to. */
const WORKSPACES = { protocol: "protocol", sdk: "sdk", relay: "server" } as const;

/**
 * Lays out a ref. The repository itself is only read. Dependencies are linked from the working tree where the lockfiles
 * agree, and installed by `npm ci` where they do not.
 *
 * @throws Error if git does not know the ref.
 */
export async function layOut(repository: string, ref: string): Promise<OtherTree> {
  const root = await mkdtemp(join(tmpdir(), "sotto-bench-tree-"));
  const remove = () => rm(root, { recursive: true, force: true });
  try {
    const archive = join(root, ".tree.tar");
    await run("git", ["archive", "--output", archive, ref], { cwd: repository });
    await run("tar", ["-xf", archive, "-C", root]);
    const lock = (tree: string) => readFile(join(tree, "package-lock.json"), "utf8");
    if ((await lock(root)) === (await lock(repository))) await linkDependencies(repository, root);
    else await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: root });
    return { root, remove };
  } catch (cause) {
    await remove();
    throw cause;
  }
}

/** Links every installed package but our own, which must be this tree's. */
async function linkDependencies(from: string, to: string): Promise<void> {
  const linkAll = async (folder: string) => {
    await mkdir(join(to, folder), { recursive: true });
    for (const entry of await readdir(join(from, folder))) {
      if (entry !== "@sotto") await symlink(join(from, folder, entry), join(to, folder, entry));
    }
  };
  await linkAll("node_modules");
  await mkdir(join(to, "node_modules/@sotto"));
  for (const [name, folder] of Object.entries(WORKSPACES)) {
    await symlink(join(to, folder), join(to, "node_modules/@sotto", name));
    const own = await readdir(join(from, folder, "node_modules")).catch(() => []);
    if (own.length > 0) await linkAll(join(folder, "node_modules"));
  }
}
