/** Sizes, durations and loudness, as people read them. */

const UNITS = ["bytes", "kB", "MB", "GB"] as const;

/** The eight heights a block character comes in. */
const BLOCKS = "▁▂▃▄▅▆▇█";
/** Columns of a drawn waveform. */
const WAVE_COLUMNS = 24;

const SPANS = [
  { letter: "d", word: "day", spanMs: 86_400_000 },
  { letter: "h", word: "hour", spanMs: 3_600_000 },
  { letter: "m", word: "minute", spanMs: 60_000 },
  { letter: "s", word: "second", spanMs: 1_000 },
] as const;

/** A number of bytes: `12 bytes`, `2.4 MB`. */
export function sizeWords(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  // 999.95 would be shown as 1000.0.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** How long a sound is: `0:07`, `1:02:03`. */
export function lengthWords(durationMs: number): string {
  const seconds = Math.round(durationMs / 1_000);
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (part: number) => String(part).padStart(2, "0");
  return h === 0 ? `${m}:${two(s)}` : `${h}:${two(m)}:${two(s)}`;
}

/** A span of time in words: `1 hour`, `90 seconds`. */
export function spanWords(spanMs: number): string {
  const unit = SPANS.find((one) => spanMs % one.spanMs === 0);
  if (unit === undefined) return `${spanMs / 1_000} seconds`;
  const count = spanMs / unit.spanMs;
  return `${count} ${unit.word}${count === 1 ? "" : "s"}`;
}

/** Milliseconds of `30s`, `5m`, `1h` or `7d`; a bare number is seconds. `undefined` for anything else. */
export function spanOf(text: string): number | undefined {
  const [, count = "", letter = "s"] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  const unit = SPANS.find((one) => one.letter === letter);
  return count === "" || unit === undefined ? undefined : Number(count) * unit.spanMs;
}

/** How loud a sound is over its length, 0 to 255 each, in a row of blocks. */
export function wave(loudness: Uint8Array): string {
  const columns = Math.min(WAVE_COLUMNS, loudness.length);
  return Array.from({ length: columns }, (_none, column) => {
    const from = Math.floor((column * loudness.length) / columns);
    const to = Math.floor(((column + 1) * loudness.length) / columns);
    const loudest = Math.max(...loudness.subarray(from, to));
    return BLOCKS[Math.floor((loudest * BLOCKS.length) / 256)];
  }).join("");
}
