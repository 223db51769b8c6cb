/** A log whose lines a test reads. */

import type { Log } from "../../../server/ports.js";

/** One line. */
export interface Line {
  readonly level: "info" | "warn" | "error";
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Collects what is logged. */
export function collectedLog(): Log & { readonly lines: Line[] } {
  const lines: Line[] = [];
  return {
    lines,
    info: (event, fields = {}) => void lines.push({ level: "info", event, fields }),
    warn: (event, fields = {}) => void lines.push({ level: "warn", event, fields }),
    error: (event, cause, fields = {}) => void lines.push({ level: "error", event, fields: { ...fields, cause } }),
  };
}
