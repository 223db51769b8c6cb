/** The triage worker: opens what says who and when, checks it without a word, leaves a verdict record, and files the report. */

import { decodeHeadLayer, type HeadKeys, type HeadLayer, layerContext, toHex } from "@sotto/protocol";
import { isSoundKey, verifySignature } from "../keys/ed25519.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { RowOf } from "../rows.js";
import type { Draft, Work } from "../work.js";
import { type Filed, file } from "./filing.js";
import { isKnown } from "./intake.js";
import { type Judgement, judge, verdictText } from "./judge.js";
import { monthOf } from "./month.js";

/** Reports that are in memory at once: each is up to two megabytes. */
const PAGE = 4;

/** What triage works on. */
export interface TriageParts {
  readonly work: Work;
  readonly keys: KeyRing;
}

/** Triages everything that came. What fails holds up nothing behind it, and is tried again the next time. Rejects then. */
export async function triageAll(parts: TriageParts): Promise<void> {
  const { tables } = parts.work.parts;
  const failed: unknown[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await tables.untriaged.some("", after === undefined ? { limit: PAGE } : { after, limit: PAGE });
    for (const { key, value } of page) {
      await parts.work.run((draft) => triage(parts, draft, key, value)).catch((cause) => failed.push(cause));
    }
    after = page.at(-1)?.key;
    if (after === undefined) break;
  }
  if (failed.length > 0) throw failed[0];
}

/** What checks heads at a time: the keys that are still held, and nothing else. */
export function headKeysOf(keys: KeyRing, nowMs: number): HeadKeys {
  return {
    realm: keys.realm,
    accountKey: (epoch) => keys.accountKey(epoch),
    stampKey: (epoch) => keys.stampKey(epoch),
    revokedAfterMs: (epoch) => keys.revokedAfterMs(epoch),
    isSoundKey,
    verify: verifySignature,
    nowMs,
  };
}

async function triage(parts: TriageParts, draft: Draft, key: string, report: RowOf<"untriaged">): Promise<void> {
  const { tables, now, settings, random } = parts.work.parts;
  const { keys } = parts;
  draft.changes.push(tables.untriaged.drop(key));
  // Two that came with one id: the first has it.
  if (await isKnown(tables, { report: report.id, receivedMs: report.receivedMs })) return;
  const context = layerContext(keys.realm, { id: report.id, reporter: report.reporter, layer: "heads" });
  const opened = keys.openTriage(context, report.heads);
  const layer = opened === undefined ? undefined : parsed(opened);
  if (opened === undefined || layer === undefined) {
    record(parts, draft, report, { trust: "unreadable" });
    return;
  }
  const judgement = judge(layer, report.reporter, headKeysOf(keys, now()));
  const filing = { report, layer, opened, judgement };
  const trust = await file({ tables, settings, nowMs: now(), newId: () => toHex(random(16)) }, draft, filing);
  record(parts, draft, report, { trust, layer, judgement });
}

/** The verdict record, which outlives every key. */
function record(
  { keys, work }: TriageParts,
  draft: Draft,
  { id, reporter, receivedMs }: RowOf<"untriaged">,
  found: { readonly trust: Filed; readonly layer?: HeadLayer; readonly judgement?: Judgement },
): void {
  const { trust, layer, judgement } = found;
  const about = layer === undefined ? {} : { accused: layer.accused, category: layer.category, kind: layer.kind };
  const verdict = { report: id, reporter, receivedMs, trust, ...about, items: judgement?.recorded ?? [] };
  const signature = keys.signer.sign(verdictText(keys.realm, verdict));
  const { tables } = work.parts;
  draft.changes.push(tables.verdict.put(`${monthOf(receivedMs)}/${toHex(id)}`, { ...verdict, signature }));
  draft.log.push({ by: "desk", what: "triaged", about: toHex(id), detail: { trust } });
}

function parsed(opened: Uint8Array): HeadLayer | undefined {
  try {
    return decodeHeadLayer(opened);
  } catch {
    return undefined;
  }
}
