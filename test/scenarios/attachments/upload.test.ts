import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createClient } from "@sotto/sdk";
import { type Attachment, type Client, levelStore, type Platform, type UploadSource } from "@sotto/sdk/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eagerPlatform } from "../../support/crash/eager-platform.js";
import type { UploadLife } from "../../support/crash/upload-child.js";
import { program } from "../../support/programs/program.js";
import { World } from "../../support/world.js";

const CHILD = fileURLToPath(new URL("../../support/crash/upload-child.ts", import.meta.url));
const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
const SIZE = 10_000_000;

let world: World;
let alice: Client;
const others: Client[] = [];
beforeAll(async () => {
  world = await World.open();
  alice = await world.client("alice");
});
afterAll(async () => {
  await Promise.all(others.map((client) => client.close()));
  await world.close();
});

async function read(of: Attachment): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of alice.attachments.download(of)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A client that waits as little as may be, with a look at its requests. */
async function watched(userId: string, http: (inner: Platform["http"]) => Platform["http"]): Promise<Client> {
  const platform = eagerPlatform();
  const store = levelStore(join(world.folder, "clients", userId));
  const client = await createClient({ ...platform, http: http(platform.http) }, { relay: world.url, userId, store });
  others.push(client);
  return client;
}

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(world.folder, name);
  await writeFile(path, bytes);
  return path;
}

describe("an upload to a relay", () => {
  test("of every kind of source comes back byte for byte", async () => {
    for (const size of [0, 1, 65_536, 65_537, SIZE]) {
      const bytes = randomBytes(size);
      const path = await file(`file-${size}`, bytes);
      const sources: UploadSource[] = [
        Uint8Array.from(bytes),
        new File([Uint8Array.from(bytes)], "a.bin"),
        path,
        pathToFileURL(path),
        createReadStream(path),
        Readable.from([bytes.subarray(0, 10), bytes.subarray(10)]),
      ];
      for (const source of sources) {
        const attachment = await alice.attachments.upload(source, { as: "file" });
        expect(attachment.sizeBytes).toBe(size);
        expect((await read(attachment)).equals(bytes)).toBe(true);
      }
    }
    expect(await alice.attachments.pending()).toEqual([]);
  });

  test("goes on after its client was killed, again and again, from the durable offset", async () => {
    const bytes = randomBytes(SIZE);
    const path = await file("killed.bin", bytes);
    const folder = join(world.folder, "clients", "carol");
    for (const part of [2, 1, 3]) {
      const life: UploadLife = { relay: world.url, userId: "carol", folder, path, part };
      const args = [...program(CHILD), JSON.stringify(life)];
      const child = spawn(process.execPath, args, { cwd: REPOSITORY, stdio: ["ignore", "inherit", "inherit"] });
      expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    }
    let patchedBytes = 0;
    let grants = 0;
    const carol = await watched("carol", (inner) => (ask) => {
      if (ask.method === "PATCH") patchedBytes += ask.body?.length ?? 0;
      if (ask.method === "POST") grants += 1;
      return inner(ask);
    });
    const [pending] = await carol.attachments.pending();
    expect(pending).toMatchObject({ totalBytes: SIZE });
    const told: number[] = [];
    const attachment = await carol.attachments.upload(path, { onProgress: ({ sentBytes }) => told.push(sentBytes) });
    expect((await read(attachment)).equals(bytes)).toBe(true);
    expect(grants).toBe(0);
    expect(told[0]).toBeGreaterThanOrEqual(pending?.sentBytes ?? SIZE);
    expect(told[0]).toBeGreaterThan(0);
    expect(patchedBytes).toBeLessThan(SIZE);
    expect(told.at(-1)).toBe(SIZE);
  });

  test("waits while the relay restarts in the middle of it", async () => {
    const bytes = randomBytes(SIZE);
    let parts = 0;
    const dave = await watched("dave", (inner) => async (ask) => {
      if (ask.method === "PATCH") parts += 1;
      if (ask.method !== "PATCH" || parts !== 3) return inner(ask);
      const lost = inner(ask);
      await Promise.all([world.stopRelay(), lost.catch(() => undefined)]);
      await world.startRelay();
      return lost;
    });
    const attachment = await dave.attachments.upload(Uint8Array.from(bytes));
    expect((await read(attachment)).equals(bytes)).toBe(true);
  });

  test("that was aborted goes on at the next call, and one whose file changed begins anew", async () => {
    const bytes = randomBytes(SIZE);
    const path = await file("changing.bin", bytes);
    let patchedBytes = 0;
    let deletions = 0;
    const erin = await watched("erin", (inner) => (ask) => {
      if (ask.method === "PATCH") patchedBytes += ask.body?.length ?? 0;
      if (ask.method === "DELETE") deletions += 1;
      return inner(ask);
    });
    const abortAt = async (share: number) => {
      const abort = new AbortController();
      const onProgress = ({ sentBytes }: { sentBytes: number }) => sentBytes > share * SIZE && abort.abort();
      const signal = abort.signal;
      await expect(erin.attachments.upload(path, { onProgress, signal })).rejects.toMatchObject({ code: "aborted" });
    };
    await abortAt(0.3);
    patchedBytes = 0;
    await abortAt(0.6);
    expect(patchedBytes).toBeLessThan(SIZE);
    bytes[7] = (bytes[7] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const attachment = await erin.attachments.upload(path);
    expect((await read(attachment)).equals(bytes)).toBe(true);
    await expect.poll(() => deletions).toBe(1);
  });

  test("that was finished is deleted for everybody by its device", async () => {
    const attachment = await alice.attachments.upload(randomBytes(10));
    await alice.attachments.delete(attachment);
    await expect(read(attachment)).rejects.toMatchObject({ code: "attachmentGone" });
  });
});
