/** The console's files, read once: what is not one of them is not there, whatever a path says. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Log } from "../../ports.js";

/** One file as it is served. */
export interface ConsoleFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly etag: string;
}

const names = {
  "index.html": "text/html; charset=utf-8",
  "console.js": "text/javascript; charset=utf-8",
  "console.css": "text/css; charset=utf-8",
} as const;

/** By path. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

/** The console's files by path; none, with a line in the log, where they were not built. */
export async function consoleFiles(log: Log): Promise<ConsoleFiles> {
  try {
    const folder = await builtFolder();
    const files = new Map<string, ConsoleFile>();
    for (const [name, type] of Object.entries(names)) {
      const bytes = await readFile(new URL(name, folder));
      const etag = `"${createHash("sha256").update(bytes).digest("base64url")}"`;
      files.set(`/${name}`, { type, bytes, etag });
      if (name === "index.html") files.set("/", { type, bytes, etag });
    }
    return files;
  } catch (cause) {
    log.error("consoleNotBuilt", cause, { remedy: "npm run build makes the console" });
    return new Map();
  }
}

/** Beside the built program; from the source it is built now, into a folder that is nobody's. */
async function builtFolder(): Promise<URL> {
  if (!import.meta.url.endsWith(".ts")) return new URL("./console/", import.meta.url);
  const folder = new URL("../../../node_modules/.cache/sotto-console/", import.meta.url);
  const builder = new URL("../../../scripts/build-console.mjs", import.meta.url).href;
  const { buildConsole }: { buildConsole(folder: string): Promise<void> } = await import(builder);
  await buildConsole(fileURLToPath(folder));
  return folder;
}
