/** What a backup consists of: `manifest.json` names every file with its size and SHA-256, and nothing else may be there. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { OperatorError } from "../operator-error.js";
import { VERSION } from "../version.js";

/** One file of a backup; `path` is relative, with `/`. */
interface BackedUpFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The manifest. */
export interface BackupManifest {
  readonly createdAt: string;
  readonly program: string;
  readonly rows: number;
  readonly files: readonly BackedUpFile[];
}

/** The manifest's name in a backup. */
const MANIFEST = "manifest.json";
const FORMAT = "relay backup 1";
/** The parts of a data folder that a backup holds. */
export const BACKED_UP_FOLDERS = ["store", "keys"] as const;
const SAFE_PATH = /^(store|keys)\/[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** The files below a backup's folders, in the order of their names. */
async function listBackup(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/")).sort();
}

/** Reads a file through and makes sure it is on disk. */
export async function fingerprint(file: string): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}

/** Writes the manifest over everything in the folder, synced. */
export async function writeManifest(folder: string, rows: number, createdAt: string): Promise<BackupManifest> {
  const files: BackedUpFile[] = [];
  for (const path of await listBackup(folder)) {
    await sync(join(folder, path));
    files.push({ path, ...(await fingerprint(join(folder, path))) });
  }
  const manifest: BackupManifest = { createdAt, program: VERSION, rows, files };
  const handle = await open(join(folder, MANIFEST), "wx", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ sotto: FORMAT, ...manifest }, undefined, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return manifest;
}

/** Flushes one file to disk. */
export async function sync(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Reads a backup's manifest and checks every file against it.
 *
 * @throws OperatorError if anything is missing, additional or different.
 */
export async function verifyBackup(folder: string): Promise<BackupManifest> {
  const manifest = await readManifest(folder);
  const present = (await listBackup(folder)).filter((path) => path !== MANIFEST);
  const named = new Set(manifest.files.map(({ path }) => path));
  const stranger = present.find((path) => !named.has(path));
  if (stranger !== undefined) throw damaged(`it holds ${stranger}, which its manifest does not name`);
  for (const { path, sizeBytes, sha256 } of manifest.files) {
    if (!present.includes(path)) throw damaged(`${path} is missing`);
    const found = await fingerprint(join(folder, path));
    if (found.sizeBytes !== sizeBytes || found.sha256 !== sha256) throw damaged(`${path} is not what was backed up`);
  }
  return manifest;
}

function damaged(what: string): OperatorError {
  return new OperatorError(`This backup cannot be used: ${what}. Nothing was changed.`);
}

async function readManifest(folder: string): Promise<BackupManifest> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(join(folder, MANIFEST), "utf8"));
  } catch (cause) {
    throw new OperatorError(`${folder} is no backup: it has no readable ${MANIFEST}. Nothing was changed.`, 1, {
      cause,
    });
  }
  if (typeof parsed !== "object" || parsed === null || !("sotto" in parsed) || parsed.sotto !== FORMAT) {
    throw damaged(`its ${MANIFEST} is of another kind or version`);
  }
  const fields = new Map<string, unknown>(Object.entries(parsed));
  const files = fields.get("files");
  if (!Array.isArray(files)) throw damaged(`its ${MANIFEST} lists no files`);
  return {
    createdAt: String(fields.get("createdAt")),
    program: String(fields.get("program")),
    rows: Number(fields.get("rows")),
    files: files.map(parseFile),
  };
}

function parseFile(row: unknown): BackedUpFile {
  const fields = new Map<string, unknown>(Object.entries(typeof row === "object" && row !== null ? row : {}));
  const [path, sizeBytes, sha256] = [fields.get("path"), fields.get("sizeBytes"), fields.get("sha256")];
  if (
    typeof path !== "string" ||
    !SAFE_PATH.test(path) ||
    typeof sizeBytes !== "number" ||
    typeof sha256 !== "string"
  ) {
    throw damaged(`its ${MANIFEST} has a row that is no file of a backup`);
  }
  return { path, sizeBytes, sha256 };
}
