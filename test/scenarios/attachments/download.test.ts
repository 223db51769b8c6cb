import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SottoError } from "@sotto/protocol";
import { type Attachment, type Client, safeFileName, saveAttachment } from "@sotto/sdk/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { World } from "../../support/world.js";

const SIZE = 5_000_000;
const plaintext = randomBytes(SIZE);

let world: World;
let alice: Client;
let bob: Client;
let attachment: Attachment;

beforeAll(async () => {
  world = await World.open();
  [alice, bob] = await Promise.all([world.client("alice"), world.client("bob")]);
  attachment = await alice.attachments.upload(plaintext, { name: "../../holiday.jpg" });
});
afterAll(() => world.close());

async function read(of: Attachment, range?: { start: number; end?: number }): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bob.attachments.download(of, { range })) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe("an attachment that somebody else uploaded", () => {
  test("is downloaded byte for byte, whole and in ranges", async () => {
    expect((await read(attachment)).equals(plaintext)).toBe(true);
    for (const [start, end] of [
      [0, 1],
      [65_535, 65_537],
      [1_000_000, 3_000_000],
      [SIZE - 1, SIZE],
      [SIZE, SIZE],
    ] as const)
      expect((await read(attachment, { start, end })).equals(plaintext.subarray(start, end))).toBe(true);
    expect((await read(attachment, { start: 4_000_000 })).equals(plaintext.subarray(4_000_000))).toBe(true);
  });

  test("of no bytes, and of sizes around a chunk, is too", async () => {
    for (const size of [0, 1, 4_096, 4_097, 65_535, 65_536, 65_537, 131_072]) {
      const bytes = randomBytes(size);
      const small = await alice.attachments.upload(Uint8Array.from(bytes));
      expect((await read(small)).equals(bytes)).toBe(true);
    }
  });

  test("goes on when the relay restarts in the middle of it", async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of bob.attachments.download(attachment)) {
      pieces.push(piece);
      if (pieces.length !== 10) continue;
      await world.stopRelay();
      await world.startRelay();
    }
    expect(Buffer.concat(pieces).equals(plaintext)).toBe(true);
  });

  test("is saved under a name of one's own choice, and a part of it is gone on with", async () => {
    const folder = join(world.folder, "clients");
    const path = join(folder, safeFileName(attachment.name));
    const stop = new AbortController();
    const onProgress = ({ receivedBytes }: { receivedBytes: number }) => receivedBytes > 2_000_000 && stop.abort();
    const cut = saveAttachment(bob, attachment, path, { signal: stop.signal, onProgress });
    await expect(cut).rejects.toMatchObject({ code: "aborted" });
    const seen: number[] = [];
    await saveAttachment(bob, attachment, path, { onProgress: ({ receivedBytes }) => void seen.push(receivedBytes) });
    expect(seen[0]).toBeGreaterThan(1_900_000);
    expect((await readFile(path)).equals(plaintext)).toBe(true);
    expect((await readdir(folder)).filter((name) => name.includes("holiday"))).toEqual(["_.._holiday.jpg"]);
  });

  test("cannot be opened with another key, and is gone once it was deleted", async () => {
    const other = { ...attachment, key: randomBytes(32) };
    await expect(read(other)).rejects.toMatchObject({ code: "attachmentCorrupt" });
    await alice.attachments.delete(attachment);
    const failure = await read(attachment).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SottoError);
    expect(failure).toMatchObject({ code: "attachmentGone", retryable: false });
  });
});
