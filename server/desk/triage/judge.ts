/** What triage makes of an opened layer A: which messages are genuine, and whether the report counts. Pure. */

import {
  type AccountId,
  encodeRecord,
  field,
  type HeadKeys,
  type HeadLayer,
  inspectHeads,
  labelled,
  type Realm,
} from "@sotto/protocol";
import { deskTables, type RowOf } from "../rows.js";

/** One message as triage found it. */
export type JudgedItem = RowOf<"report">["items"][number];

/** A report that was looked at. */
export interface Judgement {
  readonly items: readonly JudgedItem[];
  readonly recorded: RowOf<"verdict">["items"];
  /** `verified` if at least one message that it is about passed every check. */
  readonly trust: "verified" | "unverified";
}

/** Looks at all heads of a report. */
export function judge(layer: HeadLayer, reporter: AccountId, keys: HeadKeys): Judgement {
  const verdicts = inspectHeads(layer, reporter, keys);
  const items: JudgedItem[] = [];
  const recorded: RowOf<"verdict">["items"][number][] = [];
  for (const [index, { role, head }] of layer.items.entries()) {
    const verdict = verdicts[index];
    if (verdict === undefined) continue;
    const { account, device, acceptedMs, wordsHash } = head;
    const isVerified = verdict.kind === "verified";
    const found = isVerified ? "verified" : verdict.reason;
    const dedupe = isVerified ? verdict.dedupe : undefined;
    items.push({ role, account, device, acceptedMs, verdict: found, dedupe });
    recorded.push({ verdict: found, acceptedMs, wordsHash, dedupe });
  }
  const counts = items.some(
    ({ role, verdict }) => verdict === "verified" && (layer.kind !== "report" || role === "reported"),
  );
  return { items, recorded, trust: counts ? "verified" : "unverified" };
}

const unsigned = field.record({ it: deskTables.verdict.value });

/** What the desk signs of a verdict record. */
export function verdictText(realm: Realm, record: Omit<RowOf<"verdict">, "signature">): Uint8Array {
  return labelled(
    "frank1/verdict",
    realm,
    encodeRecord(unsigned, { it: { ...record, signature: new Uint8Array(64) } }),
  );
}
