/** `sotto-relay restore`: puts a verified backup into an empty data folder. */

import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { syncFolder } from "../../keys/key-file.js";
import { OperatorError, systemCode } from "../operator-error.js";
import type { Settings } from "../settings.js";
import type { BackupParts } from "./backup.js";
import { BACKED_UP_FOLDERS, type BackupManifest, fingerprint, sync, verifyBackup } from "./backup-manifest.js";
import type { Terminal } from "./terminal.js";

/**
 * Restores a backup. Everything is verified before the first byte is written and again after the last; until then the
 * data folder stays empty.
 *
 * @throws OperatorError if the data folder is not empty or the backup is not exactly what its manifest says.
 */
export async function restore(
  { dataDir }: Settings,
  folder: string,
  { blobFolder }: Pick<BackupParts, "blobFolder">,
  terminal: Terminal,
): Promise<void> {
  const source = resolve(folder);
  await requireEmpty(dataDir);
  const manifest = await verifyBackup(source);
  const staging = join(dataDir, `.restoring-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(staging, { recursive: true, mode: 0o700 });
    await copyVerified(source, staging, manifest);
    // The store first: a crash in between leaves a relay without keys, which does not start.
    for (const part of BACKED_UP_FOLDERS) await rename(join(staging, part), join(dataDir, part));
    await syncFolder(dataDir);
  } catch (cause) {
    if (cause instanceof OperatorError || systemCode(cause) === undefined) throw cause;
    throw new OperatorError(`The backup could not be restored to ${dataDir} (${systemCode(cause)}).`, 1, { cause });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  terminal.write(
    `Restored ${manifest.rows} rows of ${manifest.createdAt} to ${dataDir}.\n` +
      "What the relay accepted after that moment is not in it, and one-time keys taken since may be handed out once more.\n" +
      `Attachments are in no backup; a copy of their folder, if you have one, goes to ${blobFolder(dataDir)} before the relay starts.\n`,
  );
}

async function requireEmpty(dataDir: string): Promise<void> {
  const names = await readdir(dataDir).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT") return [];
    throw new OperatorError(
      `The data folder ${dataDir} cannot be read (${systemCode(cause) ?? "unknown reason"}).`,
      1,
      { cause },
    );
  });
  if (names.length > 0) {
    throw new OperatorError(
      `The data folder ${dataDir} is not empty and was left as it is; empty it, or set SOTTO_DATA_DIR to another.`,
    );
  }
}

async function copyVerified(source: string, staging: string, { files }: BackupManifest): Promise<void> {
  for (const part of BACKED_UP_FOLDERS) await mkdir(join(staging, part), { mode: 0o700 });
  for (const { path, sha256 } of files) {
    const copied = join(staging, path);
    await copyFile(join(source, path), copied);
    await chmod(copied, 0o600);
    await sync(copied);
    if ((await fingerprint(copied)).sha256 !== sha256) {
      throw new OperatorError(`${path} changed while it was restored; nothing was left behind. Try again.`);
    }
  }
  for (const part of BACKED_UP_FOLDERS) await syncFolder(join(staging, part));
}
