import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { beforeAll, describe, expect, it } from "vitest";
import { newKeyPair } from "../../../../server/keys/certificates.js";
import { createKeys, loadKeys } from "../../../../server/keys/key-folder.js";
import { temporaryFolders } from "../temporary-folder.js";
import { run } from "./sotto-relay.js";

const newFolder = temporaryFolders();
const DEVELOPMENT = { SOTTO_DEVELOPMENT: "true" };
const open = (folder: string) =>
  new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: "buffer", valueEncoding: "buffer", compression: false });

/** Every row of a database, as text. */
async function rowsOf(folder: string): Promise<string[]> {
  const database = open(folder);
  const rows: string[] = [];
  for await (const [key, value] of database.iterator()) rows.push(`${key.toString("hex")}=${value.toString("hex")}`);
  await database.close();
  return rows;
}

/** Everything below a folder: paths and contents. */
function snapshot(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [file, readFileSync(file, "hex")];
    }),
  );
}

describe("sotto-relay backup and restore", () => {
  const cwd = newFolder();
  const dataDir = join(cwd, "data");
  const kept = join(cwd, "kept");
  let rows: string[];

  beforeAll(async () => {
    mkdirSync(dataDir, { mode: 0o700 });
    await createKeys(dataDir, newKeyPair(), "operator", Date.now());
    const database = open(join(dataDir, "store"));
    await database.open();
    const batch = database.batch();
    for (let row = 0; row < 3_000; row++) batch.put(randomBytes(12), randomBytes(900));
    await batch.write({ sync: true });
    await database.close();
    rows = await rowsOf(join(dataDir, "store"));
    mkdirSync(join(dataDir, "blobs", "ab"), { recursive: true });
    writeFileSync(join(dataDir, "blobs", "ab", `${"ab".repeat(16)}.data`), "an attachment");
    const done = await run(["backup", kept], { cwd, env: DEVELOPMENT });
    expect(done).toMatchObject({ code: 0, errors: "" });
    expect(done.out).toContain("3000 rows");
    expect(done.out).toContain(`no attachments; to keep those too, copy ${join(dataDir, "blobs")}`);
    expect(readdirSync(kept).sort()).toEqual(["keys", "manifest.json", "store"]);
  });

  /** A copy of the backup to spoil. */
  function copyOfBackup(): string {
    const copy = join(newFolder(), "copy");
    cpSync(kept, copy, { recursive: true });
    return copy;
  }

  it("brings every row and the keys back into an empty data folder", async () => {
    const elsewhere = newFolder();
    const done = await run(["restore", kept], { cwd: elsewhere, env: DEVELOPMENT });
    expect(done).toMatchObject({ code: 0, errors: "" });
    expect(await rowsOf(join(elsewhere, "data", "store"))).toEqual(rows);
    expect(await loadKeys(join(elsewhere, "data"))).toEqual(await loadKeys(dataDir));
    expect(readdirSync(join(elsewhere, "data")).sort()).toEqual(["keys", "store"]);
  });

  it.runIf(process.platform !== "win32")("is its owner's alone", () => {
    expect(statSync(kept).mode & 0o077).toBe(0);
    expect(statSync(join(kept, "keys", "relay.json")).mode & 0o077).toBe(0);
  });

  it("does not overwrite anything, on either way", async () => {
    const before = [snapshot(kept), snapshot(dataDir)];
    expect((await run(["backup", kept], { cwd, env: DEVELOPMENT })).code).toBe(1);
    expect((await run(["restore", kept], { cwd, env: DEVELOPMENT })).code).toBe(1);
    expect([snapshot(kept), snapshot(dataDir)]).toEqual(before);
  });

  it.each<[string, (folder: string) => void]>([
    ["a changed byte", (folder) => spoil(join(folder, "keys", "relay.json"))],
    ["a longer file", (folder) => appendFileSync(join(folder, "keys", "relay.json"), " ")],
    ["a missing file", (folder) => rmSync(join(folder, "store", "CURRENT"))],
    ["an additional file", (folder) => writeFileSync(join(folder, "store", "999999.ldb"), "x")],
    ["no manifest", (folder) => rmSync(join(folder, "manifest.json"))],
    ["a manifest that reaches outside", (folder) => rename(folder, "keys/relay.json", "keys/../../../escaped.json")],
    ["a manifest of another kind", (folder) => writeFileSync(join(folder, "manifest.json"), '{"files":[]}')],
  ])("refuses a backup with %s and changes nothing", async (_what, damage) => {
    const elsewhere = newFolder();
    const copy = copyOfBackup();
    damage(copy);
    const done = await run(["restore", copy], { cwd: elsewhere, env: DEVELOPMENT });
    expect(done.code).toBe(1);
    expect(done.errors).toContain("Nothing was changed.");
    expect(existsSync(join(elsewhere, "data"))).toBe(false);
  });

  it("says so where there is nothing to back up", async () => {
    const empty = newFolder();
    const done = await run(["backup", join(empty, "kept")], { cwd: empty, env: DEVELOPMENT });
    expect(done.code).toBe(1);
    expect(done.errors).toContain("no store");
    expect(readdirSync(empty)).toEqual([]);
  });

  it("says so while a relay has the store open", async () => {
    const database = open(join(dataDir, "store"));
    await database.open();
    try {
      const done = await run(["backup", join(cwd, "second")], { cwd, env: DEVELOPMENT });
      expect(done.code).toBe(1);
      expect(done.errors).toContain("A relay is running on the data folder");
      expect(existsSync(join(cwd, "second"))).toBe(false);
    } finally {
      await database.close();
    }
  });
});

/** Changes one byte in the middle of a file. */
function spoil(file: string): void {
  const bytes = readFileSync(file);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** Changes a path in a backup's manifest. */
function rename(folder: string, from: string, to: string): void {
  const file = join(folder, "manifest.json");
  writeFileSync(file, readFileSync(file, "utf8").replace(`"${from}"`, `"${to}"`));
}
