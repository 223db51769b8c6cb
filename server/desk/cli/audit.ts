/** `sotto-desk audit check`: whether anything was changed in the log, in the data folder or in a file that was exported. */

import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fromHex, realmOf, toHex } from "@sotto/protocol";
import type { Terminal } from "../../ops/cli/terminal.js";
import { OperatorError, systemCode } from "../../ops/operator-error.js";
import type { AuditEntry, AuditHead } from "../api.js";
import { toBase64 } from "../base64.js";
import { type AuditCheck, checkAudit, signingKeyOf, verifySignature } from "../index.js";
import type { Tables } from "../rows.js";
import type { DeskSettings } from "../settings.js";
import { withTables } from "./at-the-desk.js";

interface Log {
  readonly realm: string;
  /** What signed the heads. */
  readonly signer: string;
  readonly entries: readonly AuditEntry[];
  readonly heads: readonly AuditHead[];
}

/** Checks a log and answers the exit code: 0 if nothing is wrong with it, 1 if something is. */
export async function checkLog(
  settings: () => DeskSettings,
  options: { readonly export?: string; readonly from?: string },
  terminal: Terminal,
): Promise<0 | 1> {
  const read = options.from === undefined ? await inFolder(settings().dataDir) : { log: await inFile(options.from) };
  const { log } = read;
  if (options.export !== undefined) await writeLog(resolve(options.export), log);
  const fault = checkAudit(log.entries, log.heads, {
    realm: fromHex(log.realm),
    signer: fromHex(log.signer),
    verify: verifySignature,
    ...("tip" in read ? { tip: read.tip } : {}),
  });
  if (fault !== undefined) {
    terminal.write(`NOT SOUND: entry ${fault.seq}: ${fault.fault}.\n`);
    return 1;
  }
  const last = log.heads.at(-1);
  terminal.write(
    [
      `Sound: ${log.entries.length} entries, ${log.heads.length} signed days.`,
      `Realm ${log.realm}, signed by ${log.signer}.`,
      last === undefined ? "No day is signed yet." : `Last signed: ${last.day}, entry ${last.seq}, ${last.hash}.`,
      "",
    ].join("\n"),
  );
  return 0;
}

function inFolder(dataDir: string): Promise<{ readonly log: Log; readonly tip: AuditCheck["tip"] }> {
  return withTables(dataDir, async (tables) => ({ log: await logOf(tables), tip: await tables.auditTip.get("tip") }));
}

async function logOf(tables: Tables): Promise<Log> {
  const root = await tables.root.get("root");
  const signer = await tables.ownKey.get("signer");
  if (root === undefined || signer === undefined) throw new OperatorError("No desk ever ran on this data folder.");
  const decoder = new TextDecoder();
  const entries = (await tables.audit.all()).map(({ value }) => JSON.parse(decoder.decode(value)) as AuditEntry);
  const heads = (await tables.auditHead.all()).map(({ key: day, value: { seq, hash, signature } }) => ({
    day,
    seq,
    hash,
    signature: toBase64(signature),
  }));
  return {
    realm: toHex(realmOf(root.publicKey)),
    signer: toHex(signingKeyOf(signer.seed).publicKey),
    entries,
    heads,
  };
}

async function writeLog(file: string, log: Log): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(log, undefined, 1)}\n`, { flag: "wx", mode: 0o600 });
  } catch (cause) {
    throw new OperatorError(`${file} cannot be written (${systemCode(cause) ?? "unknown reason"}).`, 1, { cause });
  }
}

async function inFile(file: string): Promise<Log> {
  const refuse = (cause: unknown) => new OperatorError(`${file} is no log that this command wrote.`, 1, { cause });
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw refuse(cause);
  });
  try {
    const parsed: unknown = JSON.parse(text);
    if (!isLog(parsed)) throw new TypeError("not a log");
    return parsed;
  } catch (cause) {
    throw refuse(cause);
  }
}

/** What an entry holds is the chain's to check: a wrong one has another hash. */
function isLog(value: unknown): value is Log {
  if (typeof value !== "object" || value === null) return false;
  const { realm, signer, entries, heads } = value as Partial<Record<keyof Log, unknown>>;
  const isHex = (text: unknown, digits: number) =>
    typeof text === "string" && /^[0-9a-f]+$/.test(text) && text.length === digits;
  const areObjects = (list: unknown) =>
    Array.isArray(list) && list.every((one) => typeof one === "object" && one !== null && "seq" in one);
  return isHex(realm, 32) && isHex(signer, 64) && areObjects(entries) && areObjects(heads);
}
