/**
 * `sotto-relay backup`: a verified copy of a stopped relay's store and keys. Attachments are left out: there may be hundreds of
 * gigabytes of them, and the relay deletes each after `attachmentTtl` in any case. Their folder can be copied beside it.
 */

import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { syncFolder } from "../../keys/key-file.js";
import { keyFolder } from "../../keys/key-folder.js";
import { OperatorError, systemCode } from "../operator-error.js";
import type { Settings } from "../settings.js";
import { systemClock } from "../system.js";
import { verifyBackup, writeManifest } from "./backup-manifest.js";
import type { Terminal } from "./terminal.js";

/** A stopped relay's store, held open so that no relay starts meanwhile; the composition root knows how. */
export interface BackupParts {
  readonly openStoppedStore: (dataDir: string) => Promise<{
    copyTo(folder: string): Promise<{ readonly rows: number }>;
    close(): Promise<void>;
  }>;
  /** Where the attachments of a data folder lie. */
  readonly blobFolder: (dataDir: string) => string;
}

/**
 * Writes a backup into a folder that must not exist; it appears there only when it is complete and verified.
 *
 * @throws OperatorError if the folder exists, the relay is running, or the copy does not verify.
 */
export async function backup(
  settings: Settings,
  folder: string,
  parts: BackupParts,
  terminal: Terminal,
): Promise<void> {
  const target = resolve(folder);
  await requireAbsent(target);
  const { dataDir } = settings;
  const store = await parts.openStoppedStore(dataDir);
  const partial = join(dirname(target), `.${basename(target)}.${randomBytes(4).toString("hex")}.partial`);
  try {
    await mkdir(partial, { recursive: true, mode: 0o700 });
    const { rows } = await store.copyTo(join(partial, "store"));
    const keys = await copyKeys(keyFolder(dataDir), join(partial, "keys"));
    await writeManifest(partial, rows, new Date(systemClock.now()).toISOString());
    const { files } = await verifyBackup(partial);
    await requireAbsent(target);
    await rename(partial, target);
    await syncFolder(dirname(target));
    const megabytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 1e6;
    terminal.write(
      `The backup is in ${target}: ${rows} rows, ${files.length} files, ${megabytes.toFixed(1)} MB, verified.\n` +
        `${keys === 0 ? "It holds no keys: this relay has none yet.\n" : "It holds the relay's private keys; keep it as safe as the relay.\n"}` +
        "It holds nothing that the relay accepts from now on.\n" +
        `It holds no attachments; to keep those too, copy ${parts.blobFolder(dataDir)} before the relay starts again.\n`,
    );
  } catch (cause) {
    if (cause instanceof OperatorError || systemCode(cause) === undefined) throw cause;
    throw new OperatorError(`The backup could not be written to ${target} (${systemCode(cause)}).`, 1, { cause });
  } finally {
    await store.close();
    await rm(partial, { recursive: true, force: true });
  }
}

async function requireAbsent(target: string): Promise<void> {
  const found = await stat(target).catch(() => undefined);
  if (found !== undefined) {
    throw new OperatorError(`${target} exists already and was left as it is; name a folder that does not exist.`);
  }
}

/** Copies the key files and answers how many there were. Unfinished writes (`.tmp`) are left out. */
async function copyKeys(from: string, to: string): Promise<number> {
  const names = await readdir(from).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT") return [];
    throw cause;
  });
  await mkdir(to, { mode: 0o700 });
  const files = names.filter((name) => name.endsWith(".json"));
  for (const name of files) await copyFile(join(from, name), join(to, name));
  return files.length;
}
