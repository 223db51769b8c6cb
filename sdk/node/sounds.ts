/** Sounds on their sender's device, by audio-decode: how long they are, and how loud when. */

import { SottoError } from "@sotto/protocol";

interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly sampleRate: number;
}

/**
 * Duration and loudness of a sound: WAV, MP3, Ogg Vorbis and Opus, WebM, FLAC, AAC and M4A. The loudest of so many equal steps
 * is 255.
 *
 * @throws mediaUnreadable for what is no sound; mediaToolMissing.
 */
export async function measureSound(
  bytes: Uint8Array,
  steps: number,
): Promise<{ readonly durationMs: number; readonly waveform: Uint8Array }> {
  const { channelData, sampleRate } = await decoded(bytes);
  const samples = channelData[0]?.length ?? 0;
  if (samples === 0 || !(sampleRate > 0)) throw new SottoError("mediaUnreadable", { detail: "a sound without sound" });
  const peaks = Array.from({ length: Math.min(steps, samples) }, (_, step, length = Math.min(steps, samples)) =>
    loudness(channelData, Math.floor((step * samples) / length), Math.floor(((step + 1) * samples) / length)),
  );
  const loudest = Math.max(...peaks, Number.MIN_VALUE);
  return {
    durationMs: Math.round((samples / sampleRate) * 1_000),
    waveform: Uint8Array.from(peaks, (peak) => Math.round((peak / loudest) * 255)),
  };
}

/** The root of the mean square of all channels. */
function loudness(channels: readonly Float32Array[], from: number, to: number): number {
  let sum = 0;
  for (const channel of channels) for (let at = from; at < to; at++) sum += (channel[at] ?? 0) ** 2;
  return Math.sqrt(sum / Math.max(1, (to - from) * channels.length));
}

async function decoded(bytes: Uint8Array): Promise<Decoded> {
  const decode = await loadDecoder();
  try {
    return await decode(bytes);
  } catch (cause) {
    throw new SottoError("mediaUnreadable", { cause });
  }
}

async function loadDecoder(): Promise<(bytes: Uint8Array) => Promise<Decoded>> {
  try {
    return (await import("audio-decode")).default;
  } catch (cause) {
    throw new SottoError("mediaToolMissing", { detail: "audio-decode does not load", cause });
  }
}
