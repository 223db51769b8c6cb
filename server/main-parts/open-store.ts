/** Opens the store of a data folder, and says in plain words why it does not open. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { OperatorError, systemCode } from "../ops/operator-error.js";
import { systemClock } from "../ops/system.js";
import { type Log, type Store, StoreError } from "../ports.js";
import { levelStore } from "../store/index.js";

/** The folder of the database in a data folder. */
export function storeFolder(dataDir: string): string {
  return join(dataDir, "store");
}

/**
 * Opens the LevelDB in a data folder, or the store given instead of it. The caller closes it.
 *
 * @throws OperatorError if another process has it open, or it cannot be opened.
 */
export async function openStore(dataDir: string, instead: Store | undefined, log: Log): Promise<Store> {
  await makeDataDir(dataDir);
  const store = instead ?? levelStore({ folder: storeFolder(dataDir), clock: systemClock });
  try {
    const { guarantee } = await store.open();
    log.info("storeOpened", { guarantee });
    return store;
  } catch (cause) {
    await store.close().catch(() => undefined);
    throw cause instanceof StoreError ? whyNotOpen(dataDir, cause) : cause;
  }
}

async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new OperatorError(
      `The data folder ${dataDir} cannot be made (${systemCode(cause) ?? "unknown reason"}); set SOTTO_DATA_DIR to a folder you may write.`,
      1,
      { cause },
    );
  }
}

function whyNotOpen(dataDir: string, cause: StoreError): OperatorError {
  const message = isLocked(cause)
    ? `Another relay is running on the data folder ${dataDir}; stop it first, or set SOTTO_DATA_DIR to another folder.`
    : `The store in ${dataDir} does not open: ${cause.message}`;
  return new OperatorError(message, 1, { cause });
}

/** Whether an error says that another process holds the database. */
export function isLocked(cause: unknown): boolean {
  for (let at = cause; at instanceof Error; at = at.cause) if (systemCode(at) === "LEVEL_LOCKED") return true;
  return false;
}
