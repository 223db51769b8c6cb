/** Markdown tables. */

/** A table of columns and rows; a bar within a cell is escaped. */
export function table(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(columns), `|${columns.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

/** A number with commas between its thousands. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
