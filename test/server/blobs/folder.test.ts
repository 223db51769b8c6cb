/** The folder itself: who may look into it, what does not belong there, and what it costs. */

import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderBlobs } from "../../../server/blobs/index.js";
import { blobPath } from "../../../server/blobs/layout.js";
import { type Blobs, parseBlobId } from "../../../server/ports.js";
import {
  appendAll,
  begin,
  blob,
  isSame,
  NEVER_ABORTED,
  noise,
  put,
  readAll,
  startAppend,
} from "../../contract/blobs/harness.js";
import { manualClock } from "../../contract/store/harness.js";
import { heldBufferBytes } from "../../support/held-memory.js";

let base = "";
let folder = "";
let warnings: unknown[] = [];
let blobs: Blobs;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "sotto-folder-"));
  folder = join(base, "deep", "blobs");
  warnings = [];
  blobs = await openBlobs();
});
afterEach(async () => {
  await blobs.close();
  await rm(base, { recursive: true });
});

async function openBlobs(): Promise<Blobs> {
  const log = {
    info() {},
    warn: (event: string, fields?: object) => void warnings.push([event, fields]),
    error() {},
  };
  const opened = folderBlobs({ folder, maxBytes: 1e9, clock: manualClock(), log });
  await opened.open();
  return opened;
}

async function reopen(): Promise<void> {
  await blobs.close();
  blobs = await openBlobs();
}

const at = (path: string) => join(folder, path);
const namesIn = async (fan: string) => (await readdir(at(fan))).sort();

describe("the blob folder", () => {
  it("is its owner's alone, also if it was not before", async () => {
    await put(blobs, blob(1), noise(10));
    const modes = async () =>
      Promise.all(
        [".", "00", blobPath(blob(1), "data"), blobPath(blob(1), "log"), "format"].map((path) => stat(at(path))),
      );
    expect((await modes()).map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o700, 0o600, 0o600, 0o600]);
  });

  it("names files after ids alone, in sub-folders of their first digits", async () => {
    const id = parseBlobId("ab".repeat(16));
    if (id === undefined) throw new Error("32 hex digits are an id");
    await put(blobs, id, noise(10));
    expect((await readdir(folder)).sort()).toEqual(["ab", "format"]);
    expect(await namesIn("ab")).toEqual([`${id}.data`, `${id}.log`]);
  });

  it.each(["", "../../etc/passwd", "AB".repeat(16), `${"ab".repeat(15)}/.`, `${"ab".repeat(16)}\n`, "ab".repeat(17)])(
    "has no name %j for a blob",
    (name) => expect(parseBlobId(name)).toBeUndefined(),
  );

  it("follows no links", async () => {
    const outside = join(base, "outside");
    await writeFile(outside, "theirs");
    await put(blobs, blob(1), noise(10));
    await begin(blobs, blob(2), 6);
    await symlink(outside, at(blobPath(blob(2), "data")));
    const append = await startAppend(blobs, blob(2), 0);
    await append.write(noise(6));
    await expect(append.commit()).rejects.toMatchObject({ kind: "unavailable" });
    await put(blobs, blob(3), noise(6));
    await rm(at(blobPath(blob(3), "data")));
    await symlink(outside, at(blobPath(blob(3), "data")));
    expect(await blobs.find(blob(3))).toBeUndefined();
    await symlink(base, at("77"));
    const there = parseBlobId("77".repeat(16));
    if (there === undefined) throw new Error("32 hex digits are an id");
    await expect(begin(blobs, there, 1)).rejects.toMatchObject({ kind: "unavailable" });
    expect(await readFile(outside, "utf8")).toBe("theirs");
    await reopen();
    expect(isSame(await readAll(blobs, blob(1)), noise(10))).toBe(true);
  });

  it("makes a sub-folder again that somebody deleted while it was open", async () => {
    await put(blobs, blob(1), noise(10));
    await rm(at("00"), { recursive: true });
    await expect(begin(blobs, blob(2), 1)).rejects.toMatchObject({ kind: "unavailable" });
    await put(blobs, blob(2), noise(10));
    expect(isSame(await readAll(blobs, blob(2)), noise(10))).toBe(true);
  });

  it("is not opened by a program that does not know its format", async () => {
    await blobs.close();
    await writeFile(at("format"), "2\n");
    await expect(openBlobs()).rejects.toMatchObject({ name: "BlobError", kind: "unavailable" });
    await writeFile(at("format"), "1\n");
  });

  it("cannot be where a file is", async () => {
    await writeFile(join(base, "file"), "");
    const opening = folderBlobs({ folder: join(base, "file"), maxBytes: 1, clock: manualClock() }).open();
    await expect(opening).rejects.toMatchObject({ kind: "unavailable" });
  });
});

