import { link, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlobReference } from "@sotto/protocol";
import { type Downloading, type SaveOptions, saveAttachment } from "@sotto/sdk/node";
import { beforeEach, describe, expect, test } from "vitest";
import { downloadAttachment } from "../../../sdk/core/attachments/download.js";
import { Cancellation } from "../../../sdk/core/cancellation.js";
import { attachmentOf, downloadParts } from "../../support/attachments/download-fixture.js";
import { type Script, ScriptedRelay, served } from "../../support/attachments/scripted-relay.js";
import { freshFolder } from "./folder.js";

const SIZE = 500_000;
const CHUNK = 65_536;
const { plaintext, blob, reference } = attachmentOf(SIZE);
const bytes = Buffer.from(plaintext);

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await freshFolder();
  path = join(folder, "picture.jpg");
});

function clientOf(relay: ScriptedRelay): Downloading {
  const parts = downloadParts(relay);
  return { attachments: { download: (of, options) => downloadAttachment(parts, of, options) } };
}

const honest = () => new ScriptedRelay((ask) => served(blob, ask));
const sending = (script: Script) => clientOf(new ScriptedRelay(() => script));

/** Saves, and answers what was asked of the relay and how it ended. */
async function saved(options: SaveOptions = {}, of: BlobReference = reference) {
  const relay = honest();
  const failure = await saveAttachment(clientOf(relay), of, path, options).then(
    () => undefined,
    (error: { code?: string }) => error.code ?? error,
  );
  return { failure, ranges: relay.ranges };
}

describe("saving an attachment", () => {
  test("writes it whole, for this user only, and leaves nothing else", async () => {
    const told: number[] = [];
    const onProgress = ({ receivedBytes }: { receivedBytes: number }) => void told.push(receivedBytes);
    expect(await saved({ onProgress })).toEqual({ failure: undefined, ranges: [undefined] });
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect(await readdir(folder)).toEqual(["picture.jpg"]);
    if (process.platform !== "win32") expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(told.at(-1)).toBe(SIZE);
    expect(told).toEqual([...told].sort((one, other) => one - other));
  });

  test("of nothing makes an empty file", async () => {
    const nothing = attachmentOf(0);
    const relay = new ScriptedRelay((ask) => served(nothing.blob, ask));
    await saveAttachment(clientOf(relay), nothing.reference, path);
    expect(await readFile(path)).toHaveLength(0);
  });

  test("never writes over a file, unless it is told to", async () => {
    await writeFile(path, "mine");
    expect(await saved()).toEqual({ failure: "targetUnwritable", ranges: [] });
    expect(await readFile(path, "utf8")).toBe("mine");
    expect((await saved({ existing: "replace" })).failure).toBeUndefined();
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  test("does not write over a file that somebody made meanwhile, and keeps what came", async () => {
    const onProgress = ({ receivedBytes }: { receivedBytes: number }) =>
      receivedBytes === SIZE ? void mine.push(writeFile(path, "mine")) : undefined;
    const mine: Promise<void>[] = [];
    const download: Downloading["attachments"]["download"] = async function* (of, options) {
      yield* downloadAttachment(downloadParts(honest()), of, options);
      await Promise.all(mine);
    };
    await expect(saveAttachment({ attachments: { download } }, reference, path, { onProgress })).rejects.toMatchObject({
      code: "targetUnwritable",
    });
    expect(await readFile(path, "utf8")).toBe("mine");
    await rm(path);
    expect(await saved()).toEqual({ failure: undefined, ranges: [] });
  });

  test("says so when it cannot write", async () => {
    path = join(folder, "missing", "picture.jpg");
    expect(await saved()).toEqual({ failure: "targetUnwritable", ranges: [] });
  });

  test("to one path twice at once is refused", async () => {
    const first = saveAttachment(clientOf(honest()), reference, path);
    await expect(saveAttachment(clientOf(honest()), reference, path)).rejects.toMatchObject({
      code: "invalidArgument",
    });
    await first;
  });

  test("leaves nothing of what is corrupt or gone", async () => {
    const wrong = Uint8Array.from(blob);
    wrong[300_000] = (wrong[300_000] as number) ^ 1;
    for (const [script, code] of [
      [{ status: 200, pieces: [wrong] }, "attachmentCorrupt"],
      [{ status: 410 }, "attachmentGone"],
    ] as const) {
      await expect(saveAttachment(sending(script), reference, path)).rejects.toMatchObject({ code });
      expect(await readdir(folder)).toEqual([]);
    }
  });
});

describe("saving an attachment goes on", () => {
  test("behind what came before it was aborted", async () => {
    const signal = new Cancellation();
    const onProgress = ({ receivedBytes }: { receivedBytes: number }) => receivedBytes === 2 * CHUNK && signal.abort();
    expect((await saved({ signal, onProgress })).failure).toBe("aborted");
    expect(await readdir(folder)).toEqual(["picture.jpg.part"]);
    const { failure, ranges } = await saved();
    expect(failure).toBeUndefined();
    expect(ranges).toEqual([`bytes=${2 * (CHUNK + 16)}-`]);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect(await readdir(folder)).toEqual(["picture.jpg"]);
  });

  test("behind the last whole chunk of what a crash left", async () => {
    for (const left of [1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 77, SIZE - 1]) {
      await writeFile(`${path}.part`, bytes.subarray(0, left));
      const { failure, ranges } = await saved({ existing: "replace" });
      expect(failure).toBeUndefined();
      const chunks = Math.floor(left / CHUNK);
      expect(ranges).toEqual([chunks === 0 ? undefined : `bytes=${chunks * (CHUNK + 16)}-`]);
      expect((await readFile(path)).equals(bytes)).toBe(true);
    }
  });

  test("without asking for anything when only the name was missing", async () => {
    await writeFile(`${path}.part`, bytes);
    expect(await saved()).toEqual({ failure: undefined, ranges: [] });
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  test("from the start when the part is of something else, damaged or too long", async () => {
    const damaged = Buffer.from(bytes.subarray(0, 4 * CHUNK));
    damaged[5] = (damaged[5] as number) ^ 1;
    const zeros = Buffer.alloc(SIZE);
    for (const part of [damaged, zeros, Buffer.alloc(SIZE + 1), Buffer.concat([bytes, Buffer.of(0)])]) {
      await writeFile(`${path}.part`, part);
      const { failure, ranges } = await saved({ existing: "replace" });
      expect(failure).toBeUndefined();
      expect(ranges.at(-1)).toBeUndefined();
      expect((await readFile(path)).equals(bytes)).toBe(true);
    }
  });

  test("without touching what a link in place of the part leads to", async () => {
    const other = join(folder, "other");
    for (const make of [symlink, link]) {
      await writeFile(other, "mine");
      await make(other, `${path}.part`);
      expect((await saved({ existing: "replace" })).failure).toBeUndefined();
      expect(await readFile(other, "utf8")).toBe("mine");
      expect((await readFile(path)).equals(bytes)).toBe(true);
    }
  });

  test("not at all where a folder is in place of the part", async () => {
    await mkdir(`${path}.part`);
    expect((await saved()).failure).toBe("targetUnwritable");
  });
});
