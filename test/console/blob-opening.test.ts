import { sanctionKinds } from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { blobBytes } from "../../server/desk/console/blob-bytes.js";
import { openBlob } from "../../server/desk/console/blob-opening.js";
import { showableMedia } from "../../server/desk/console/media-type.js";
import { isSevere } from "../../server/desk/severity.js";
import { sealFile } from "./support/reported.js";

const { subtle } = globalThis.crypto;
const plaintext = Uint8Array.from({ length: 150_000 }, (_, index) => (index * 31) % 251);

describe("an attachment", () => {
  test("opens if it is the very file", async () => {
    for (const bytes of [plaintext, new Uint8Array(0), plaintext.subarray(0, 65_536)]) {
      const { reference, sealed } = sealFile("file", bytes);
      const opened = await openBlob(new Uint8Array(sealed), { index: 0, ...reference }, subtle);
      expect(opened.kind === "opened" && Buffer.from(opened.bytes).equals(bytes)).toBe(true);
    }
  });

  test("is refused if a bit, its length, its key or its digest is another's", async () => {
    const { reference, sealed } = sealFile("file", plaintext);
    const blob = { index: 0, ...reference };
    const flipped = new Uint8Array(sealed);
    flipped[70_000] = (flipped[70_000] ?? 0) ^ 1;
    const refused = { kind: "refused", reason: "differs" };
    expect(await openBlob(flipped, blob, subtle)).toEqual(refused);
    expect(await openBlob(new Uint8Array(sealed.subarray(0, -1)), blob, subtle)).toEqual(refused);
    expect(await openBlob(new Uint8Array(sealed), { ...blob, key: new Uint8Array(32) }, subtle)).toEqual(refused);
    expect(await openBlob(new Uint8Array(sealed), { ...blob, digest: new Uint8Array(32) }, subtle)).toEqual(refused);
    expect(await openBlob(new Uint8Array(sealed), { ...blob, sizeBytes: blob.sizeBytes + 1 }, subtle)).toEqual(refused);
  });

  test("opens also where the keys of what was disclosed are overwritten while it is fetched", async () => {
    const { reference, sealed } = sealFile("file", plaintext);
    const blob = { index: 0, ...reference, key: reference.key.slice() };
    let answer: (bytes: Uint8Array<ArrayBuffer>) => void = () => undefined;
    const answered = new Promise<Uint8Array<ArrayBuffer>>((resolve) => {
      answer = resolve;
    });
    const bytes = blobBytes({ blob: () => answered }, blob);
    blob.key.fill(0);
    answer(new Uint8Array(sealed));
    expect(Buffer.from(await bytes).equals(plaintext)).toBe(true);
  });

  test("is not opened here if it is too large to lie in memory", async () => {
    const blob = { index: 0, ...sealFile("file", plaintext).reference, sizeBytes: 2 ** 31 };
    expect(await openBlob(new Uint8Array(1), blob, subtle)).toEqual({ kind: "refused", reason: "tooLarge" });
  });
});

test("only pictures, sounds and films are shown, by their bytes", () => {
  const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
  expect(showableMedia(bytes("\x89PNG\r\n\x1a\n"))).toEqual({ kind: "image", mime: "image/png" });
  expect(showableMedia(bytes("RIFF0000WEBPVP8 "))).toEqual({ kind: "image", mime: "image/webp" });
  expect(showableMedia(bytes("0000ftypisom0000"))).toEqual({ kind: "video", mime: "video/mp4" });
  expect(showableMedia(bytes("OggS0000"))).toEqual({ kind: "audio", mime: "audio/ogg" });
  for (const text of [
    "<svg xmlns=",
    "<!doctype html>",
    "%PDF-1.7",
    "PK\x03\x04",
    "GIF8",
    "MZ",
    "",
    "#!/bin/sh",
    "\xff\xfe<\0",
  ]) {
    expect(showableMedia(bytes(text))).toBeUndefined();
  }
});

test("what is done alone: a warning, a lift, and what has an end but does not silence all", () => {
  const alone = (durationMs: number | undefined) => sanctionKinds.filter((kind) => !isSevere(kind, durationMs));
  expect(alone(undefined)).toEqual(["warn", "lift"]);
  expect(alone(3_600_000)).toEqual(["warn", "noNewConversations", "mute", "lift"]);
});
