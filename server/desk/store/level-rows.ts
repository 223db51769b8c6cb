/** The desk's rows in LevelDB: every write is synced, and one process at a time has them open. */

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { OperatorError, systemCode } from "../../ops/operator-error.js";
import type { Rows } from "../ports.js";

/** Whether a folder without rows gets some. */
export type MissingRows = "make" | "refuse";

/** The folder of the rows in a desk's data folder. */
export function rowsFolder(dataDir: string): string {
  return join(dataDir, "rows");
}

/** Whether a folder holds rows. */
export function hasRows(folder: string): boolean {
  return existsSync(join(folder, "CURRENT"));
}

/**
 * Opens the rows of a folder. The caller closes them.
 *
 * @throws OperatorError if another process has them open, or they cannot be opened.
 */
export async function openLevelRows(folder: string, missing: MissingRows = "make"): Promise<Rows> {
  // LevelDB makes the folder even where it is told not to make a database.
  if (missing === "refuse" && !hasRows(folder)) throw new OperatorError(`There are no rows of a desk in ${folder}.`);
  const database = new ClassicLevel<string, Uint8Array>(folder, { keyEncoding: "utf8", valueEncoding: "view" });
  try {
    if (missing === "make") await mkdir(folder, { recursive: true, mode: 0o700 });
    await database.open({ createIfMissing: missing === "make" });
  } catch (cause) {
    await database.close().catch(() => undefined);
    throw whyNotOpen(folder, cause);
  }
  return {
    get: (key) => database.get(key),
    async list(prefix, { after, limit } = {}) {
      const from = after === undefined || after < prefix ? { gte: prefix } : { gt: after };
      const rows = await database
        .iterator({ ...from, lt: endOf(prefix), ...(limit === undefined ? {} : { limit }) })
        .all();
      return rows.map(([key, value]) => ({ key, value }));
    },
    async write(changes) {
      if (changes.length === 0) return;
      const batch = database.batch();
      for (const { key, value } of changes) {
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
      }
      await batch.write({ sync: true });
    },
    async scrub(prefix) {
      const end = endOf(prefix);
      // First what is still in the log and in memory; then, as LevelDB rewrites its lowest files for nothing but something newer that
      // reaches over them, a deletion at both ends of nothing at all, and everything between them once more.
      await database.compactRange(prefix, end);
      await database.batch().del(prefix).del(end).write({ sync: true });
      await database.compactRange(prefix, end);
    },
    close: () => database.close(),
  };
}

/** Behind every key with the prefix: keys are ASCII. */
function endOf(prefix: string): string {
  return `${prefix}\x7f`;
}

function whyNotOpen(folder: string, cause: unknown): OperatorError {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = systemCode(reason);
  const message =
    code === "LEVEL_LOCKED"
      ? `A desk is running on the rows in ${folder}; stop it first, or use its console.`
      : `The desk's rows in ${folder} do not open (${code ?? "unknown reason"}).`;
  return new OperatorError(message, 1, { cause });
}
