/** Calendar parts of a time, in UTC, as rows and reports are named by them. */

/** As `2026-11`. */
export function monthOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 7);
}
