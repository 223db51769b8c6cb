/** Everything somebody might write to hurt who reads it, as one report. */

import sharp from "sharp";
import { messageIdOf, Reported, type SealedFile, sealFile } from "./reported.js";

/** The words that must stay words. */
export const hostileWords = {
  script: `<script>window.hurt=1;fetch("/hurt")</script><img src=x onerror="window.hurt=1">`,
  link: "javascript:window.hurt=1 https://tracker.invalid/pixel.png",
  svg: `<svg xmlns="http://www.w3.org/2000/svg" onload="window.hurt=1"><image href="https://tracker.invalid/a.png"/></svg>`,
  css: `</style><style>body{display:none;background:url(https://tracker.invalid/css)}</style>`,
  turned: "invoice\u202Efdp.exe and zero\u200Bwidth",
  long: "A".repeat(600),
} as const;

/** A case with its files. */
export async function hostileCase(): Promise<{ readonly reported: Reported; readonly files: readonly SealedFile[] }> {
  const shape = { width: 480, height: 320, channels: 3, background: { r: 40, g: 120, b: 90 } } as const;
  const pixels = await sharp({ create: shape })
    .composite([
      { input: Buffer.from('<svg width="480" height="320"><circle cx="240" cy="160" r="110" fill="#e9c46a"/></svg>') },
    ])
    .png()
    .toBuffer();
  const picture = sealFile("picture", new Uint8Array(pixels));
  const svg = sealFile("svg", new TextEncoder().encode(hostileWords.svg));
  const program = sealFile("program", new Uint8Array(9_000).fill(0x4d));
  const later = { expiresMs: 9, width: undefined, height: undefined };
  const reported = new Reported()
    .add({
      by: "reporter",
      role: "own",
      counter: 1,
      id: "hello",
      content: { kind: "text", text: "Could you please stop writing to me?" },
    })
    .add({
      by: "accused",
      role: "reported",
      counter: 1,
      id: "script",
      content: { kind: "text", text: hostileWords.script },
    })
    .add({
      by: "other",
      role: "context",
      counter: 7,
      id: "other",
      content: { kind: "text", text: "They wrote the same to me last week." },
    })
    .add({
      by: "accused",
      role: "reported",
      counter: 4,
      id: "link",
      content: { kind: "text", text: `${hostileWords.link}\n${hostileWords.css}` },
    })
    .add({
      by: "accused",
      role: "reported",
      counter: 5,
      id: "edit",
      content: { kind: "edit", target: messageIdOf("link"), text: "I never wrote anything." },
    })
    .add({
      by: "reporter",
      role: "own",
      counter: 2,
      id: "reaction",
      content: { kind: "reaction", target: messageIdOf("link"), emoji: "👀", action: "add" },
    })
    .add({
      by: "accused",
      role: "reported",
      counter: 6,
      id: "turned",
      content: { kind: "text", text: `${hostileWords.turned} ${hostileWords.long}` },
    })
    .add({
      ...{ by: "accused", role: "reported", counter: 7, id: "files" },
      content: {
        kind: "attachments",
        text: "Look at this.",
        quoted: undefined,
        attachments: [
          {
            ...picture.reference,
            ...later,
            media: "image",
            mime: "image/png",
            name: "holiday\u202Egnp.exe",
            thumbnail: undefined,
            durationMs: undefined,
            waveform: undefined,
            blurhash: undefined,
          },
          {
            ...svg.reference,
            ...later,
            media: "image",
            mime: "image/svg+xml",
            name: "drawing.svg",
            thumbnail: undefined,
            durationMs: undefined,
            waveform: undefined,
            blurhash: undefined,
          },
          {
            ...program.reference,
            ...later,
            media: "file",
            mime: "text/html",
            name: "../../invoice.html",
            thumbnail: undefined,
            durationMs: undefined,
            waveform: undefined,
            blurhash: undefined,
          },
        ],
      },
    })
    .add({
      ...{ by: "accused", role: "reported", counter: 8, id: "preview" },
      content: {
        ...{ kind: "annotated", text: "Sign in here", quoted: undefined, mentions: [] },
        preview: {
          url: "https://tracker.invalid/login",
          title: hostileWords.script,
          description: undefined,
          image: undefined,
        },
      },
    })
    .add({
      ...{ by: "accused", role: "reported", counter: 9, id: "poll" },
      content: { kind: "poll", question: "Who is next?", options: ["You", hostileWords.svg], choose: "one" },
    })
    .add({
      by: "accused",
      role: "reported",
      counter: 10,
      id: "place",
      content: {
        kind: "location",
        latitude: 142_520_000,
        longitude: 193_405_000,
        accuracyMeters: 12,
        label: "your street",
      },
    })
    .add({
      by: "accused",
      role: "reported",
      counter: 11,
      id: "deleted",
      content: { kind: "delete", target: messageIdOf("turned") },
    })
    .add({
      ...{ by: "accused", role: "reported", counter: 12, id: "forged" },
      content: { kind: "text", text: "Good night." },
      forged: { kind: "text", text: "words that were never sent" },
    });
  return { reported, files: [picture, svg, program] };
}
