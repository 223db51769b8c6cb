import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SottoError } from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import type { StoreChoice } from "../../../sdk/core/ports.js";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { levelStore } from "../../../sdk/node/level-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { runChild } from "./child.js";
import { bytesUnder, freshFolder } from "./folder.js";

const everything = { after: "", before: "\x7f", limit: 100, order: "ascending" } as const;
const open = (choice: StoreChoice) => SealedStore.open(choice, nodePlatform);
const secret = { key: "a", value: new TextEncoder().encode("canary-7c41e2") };

/** Makes a store with one row and closes it. */
async function filled(choice: StoreChoice): Promise<void> {
  const store = await open(choice);
  await store.commit([secret]);
  await store.close();
}

async function rowsOf(folder: string) {
  const { store } = levelStore(folder);
  await store.open();
  const rows = await store.list(everything);
  await store.close();
  return rows.map(({ key, value }) => [key, Buffer.from(value).toString("hex")]);
}

async function expectSecret(choice: StoreChoice): Promise<void> {
  const store = await open(choice);
  expect(Buffer.from((await store.get("a")) ?? []).toString()).toBe("canary-7c41e2");
  await store.close();
}

describe("a store on disk", () => {
  test("is made with its folders, for its owner only, and nothing happens before it is opened", async () => {
    const parent = await freshFolder();
    const folder = join(parent, "deep", "alice");
    const choice = levelStore(folder);
    expect(choice.store.location).toBe(folder);
    expect(await readdir(parent)).toEqual([]);
    await filled(choice);
    expect((await stat(folder)).mode & 0o077).toBe(0);
    expect((await stat(join(folder, "store.key"))).mode & 0o777).toBe(0o600);
  });

  test("holds no plaintext, which the same bytes written without sealing show", async () => {
    const sealed = await freshFolder();
    const store = await open(levelStore(sealed));
    const name = store.blind("account", "canary-account");
    await store.commit([secret, { key: `peer.${name}`, value: secret.value }]);
    await store.close();
    expect((await bytesUnder(sealed)).includes("canary")).toBe(false);

    const plain = await freshFolder();
    const raw = levelStore(plain).store;
    await raw.open();
    await raw.write([secret]);
    await raw.close();
    expect((await bytesUnder(plain)).includes("canary")).toBe(true);
  });

  test("tells a second process that it is in use, and where", async () => {
    const folder = await freshFolder();
    const store = await open(levelStore(folder));
    await store.commit([secret]);
    const second = runChild("./store-opener.ts", folder);
    await second.ended;
    expect(second.lines).toEqual(["storeInUse"]);
    await store.close();
    await expectSecret(levelStore(folder));

    const holder = runChild("./store-opener.ts", folder);
    await holder.printed(1);
    expect(holder.lines).toEqual(["open"]);
    const refused = await open(levelStore(folder)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "storeInUse", message: expect.stringContaining(folder) });
    holder.process.kill("SIGKILL");
    await holder.ended;
    await expectSecret(levelStore(folder));
  });

  test("that cannot be opened at all says so", async () => {
    const folder = await freshFolder();
    await writeFile(join(folder, "file"), "in the way");
    await expect(open(levelStore(join(folder, "file")))).rejects.toMatchObject({ code: "storeFailed" });
  });

  test("whose files were damaged is corrupt, not empty", async () => {
    const folder = await freshFolder();
    await filled(levelStore(folder));
    const files = await readdir(join(folder, "db"));
    for (const file of files.filter((name) => name.startsWith("MANIFEST"))) await truncate(join(folder, "db", file), 3);
    await expect(open(levelStore(folder))).rejects.toMatchObject({ code: "storeCorrupt" });
  });

  test("that was cleared does not show what it held, even if the clearing was interrupted", async () => {
    const folder = await freshFolder();
    const raw = levelStore(folder).store;
    await raw.open();
    await raw.write([secret]);
    await raw.clear();
    await raw.write([{ ...secret, value: Uint8Array.of(1) }]);
    await raw.close();
    expect((await bytesUnder(folder)).includes("canary")).toBe(false);

    await mkdir(join(folder, "db.discarded"));
    await writeFile(join(folder, "db.discarded", "000003.log"), secret.value);
    await raw.open();
    await raw.close();
    expect((await bytesUnder(folder)).includes("canary")).toBe(false);
    expect(await rowsOf(folder)).toEqual([["a", "01"]]);
  });
});

