/**
 * Whether a report is genuine: the desk's checks again, on a file, with the desk's keys and without its rows. Pure.
 *
 * It says so to whoever runs it with these keys, and to nobody else: who holds them could have made the report.
 */

import {
  decodeHeadLayer,
  decodeSealedReport,
  decodeWordsLayer,
  equalBytes,
  type HeadItem,
  type HeadLayer,
  headLayerHash,
  type InspectionRefusal,
  inspectHeads,
  inspectWords,
  layerContext,
  type SealedReport,
  sealKeysOf,
  toHex,
  unseal,
  type WordsLayer,
} from "@sotto/protocol";
import { teamKeyContext } from "../person-key.js";
import { headKeysOf, type VerifyKeys } from "./keys.js";

/** What was found of one disclosed message. */
export interface ItemFinding {
  readonly role: HeadItem["role"];
  readonly account: string;
  readonly device: number;
  readonly acceptedMs: number;
  readonly head: "verified" | InspectionRefusal;
  /** `notOpened` without a key that opens the words. */
  readonly words: "verified" | "notOpened" | InspectionRefusal;
  /** What the message says; only of verified words. */
  readonly content: unknown;
}

/** What was found of a report. */
export type ReportFinding =
  | { readonly kind: "unreadable"; readonly why: string }
  | {
      readonly kind: "read";
      readonly report: string;
      readonly reporter: string;
      readonly receivedMs: number;
      readonly about: Pick<HeadLayer, "kind" | "category" | "accused">;
      readonly note: string | undefined;
      readonly words: "opened" | "noKey" | "notTheseHeads";
      readonly items: readonly ItemFinding[];
    };

/** What a report is verified with. `box` is the secret half of somebody's box, where the words are to be opened too. */
export interface VerifyOptions {
  readonly keys: VerifyKeys;
  readonly box?: Uint8Array;
  /** A report is judged as of when it came, but not as of later than this. */
  readonly nowMs: number;
}

/** Looks at an exported report. Rejects nothing: what is wrong with it is what it answers. */
export function verifyReport(file: Uint8Array, { keys, box, nowMs }: VerifyOptions): ReportFinding {
  const report = reading(() => decodeSealedReport(file));
  if (report === undefined) return { kind: "unreadable", why: "It is no exported report." };
  const encoded = openHeads(report, keys);
  if (encoded === undefined) {
    return { kind: "unreadable", why: "No triage key opens it: another desk's, changed, or older than the keys." };
  }
  const layer = reading(() => decodeHeadLayer(encoded));
  if (layer === undefined) return { kind: "unreadable", why: "What it says of who and when does not parse." };
  const verdicts = inspectHeads(layer, report.reporter, headKeysOf(keys, Math.min(nowMs, report.receivedMs)));
  const opened = box === undefined ? undefined : openWords(report, encoded, { keys, box, items: layer.items.length });
  const words = opened?.kind === "opened" ? opened.words : undefined;
  return {
    kind: "read",
    report: toHex(report.id),
    reporter: report.reporter,
    receivedMs: report.receivedMs,
    about: { kind: layer.kind, category: layer.category, accused: layer.accused },
    note: words?.note,
    words: opened?.kind ?? "noKey",
    items: layer.items.map((item, index) => {
      const verdict = verdicts[index];
      const said = words?.items[index];
      const found = said === undefined ? undefined : inspectWords(said, item, keys.realm);
      const { account, device, acceptedMs } = item.head;
      return {
        role: item.role,
        account,
        device,
        acceptedMs,
        head: verdict?.kind === "verified" ? "verified" : (verdict?.reason ?? "malformed"),
        words: found === undefined ? "notOpened" : found.kind === "verified" ? "verified" : found.reason,
        content: found?.kind === "verified" ? found.content : undefined,
      };
    }),
  };
}

/** Whether everything that was looked at is genuine. */
export function isGenuine(finding: ReportFinding): boolean {
  if (finding.kind === "unreadable" || finding.items.length === 0) return false;
  if (finding.words === "notTheseHeads") return false;
  return finding.items.every(
    ({ head, words }) => head === "verified" && (words === "verified" || words === "notOpened"),
  );
}

function openHeads({ id, reporter, heads }: SealedReport, { realm, triage }: VerifyKeys): Uint8Array | undefined {
  const context = layerContext(realm, { id, reporter, layer: "heads" });
  for (const seed of triage) {
    const opened = unseal(sealKeysOf(seed).secretKey, context, heads);
    if (opened !== undefined) return opened;
  }
  return undefined;
}

type OpenedWords =
  | { readonly kind: "opened"; readonly words: WordsLayer }
  | { readonly kind: "noKey" | "notTheseHeads" };

function openWords(
  { id, reporter, words }: SealedReport,
  heads: Uint8Array,
  {
    keys: { realm, teamKeys },
    box,
    items,
  }: { readonly keys: VerifyKeys; readonly box: Uint8Array; readonly items: number },
): OpenedWords {
  const headHash = headLayerHash(heads);
  const context = layerContext(realm, { id, reporter, layer: "words", headHash });
  for (const { team, publicKey, sealed } of teamKeys) {
    const seed = unseal(box, teamKeyContext(toHex(realm), team, publicKey), sealed);
    const opened = seed?.length === 32 ? unseal(sealKeysOf(seed).secretKey, context, words) : undefined;
    const layer = opened === undefined ? undefined : reading(() => decodeWordsLayer(opened));
    if (layer === undefined) continue;
    const isTheirs = equalBytes(layer.headHash, headHash) && layer.items.length === items;
    return isTheirs ? { kind: "opened", words: layer } : { kind: "notTheseHeads" };
  }
  return { kind: "noKey" };
}

/** What a parser reads, or `undefined` for what it refuses. */
function reading<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
