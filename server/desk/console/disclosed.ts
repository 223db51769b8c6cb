/**
 * Opening what was reported, in the browser: layer B with the team's key, bound to layer A by its hash, and each message's words checked
 * against what the accused signed. Pure; the desk never sees any of what comes out.
 */

import {
  type AccountId,
  accountIdFromBytes,
  accountIdToBytes,
  type CommittedContent,
  decodeHeadLayer,
  decodeWordsLayer,
  fromHex,
  type HeadLayer,
  headLayerHash,
  type InspectionRefusal,
  type ItemRole,
  inspectWords,
  layerContext,
  type ReportCategory,
  type ReportKind,
  type SealKeys,
  seal,
  toHex,
  unseal,
  type WordsItem,
  type WordsLayer,
} from "@sotto/protocol";
import type { ItemVerdict, Opening } from "../api.js";
import { fromBase64 } from "../base64.js";

const NOTHING = new Uint8Array(0);
type OpeningReport = Opening["reports"][number];
/** What finds and opens one blob. */
export type BlobKey = WordsItem["blobs"][number];

/** One disclosed message: who, when, and its words where they are the ones that were committed to. */
export interface Disclosed {
  /** Report and place in it. */
  readonly key: string;
  readonly report: string;
  readonly role: ItemRole;
  readonly account: string;
  readonly device: number;
  readonly acceptedMs: number;
  /** What triage found without the words; the words themselves were checked here. */
  readonly proof: "verified" | InspectionRefusal;
  readonly words:
    | { readonly kind: "shown"; readonly content: CommittedContent; readonly blobs: ReadonlyMap<number, BlobKey> }
    | { readonly kind: "refused"; readonly reason: InspectionRefusal };
}

/** A report whose words were opened, or why they do not open. */
export interface OpenedReport {
  readonly report: string;
  readonly reporter: string;
  readonly kind: ReportKind;
  readonly outcome:
    | {
        readonly kind: "open";
        readonly category: ReportCategory;
        readonly accused: string;
        readonly note: string;
        readonly items: readonly Disclosed[];
      }
    | { readonly kind: "closed"; readonly reason: "noKey" | "notForUs" | "otherHeads" | "unreadable" };
}

/** Opens every report of an opening with the keys that are held. */
export function openReports(opening: Opening, keyOf: (keyId: string) => SealKeys | undefined): readonly OpenedReport[] {
  return opening.reports.map((one) => ({
    report: one.report,
    reporter: one.reporter,
    kind: one.kind,
    outcome: openReport(opening.realm, one, keyOf(one.teamKey)),
  }));
}

/** Overwrites the keys of attachments in what was opened. Words are strings, which only the browser can take away. */
export function wipeReports(reports: readonly OpenedReport[]): void {
  for (const { outcome } of reports) {
    if (outcome.kind !== "open") continue;
    for (const { words } of outcome.items) {
      if (words.kind === "shown") for (const blob of words.blobs.values()) blob.key.fill(0);
    }
  }
}

/** The plaintext of layer B; `undefined` if it does not open. */
function openWords(realm: string, report: OpeningReport, key: SealKeys): Uint8Array | undefined {
  const heads = fromBase64(report.heads);
  const words = fromBase64(report.words);
  if (heads === undefined || words === undefined) return undefined;
  return unseal(key.secretKey, wordsContext(realm, report, heads), words);
}

/**
 * Layer B of a report, sealed anew to another team's key. Of words that do not open with the key they are said to be sealed to there is
 * nothing to hand on: they become empty ones, which open as unreadable, so that nobody can keep a case in one team by sending garbage.
 */
export function resealWords(realm: string, report: OpeningReport, key: SealKeys, to: Uint8Array): Uint8Array {
  const heads = fromBase64(report.heads) ?? NOTHING;
  const words = openWords(realm, report, key);
  const sealed = seal(to, wordsContext(realm, report, heads), words ?? NOTHING);
  words?.fill(0);
  return sealed;
}

/** What layer B of a report is sealed for, whichever team's key it is sealed to. */
export function wordsContext(
  realm: string,
  { report, reporter }: Pick<OpeningReport, "report" | "reporter">,
  heads: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const account = accountIdFromBytes(fromHex(reporter.replaceAll("-", "")));
  const about = { id: fromHex(report), reporter: account, layer: "words", headHash: headLayerHash(heads) } as const;
  return layerContext(fromHex(realm), about);
}

function openReport(realm: string, report: OpeningReport, key: SealKeys | undefined): OpenedReport["outcome"] {
  if (key === undefined) return { kind: "closed", reason: "noKey" };
  const heads = fromBase64(report.heads);
  const opened = openWords(realm, report, key);
  if (heads === undefined || opened === undefined) return { kind: "closed", reason: "notForUs" };
  const layers = decoded(heads, opened);
  if (layers === undefined || layers.words.items.length !== layers.heads.items.length)
    return { kind: "closed", reason: "unreadable" };
  if (toHex(layers.words.headHash) !== toHex(headLayerHash(heads))) return { kind: "closed", reason: "otherHeads" };
  const { accused, category } = layers.heads;
  return {
    kind: "open",
    category,
    accused: hexOf(accused),
    note: layers.words.note,
    items: itemsOf(realm, report, layers),
  };
}

function itemsOf(
  realm: string,
  { report, verdicts }: OpeningReport,
  { heads, words }: { readonly heads: HeadLayer; readonly words: WordsLayer },
): readonly Disclosed[] {
  return heads.items.map((item, index) => {
    const { device, acceptedMs } = item.head;
    const account = hexOf(item.head.account);
    const verdict: ItemVerdict["verdict"] = verdicts[index]?.verdict ?? "malformed";
    const said = words.items[index];
    const checked = said === undefined ? undefined : inspectWords(said, item, fromHex(realm));
    return {
      ...{ key: `${report}/${index}`, report, role: item.role, account, device, acceptedMs, proof: verdict },
      words:
        checked?.kind === "verified"
          ? { kind: "shown", content: checked.content, blobs: checked.blobs }
          : { kind: "refused", reason: checked?.reason ?? "malformed" },
    };
  });
}

/** An account as the desk writes it: hex digits without dashes. */
function hexOf(account: AccountId): string {
  return toHex(accountIdToBytes(account));
}

function decoded(
  heads: Uint8Array,
  words: Uint8Array,
): { readonly heads: HeadLayer; readonly words: WordsLayer } | undefined {
  try {
    return { heads: decodeHeadLayer(heads), words: decodeWordsLayer(words) };
  } catch {
    // Both are strict and throw for anything that is not the one spelling of a layer.
    return undefined;
  }
}
