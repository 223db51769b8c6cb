/** `sotto-desk transparency`: the figures of a month as a table of text. */

import type { Terminal } from "../../ops/cli/terminal.js";
import { OperatorError } from "../../ops/operator-error.js";
import type { TransparencyReport } from "../api.js";
import type { DeskSettings } from "../settings.js";
import { needDesk, OPERATOR, withDesk } from "./at-the-desk.js";

const columns = [
  "category",
  "reports",
  "verified",
  "cases",
  "actions",
  "appeals",
  "reversals",
  "medianHoursToDecision",
] as const satisfies readonly (keyof TransparencyReport["rows"][number])[];

/** Prints a month, tab-separated, so that it can be read and pasted. */
export async function printTransparency(settings: DeskSettings, month: string, terminal: Terminal): Promise<void> {
  needDesk(settings.dataDir);
  if (!/^20\d\d-(0[1-9]|1[0-2])$/.test(month)) throw new OperatorError("A month is written 2026-01.", 2);
  const { rows } = await withDesk(settings, (desk) => desk.transparency(OPERATOR, month));
  const lines = [columns.join("\t"), ...rows.map((row) => columns.map((column) => row[column]).join("\t"))];
  terminal.write(`${lines.join("\n")}\n`);
}
