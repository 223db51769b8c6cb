/** `sotto-desk export-report`: a sealed report as a file. */

import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Terminal } from "../../ops/cli/terminal.js";
import { OperatorError, systemCode } from "../../ops/operator-error.js";
import type { DeskSettings } from "../settings.js";
import { needDesk, OPERATOR, withDesk } from "./at-the-desk.js";

/** Writes a report to a new file. */
export async function exportReport(
  settings: DeskSettings,
  { report, file }: { readonly report: string; readonly file: string },
  terminal: Terminal,
): Promise<void> {
  needDesk(settings.dataDir);
  if (!/^[0-9a-f]{32}$/.test(report)) throw new OperatorError("A report's id has 32 hex digits.", 2);
  const bytes = await withDesk(settings, (desk) => desk.exportReport(OPERATOR, report));
  const path = resolve(file);
  try {
    await writeFile(path, bytes, { flag: "wx", mode: 0o600 });
  } catch (cause) {
    throw new OperatorError(`${path} cannot be written (${systemCode(cause) ?? "unknown reason"}).`, 1, { cause });
  }
  terminal.write(`The report, as sealed as it came, is in ${path}.\n`);
}
