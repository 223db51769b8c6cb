/** `sotto-desk verify-report`: whether an exported report is genuine, without a network and without a running desk. */

import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { toHex } from "@sotto/protocol";
import type { Terminal } from "../../ops/cli/terminal.js";
import { OperatorError, systemCode } from "../../ops/operator-error.js";
import { systemClock } from "../../ops/system.js";
import { KeyFileError, openKeyFile, readKeyFile } from "../key-file.js";
import { personKeyOf } from "../person-key.js";
import type { DeskSettings } from "../settings.js";
import { keysIn, readVerifyKeys, type VerifyKeys } from "../verify/keys.js";
import { type ItemFinding, isGenuine, type ReportFinding, verifyReport } from "../verify/verify-report.js";
import { withTables } from "./at-the-desk.js";

/** What was chosen. */
export interface VerifyChoice {
  readonly keys?: string;
  readonly personKey?: string;
  readonly passphraseEnv?: string;
  readonly showWords?: boolean;
}

/** What the command needs of the world. */
export interface VerifyParts {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The settings, for the data folder; read only where no keys are named. */
  parsed(): DeskSettings;
}

/** More than an exported report can have. */
const MAX_FILE_BYTES = 4 * 1_048_576;

/** Prints what was found and answers the exit code: 0 if everything is genuine, 1 if anything is not. */
export async function verifyFile(file: string, choice: VerifyChoice, parts: VerifyParts): Promise<0 | 1> {
  const bytes = await bytesOf(resolve(file));
  const keys = await keysAt(choice.keys, parts);
  const box =
    choice.personKey === undefined ? {} : { box: await boxIn(resolve(choice.personKey), choice, { keys, parts }) };
  const finding = verifyReport(bytes, { keys, ...box, nowMs: systemClock.now() });
  parts.terminal.write(`${[...described(finding, choice.showWords === true ? "shown" : "hidden"), ""].join("\n")}`);
  return isGenuine(finding) ? 0 : 1;
}

async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    if ((await stat(file)).size > MAX_FILE_BYTES)
      throw new OperatorError(`${file} is no exported report: it is too large.`);
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError(`${file} cannot be read (${systemCode(cause) ?? "unknown reason"}).`, 1, { cause });
  }
}

async function keysAt(path: string | undefined, { parsed }: VerifyParts): Promise<VerifyKeys> {
  const place = path === undefined ? parsed().dataDir : resolve(path);
  const found = await stat(place).catch(() => undefined);
  if (found === undefined) throw new OperatorError(`There are no keys at ${place}.`);
  return found.isDirectory() ? withTables(place, (tables) => keysIn(tables)) : readVerifyKeys(place);
}

async function boxIn(
  file: string,
  { passphraseEnv }: VerifyChoice,
  { keys, parts }: { readonly keys: VerifyKeys; readonly parts: VerifyParts },
): Promise<Uint8Array> {
  const typed = passphraseEnv === undefined ? undefined : parts.environment[passphraseEnv];
  if (passphraseEnv !== undefined && typed === undefined) throw new OperatorError(`${passphraseEnv} is not set.`, 2);
  try {
    const sealed = readKeyFile(new TextDecoder().decode(await bytesOf(file)));
    if (sealed.realm !== toHex(keys.realm)) throw new OperatorError(`${file} is of another desk.`);
    const passphrase = typed ?? (await parts.terminal.askSecret("Passphrase of the key file: "));
    return personKeyOf(await openKeyFile(sealed, passphrase)).box.secretKey;
  } catch (cause) {
    if (cause instanceof KeyFileError) throw new OperatorError(`${file}: ${cause.message}`, 1, { cause });
    throw cause;
  }
}

function described(finding: ReportFinding, words: "shown" | "hidden"): readonly string[] {
  if (finding.kind === "unreadable") return [`NOT GENUINE: ${finding.why}`];
  const { about, items } = finding;
  const bad = items.filter(
    ({ head, words: said }) => head !== "verified" || (said !== "verified" && said !== "notOpened"),
  );
  return [
    `Report ${finding.report} (${about.kind}, ${about.category})`,
    `  by       ${finding.reporter}, received ${timeOf(finding.receivedMs)}`,
    `  about    ${about.accused}`,
    ...(words === "shown" && finding.note !== undefined && finding.note !== ""
      ? [`  note     ${printable(finding.note)}`]
      : []),
    ...items.flatMap((item, index) => itemLines(item, index, words)),
    wordsLine(finding.words),
    isGenuine(finding)
      ? `GENUINE: all ${items.length} messages${finding.words === "opened" ? " and their words" : ""}. Only who holds the desk's keys can know that.`
      : `NOT GENUINE: ${bad.length} of ${items.length} messages fail${finding.words === "notTheseHeads" ? ", and the words are of another report" : ""}.`,
  ];
}

function itemLines(item: ItemFinding, index: number, words: "shown" | "hidden"): readonly string[] {
  const { role, account, device, acceptedMs, head, words: said, content } = item;
  const line = `  ${index + 1}. ${role}: ${account} device ${device}, ${timeOf(acceptedMs)}: sent ${verdictOf(head)}, words ${verdictOf(said)}`;
  return words === "shown" && content !== undefined ? [line, `     ${printable(contentText(content))}`] : [line];
}

function verdictOf(verdict: string): string {
  if (verdict === "verified") return "genuine";
  return verdict === "notOpened" ? "not opened" : `REFUSED (${verdict})`;
}

function wordsLine(words: Extract<ReportFinding, { kind: "read" }>["words"]): string {
  switch (words) {
    case "opened":
      return "  The words were opened.";
    case "noKey":
      return "  The words were not opened: no team key here opens them.";
    case "notTheseHeads":
      return "  The words do not belong to these messages.";
    default:
      return words satisfies never;
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Bytes as hex, numbers of any size as text. */
function contentText(content: unknown): string {
  return JSON.stringify(content, (_name, value: unknown) =>
    value instanceof Uint8Array ? toHex(value) : typeof value === "bigint" ? String(value) : value,
  );
}

/** Text that somebody else wrote, without what a terminal would take for a command. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}]/gu, "\u{FFFD}");
}
