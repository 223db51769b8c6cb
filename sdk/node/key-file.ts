/** A file that holds a random key, readable by its owner only. */

import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { SottoError } from "@sotto/protocol";
import { syncFolder } from "./sync-folder.js";

/** A key in a file. */
export interface KeyFile {
  /**
   * The key.
   *
   * @throws wrongKey if the file is missing or is no key.
   */
  read(): Promise<Uint8Array>;
  /** The key; makes the file if there is none. It survives power loss once this resolves, and is never half written. */
  readOrCreate(): Promise<Uint8Array>;
}

/** The key file `store.key` of a folder. Only the process that holds the store's lock may create it. */
export function keyFile(folder: string, sizeBytes: number): KeyFile {
  const path = join(folder, "store.key");

  async function find(): Promise<Uint8Array | undefined> {
    try {
      const key = await readFile(path);
      if (key.length !== sizeBytes) throw new SottoError("wrongKey", { detail: "store.key is not a key" });
      return new Uint8Array(key);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  async function create(): Promise<Uint8Array> {
    const key = new Uint8Array(randomBytes(sizeBytes));
    const unfinished = `${path}.new`;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(unfinished, "w", 0o600);
    try {
      // A file left behind by an interrupted attempt keeps its mode when it is opened again.
      await file.chmod(0o600);
      await file.writeFile(key);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
    await syncFolder(folder);
    return key;
  }

  return {
    async read() {
      const key = await find();
      if (key === undefined) throw new SottoError("wrongKey", { detail: "store.key is missing" });
      return key;
    },
    readOrCreate: async () => (await find()) ?? create(),
  };
}
