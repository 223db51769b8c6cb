/** A WAV file of a tone whose loudness changes. */

const RATE = 16_000;

/** So many seconds of 16-bit mono; `loudness` answers 0 to 1 for a share of the duration. */
export function soundOf(seconds: number, loudness: (share: number) => number): Uint8Array {
  const samples = Math.round(seconds * RATE);
  const file = Buffer.alloc(44 + samples * 2);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + samples * 2, 4);
  file.write("WAVEfmt ", 8);
  for (const [at, value] of [
    [16, 16],
    [24, RATE],
    [28, RATE * 2],
    [40, samples * 2],
  ] as const)
    file.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    file.writeUInt16LE(value, at);
  file.write("data", 36);
  for (let at = 0; at < samples; at++)
    file.writeInt16LE(Math.round(Math.sin(at / 5) * loudness(at / samples) * 32_000), 44 + at * 2);
  return new Uint8Array(file);
}
