/** Times and sizes in words. Pure: what time it is, is the caller's. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Day and minute, in the reader's own zone. */
export function timeText(atMs: number): string {
  return dayAndTime.format(atMs);
}

/** Day and second, in the reader's own zone. */
export function exactTimeText(atMs: number): string {
  return exact.format(atMs);
}

/** A length of time in its largest unit: `3 d`, `5 h`, `12 min`. */
export function durationText(lengthMs: number): string {
  const length = Math.abs(lengthMs);
  if (length >= 2 * DAY_MS) return `${Math.floor(length / DAY_MS)} d`;
  if (length >= 2 * HOUR_MS) return `${Math.floor(length / HOUR_MS)} h`;
  return `${Math.floor(length / MINUTE_MS)} min`;
}

/** When something is due, as seen from now. */
export function dueText(dueMs: number, nowMs: number): string {
  return dueMs >= nowMs ? `in ${durationText(dueMs - nowMs)}` : `${durationText(nowMs - dueMs)} late`;
}

/** What is left until a time: `28:05`. */
export function countdownText(leftMs: number): string {
  const seconds = Math.max(0, Math.ceil(leftMs / 1_000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** A size of a file. */
export function sizeText(sizeBytes: number): string {
  if (sizeBytes < 1_024) return `${sizeBytes} bytes`;
  const units = ["KiB", "MiB", "GiB"];
  let size = sizeBytes / 1_024;
  let unit = 0;
  while (size >= 1_024 && unit < units.length - 1) {
    size /= 1_024;
    unit += 1;
  }
  return `${size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

/** A count with its noun. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
