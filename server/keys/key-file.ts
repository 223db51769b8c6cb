/**
 * How keys lie in files: one JSON object of short texts with a word that says what it is, written atomically, readable by
 * its owner only. Keys and signatures are hex.
 */

import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { OperatorError, systemCode } from "../ops/operator-error.js";

/** One kind of key file. `holds` completes "is no …" in errors; `access` says whether others may read it. */
export interface KeyFileForm<Field extends string> {
  readonly sotto: string;
  readonly holds: string;
  readonly fields: readonly Field[];
  readonly access: "owner" | "anyone";
}

const VERSION = 1;
/** No key file comes near this; a larger file is something else. */
const MAX_FILE_BYTES = 65_536;
const MODES_ARE_MEANT = process.platform !== "win32";

/**
 * The texts of a key file, or `undefined` if there is no such file.
 *
 * @throws OperatorError if others may read a file that is the owner's alone, or it is not of this form.
 */
export async function readKeyFile<Field extends string>(
  file: string,
  form: KeyFileForm<Field>,
): Promise<Readonly<Record<Field, string>> | undefined> {
  let content: string;
  try {
    const { mode, size } = await stat(file);
    if (MODES_ARE_MEANT && form.access === "owner" && (mode & 0o077) !== 0) {
      throw new OperatorError(`Others may read ${file}, which holds a secret; run: chmod 600 ${file}`);
    }
    if (size > MAX_FILE_BYTES) throw new OperatorError(`${file} is no ${form.holds}: it is too large.`);
    content = await readFile(file, "utf8");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError(`${file} cannot be read (${systemCode(cause) ?? "unknown reason"}).`, 1, { cause });
  }
  const values = parse(content);
  if (values?.get("sotto") !== form.sotto) throw new OperatorError(`${file} is no ${form.holds}.`);
  if (values.get("version") !== VERSION) {
    throw new OperatorError(`${file} was written by another version of Sotto; update this program.`);
  }
  const entries = form.fields.map((field) => {
    const value = values.get(field);
    if (typeof value !== "string") throw new OperatorError(`${file} is damaged: "${field}" is missing.`);
    return [field, value] as const;
  });
  return Object.fromEntries(entries) as Record<Field, string>;
}

function parse(content: string): ReadonlyMap<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(content);
    return typeof parsed === "object" && parsed !== null ? new Map(Object.entries(parsed)) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes a key file so that after a crash there is the whole file or what was there before, and resolves once it is on
 * disk. `create` refuses to replace a file.
 *
 * @throws OperatorError if the file exists (`create`) or cannot be written.
 */
export async function writeKeyFile<Field extends string>(
  file: string,
  form: KeyFileForm<Field>,
  values: Readonly<Record<Field, string>>,
  mode: "create" | "replace",
): Promise<void> {
  const content = `${JSON.stringify({ sotto: form.sotto, version: VERSION, ...values }, undefined, 2)}\n`;
  const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx", form.access === "owner" ? 0o600 : 0o644);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (mode === "replace") await rename(temporary, file);
    else await publish(temporary, file);
    await syncFolder(dirname(file));
  } catch (cause) {
    const code = systemCode(cause);
    if (code === "EEXIST") throw new OperatorError(`${file} exists already and was left as it is; name another file.`);
    throw new OperatorError(`${file} cannot be written (${code ?? "unknown reason"}).`, 1, { cause });
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Gives a finished file its name, unless the name is taken. */
async function publish(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (cause) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(systemCode(cause) ?? "")) throw cause;
    // FAT and the like, as on sticks that hold a root key, have no links: reserve the name, then replace the empty file.
    await (await open(file, "wx", 0o600)).close();
    await rename(temporary, file);
  }
}

/** Makes renames and links in a folder survive power loss, where the platform can. */
export async function syncFolder(folder: string): Promise<void> {
  if (!MODES_ARE_MEANT) return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes sure a folder exists that only its owner can enter.
 *
 * @throws OperatorError if it is open to others, is no folder, or cannot be made.
 */
export async function privateFolder(folder: string): Promise<void> {
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) await chmod(folder, 0o700);
  } catch (cause) {
    throw new OperatorError(`The folder ${folder} cannot be made (${systemCode(cause) ?? "unknown reason"}).`, 1, {
      cause,
    });
  }
  await requirePrivateFolder(folder);
}

/** @throws OperatorError if others may enter the folder. A folder that does not exist is fine. */
export async function requirePrivateFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw new OperatorError(`The folder ${folder} cannot be read (${systemCode(cause) ?? "unknown reason"}).`, 1, {
      cause,
    });
  });
  if (found === undefined) return;
  if (!found.isDirectory()) throw new OperatorError(`${folder} must be a folder.`);
  if (MODES_ARE_MEANT && (found.mode & 0o077) !== 0) {
    throw new OperatorError(`Others may look into ${folder}, which holds secrets; run: chmod 700 ${folder}`);
  }
}