describe("what belongs to no blob", () => {
  it("goes with a sweep if it is ours, and is left and told of if it is not", async () => {
    await put(blobs, blob(1), noise(300_000));
    await writeFile(at(blobPath(blob(2), "data")), "data without a journal");
    await writeFile(at(blobPath(blob(3), "new")), "half a creation");
    await writeFile(at("00/notes.txt"), "");
    await writeFile(at(`00/${"ab".repeat(16)}.log`), "in the wrong folder");
    await mkdir(at("00/more"));
    await writeFile(at("README"), "");
    await reopen();
    expect(await blobs.expire(0, NEVER_ABORTED)).toBe(0);
    expect(await namesIn("00")).toEqual(
      [`${blob(1)}.data`, `${blob(1)}.log`, "notes.txt", `${"ab".repeat(16)}.log`, "more"].sort(),
    );
    expect(warnings).toEqual([["blobFolderHasStrangers", { count: 4 }]]);
    expect(isSame(await readAll(blobs, blob(1)), noise(300_000))).toBe(true);
  });

  it("is cleaned of half creations and torn ends when the folder is opened", async () => {
    await begin(blobs, blob(1), 1_000_000);
    await appendAll(blobs, blob(1), 0, noise(300_000));
    await blobs.close();
    await writeFile(at(blobPath(blob(3), "new")), "half a creation");
    const journal = await readFile(at(blobPath(blob(1), "log")));
    await writeFile(at(blobPath(blob(1), "log")), Buffer.concat([journal, Buffer.alloc(33)]));
    await writeFile(at(blobPath(blob(1), "data")), Buffer.concat([noise(300_000), noise(5_000, 2)]));
    blobs = await openBlobs();
    expect(await namesIn("00")).toEqual([`${blob(1)}.data`, `${blob(1)}.log`]);
    expect((await stat(at(blobPath(blob(1), "data")))).size).toBe(300_000);
    expect((await stat(at(blobPath(blob(1), "log")))).size).toBe(journal.length);
    expect((await blobs.find(blob(1)))?.offset).toBe(300_000);
    expect(warnings).toEqual([]);
  });
});

describe("a folder under load", () => {
  it("holds about a segment for an append or a read, however long the blob", { timeout: 120_000 }, async () => {
    const length = 96 * 1024 * 1024;
    const piece = noise(65_536);
    await begin(blobs, blob(1), length);
    const append = await startAppend(blobs, blob(1), 0);
    const before = await heldBufferBytes();
    let most = 0;
    const watch = async (done: number) => {
      if (done % (48 * 1024 * 1024) === 0) most = Math.max(most, (await heldBufferBytes()) - before);
    };
    for (let at = 0; at < length; at += piece.length) {
      await append.write(piece);
      await watch(at + piece.length);
    }
    expect(await append.commit()).toBe(length);
    expect(most).toBeLessThan(4 * 1024 * 1024);
    let read = 0;
    for await (const bytes of blobs.read(blob(1), { from: 0, to: length })) {
      read += bytes.length;
      await watch(read);
    }
    expect(read).toBe(length);
    expect(most).toBeLessThan(4 * 1024 * 1024);
  });
});
