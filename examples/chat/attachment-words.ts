/** Attachments in words. Everything here is their sender's word until they were saved. */

import type { Attachment } from "@sotto/sdk/node";
import { lengthWords, sizeWords, wave } from "./figures.js";
import { harmless } from "./words.js";

const KINDS: Readonly<Record<Attachment["media"], string>> = {
  file: "file",
  image: "picture",
  voice: "voice",
  video: "video",
};

/** What an attachment is, what it is called, and how large or long: `[picture] beach.jpg · 2.1 MB · 4032×3024`. */
export function attachmentWords({ media, name, sizeBytes, width, height, durationMs, waveform }: Attachment): string {
  const facts = [
    name === undefined ? [] : [harmless(name)],
    waveform === undefined ? [] : [wave(waveform)],
    durationMs === undefined ? [] : [lengthWords(durationMs)],
    sizeWords(sizeBytes),
    width === undefined || height === undefined ? [] : [`${width}×${height}`],
  ].flat();
  return `[${KINDS[media]}] ${facts.join(" · ")}`;
}

/** What a transfer of it is called while it runs. */
export function attachmentName({ media, name }: Pick<Attachment, "media" | "name">): string {
  return name === undefined ? KINDS[media] : harmless(name);
}
