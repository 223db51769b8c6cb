/** How commands get at a stopped desk: its rows alone, or its rules over them. */

import { teams } from "@sotto/protocol";
import { OperatorError } from "../../ops/operator-error.js";
import type { Log } from "../../ports.js";
import type { Moderator } from "../api.js";
import { openDesk } from "../compose.js";
import type { Desk } from "../index.js";
import { openTables, type Tables } from "../rows.js";
import type { DeskSettings } from "../settings.js";
import { hasRows, openLevelRows, rowsFolder } from "../store/level-rows.js";

/** Who holds the data folder may do what leads may; the log calls them so. */
export const OPERATOR: Moderator = {
  id: "operator",
  name: "operator",
  role: "lead",
  teams,
  box: "",
  holds: [],
  left: false,
};

const silent: Log = { info() {}, warn() {}, error() {} };

/** Lets work read a desk's tables. @throws OperatorError if there is none, or it is running. */
export async function withTables<T>(dataDir: string, work: (tables: Tables) => Promise<T>): Promise<T> {
  needDesk(dataDir);
  const rows = await openLevelRows(rowsFolder(dataDir), "refuse");
  try {
    return await work(openTables(rows));
  } finally {
    await rows.close();
  }
}

/** Lets work use a stopped desk's rules. A data folder without a desk gets one, as by a start. @throws OperatorError if it is running. */
export async function withDesk<T>(settings: DeskSettings, work: (desk: Desk) => Promise<T>): Promise<T> {
  const open = await openDesk({ settings, mode: "standalone", console: "none", log: silent });
  try {
    return await work(open.desk);
  } finally {
    await open.close();
  }
}

/** @throws OperatorError if there is no desk in a data folder. */
export function needDesk(dataDir: string): void {
  if (hasRows(rowsFolder(dataDir))) return;
  throw new OperatorError(`There is no desk in ${dataDir}; set SOTTO_DESK_DATA_DIR to a desk's data folder.`);
}
