/** Paths as people type them, and names for what others send. */

import { lstat, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { extname, join } from "node:path";
import { safeFileName } from "@sotto/sdk/node";

/** More files of one name than anybody keeps. */
const MAX_COPIES = 999;

/** A path and the words behind it. */
export interface PathAndWords {
  readonly path: string;
  readonly words: string;
}

/**
 * The path that a line begins with, as shells write it: in quotes, or with `\` before spaces, `~` for the home folder.
 * `undefined` if there is none.
 */
export function pathAndWords(line: string): PathAndWords | undefined {
  const found = /^(?:"([^"]+)"|'([^']+)'|((?:\\.|[^\s\\])+))\s*(.*)$/s.exec(line.trim());
  if (found === null) return undefined;
  const [, inDouble, inSingle, bare = "", words = ""] = found;
  const path = inDouble ?? inSingle ?? bare.replace(/\\(.)/gs, "$1");
  return { path: path.replace(/^~(?=\/|$)/, homedir()), words };
}

/**
 * Where something is saved: under the path if it is given, in it if that is a folder, else in the present folder. Of what its
 * sender calls it nothing but a harmless name is used, and that never for a file there is already.
 */
export async function savePath(path: string | undefined, sentName: string | undefined): Promise<string> {
  if (path === undefined) return freeName(".", safeFileName(sentName));
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? freeName(path, safeFileName(sentName)) : path;
}

async function freeName(folder: string, name: string): Promise<string> {
  const ending = extname(name);
  const stem = name.slice(0, name.length - ending.length);
  for (let copy = 1; copy < MAX_COPIES; copy++) {
    const path = join(folder, copy === 1 ? name : `${stem} (${copy})${ending}`);
    const isTaken = await lstat(path).then(
      () => true,
      () => false,
    );
    if (!isTaken) return path;
  }
  return join(folder, name);
}