describe("a passphrase", () => {
  test("opens the store; another one changes nothing", async () => {
    const folder = await freshFolder();
    await filled(levelStore(folder, { passphrase: "correct horse" }));
    expect(await readdir(folder)).toEqual(["db"]);
    const before = await rowsOf(folder);
    for (const passphrase of ["correct horses", "Correct horse"]) {
      await expect(open(levelStore(folder, { passphrase }))).rejects.toMatchObject({ code: "wrongKey" });
    }
    await expect(open(levelStore(folder))).rejects.toMatchObject({ code: "wrongKey" });
    expect(await rowsOf(folder)).toEqual(before);
    expect(await readdir(folder)).toEqual(["db"]);
    await expectSecret(levelStore(folder, { passphrase: async () => "correct horse" }));
  });

  test("is the same however its characters were composed", async () => {
    const folder = await freshFolder();
    await filled(levelStore(folder, { passphrase: "caf\u00e9" }));
    await expectSecret(levelStore(folder, { passphrase: "cafe\u0301" }));
  });
});

describe("a key hook", () => {
  test("opens the store; another key or a failing hook changes nothing", async () => {
    const folder = await freshFolder();
    const key = randomBytes(32);
    await filled(levelStore(folder, { key: async () => key }));
    const before = await rowsOf(folder);
    const hooks = [async () => randomBytes(32), () => Promise.reject(new Error("keychain locked"))];
    for (const hook of hooks) {
      await expect(open(levelStore(folder, { key: hook }))).rejects.toMatchObject({ code: "wrongKey" });
    }
    const short = levelStore(folder, { key: async () => key.subarray(1) });
    await expect(open(short)).rejects.toMatchObject({ code: "invalidArgument" });
    expect(await rowsOf(folder)).toEqual(before);
    await expectSecret(levelStore(folder, { key: async () => key }));
  });
});

describe("the key file", () => {
  test("is needed for opening, and never replaced while there is a store", async () => {
    const folder = await freshFolder();
    await filled(levelStore(folder));
    const file = join(folder, "store.key");
    await rm(file);
    await expect(open(levelStore(folder))).rejects.toMatchObject({ code: "wrongKey" });
    expect(await readdir(folder)).toEqual(["db"]);
    for (const content of [randomBytes(32), randomBytes(5)]) {
      await writeFile(file, content);
      await expect(open(levelStore(folder))).rejects.toMatchObject({ code: "wrongKey" });
    }
  });

  test("left by an interrupted first opening is used by the next", async () => {
    const folder = await freshFolder();
    await writeFile(join(folder, "store.key.new"), "half");
    await chmod(join(folder, "store.key.new"), 0o644);
    const { key } = levelStore(folder);
    const [one, other] = [await key.wrap(randomBytes(32)), await key.wrap(randomBytes(32))];
    expect(await key.unwrap(one)).toHaveLength(32);
    expect(await key.unwrap(other)).toHaveLength(32);
    expect((await stat(join(folder, "store.key"))).mode & 0o777).toBe(0o600);
    await filled(levelStore(folder));
    await expectSecret(levelStore(folder));
  });
});

describe("levelStore", () => {
  test.each([
    ["no folder", "", {}],
    ["two kinds of key", "x", { passphrase: "p", key: async () => randomBytes(32) }],
    ["an empty passphrase", "x", { passphrase: "" }],
  ])("refuses %s at once", (_what, path, options) => {
    expect(() => levelStore(path, options)).toThrowError(SottoError);
    expect(() => levelStore(path, options)).toThrowError(/invalidArgument/);
  });
});
