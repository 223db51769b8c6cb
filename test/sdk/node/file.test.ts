import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFile } from "../../../sdk/node/file.js";

const bytes = Uint8Array.from({ length: 2_500_000 }, (_, index) => index % 251);
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-file-"));
  path = join(folder, "a file.bin");
  await writeFile(path, bytes);
});
afterEach(() => rm(folder, { recursive: true }));

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

describe("a file", () => {
  it("is read from any place, as often as is needed", async () => {
    const file = await openFile(path);
    expect(file).toMatchObject({ sizeBytes: bytes.length, name: "a file.bin" });
    for (const from of [0, 1, 1_048_576, 2_499_999, 2_500_000])
      expect((await readAll(file.read(from))).equals(bytes.subarray(from))).toBe(true);
  });

  it("is opened by its URL as well", async () => {
    const file = await openFile(pathToFileURL(path).href);
    expect((await readAll(file.read(2_000_000))).length).toBe(500_000);
  });

  it("is known again while nothing changed it, and not afterwards", async () => {
    // Written long ago: what is written twice within one tick of the file system's clock, at one place, is not told apart.
    await utimes(path, new Date(), new Date(Date.now() - 3_600_000));
    const { identity } = await openFile(path);
    expect((await openFile(path)).identity).toBe(identity);
    await utimes(path, new Date(), new Date(Date.now() + 5_000));
    expect((await openFile(path)).identity).not.toBe(identity);
    await rm(path);
    await writeFile(path, bytes);
    expect((await openFile(path)).identity).not.toBe(identity);
  });

  it("is not read as what it was once it is another", async () => {
    const file = await openFile(path);
    await writeFile(path, bytes.subarray(1));
    await expect(readAll(file.read(0))).rejects.toMatchObject({ code: "sourceUnreadable" });
  });

  it("that is none, or a folder, is sourceUnreadable", async () => {
    await mkdir(join(folder, "below"));
    for (const wrong of [join(folder, "none"), join(folder, "below"), "/dev/null"])
      await expect(openFile(wrong)).rejects.toMatchObject({ code: "sourceUnreadable" });
  });
});
