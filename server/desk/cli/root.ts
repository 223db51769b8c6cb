/**
 * `sotto-desk root …`: the realm's root away from the desk. It signs manifests and nothing else, so it can lie on a machine without
 * network; the desk then publishes what changes once it is signed there, which has to be every other day.
 *
 *   take ──▶ root file*     export ──▶ manifest ──sign*──▶ signed manifest ──▶ import        (* = on the other machine)
 */

import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { decodeManifest, fromHex, SottoError, toHex } from "@sotto/protocol";
import { type KeyFileForm, readKeyFile, writeKeyFile } from "../../keys/key-file.js";
import type { Terminal } from "../../ops/cli/terminal.js";
import { OperatorError, systemCode } from "../../ops/operator-error.js";
import { systemClock } from "../../ops/system.js";
import { Ledger } from "../audit/ledger.js";
import { signingKeyOf, signManifest } from "../index.js";
import { Locks } from "../lock.js";
import { markOf, scrub } from "../retention/scrubbing.js";
import { openTables } from "../rows.js";
import type { DeskSettings } from "../settings.js";
import { openLevelRows, rowsFolder } from "../store/level-rows.js";
import { needDesk, withDesk } from "./at-the-desk.js";

const form: KeyFileForm<"publicKey" | "secret"> = {
  sotto: "desk root key",
  holds: "file of a realm's root",
  fields: ["publicKey", "secret"],
  access: "owner",
};

/** Moves the root's secret into a file and out of the desk's rows. */
export async function takeRoot({ dataDir }: DeskSettings, file: string, terminal: Terminal): Promise<void> {
  needDesk(dataDir);
  const path = resolve(file);
  const rows = await openLevelRows(rowsFolder(dataDir), "refuse");
  try {
    const tables = openTables(rows);
    const root = await tables.root.get("root");
    if (root?.secret === undefined) throw new OperatorError("The root was taken from this desk already.");
    const { publicKey, secret } = root;
    await writeKeyFile(path, form, { publicKey: toHex(publicKey), secret: toHex(secret) }, "create");
    const ledger = new Ledger({ rows, tables, locks: new Locks(), now: () => systemClock.now() });
    const change = tables.root.put("root", { publicKey });
    const changes = [change, markOf(tables, { table: "root", atMs: systemClock.now() })];
    await ledger.commit(changes, { by: "operator", what: "rootTaken", about: toHex(publicKey) });
    await scrub({ rows, tables, ledger });
  } finally {
    await rows.close();
  }
  terminal.write(
    [
      `The root is in ${path}. Move it off this machine now, and keep a copy: apps that pinned it take no other.`,
      "The desk's files hold it no more; its disk and its backups may.",
      "From now on, every other day: sotto-desk root export, sign (there), import.",
      "",
    ].join("\n"),
  );
}

/** Writes the manifest that waits for the root. */
export async function exportManifest(settings: DeskSettings, file: string, terminal: Terminal): Promise<void> {
  needDesk(settings.dataDir);
  const manifest = await withDesk(settings, (desk) => desk.exportManifest());
  if (manifest === undefined) throw new OperatorError("No manifest waits for the root.");
  await writeNew(resolve(file), manifest);
  terminal.write(`The manifest is in ${resolve(file)}; it holds no secret.\n`);
}

/** Signs a manifest. Needs no desk and no network. */
export async function signFile(
  files: { readonly root: string; readonly manifest: string; readonly out: string },
  terminal: Terminal,
): Promise<void> {
  const root = await readKeyFile(resolve(files.root), form);
  if (root === undefined) throw new OperatorError(`There is no root at ${resolve(files.root)}.`);
  const encoded = await bytesOf(resolve(files.manifest));
  const key = signingKeyOf(fromHex(root.secret));
  // What waits for the root is signed by nobody yet.
  const { hash: _hash, ...manifest } = decodeManifest(encoded, () => true);
  if (toHex(manifest.root) !== toHex(key.publicKey)) throw new OperatorError("This manifest is of another realm.");
  await writeNew(resolve(files.out), signManifest(manifest, key.sign));
  terminal.write(
    `Number ${manifest.number}, epochs up to ${Math.max(...manifest.epochs.map(({ epoch }) => epoch))}, ${manifest.deskKeys.length} keys: signed.\n`,
  );
}

/** Takes a signed manifest; the desk publishes it when it runs. */
export async function importManifest(settings: DeskSettings, file: string, terminal: Terminal): Promise<void> {
  needDesk(settings.dataDir);
  const encoded = await bytesOf(resolve(file));
  await withDesk(settings, async (desk) => {
    await desk.importManifest(encoded).catch((cause: unknown) => {
      if (!(cause instanceof SottoError)) throw cause;
      // Kept, and handed to the relay once the desk runs.
      if (cause.code === "badFrame") throw new OperatorError("The root of this realm did not sign this.", 1, { cause });
      if (cause.code !== "offline") throw cause;
    });
  });
  terminal.write("Taken. The desk publishes it when it runs.\n");
}

async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    throw new OperatorError(`${file} cannot be read (${systemCode(cause) ?? "unknown reason"}).`, 1, { cause });
  }
}

async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(file, bytes, { flag: "wx", mode: 0o600 });
  } catch (cause) {
    throw new OperatorError(`${file} cannot be written (${systemCode(cause) ?? "unknown reason"}).`, 1, { cause });
  }
}
