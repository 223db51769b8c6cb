/** One message as the console shows it, its head and its words checked. */

import { type Evidence, type HeadItem, type ItemRole, inspectHead, inspectWords } from "@sotto/protocol";
import type { Disclosed } from "../../../server/desk/console/disclosed.js";
import type { Sent, SmallRealm } from "./realm.js";
import { wordsItemOf } from "./reports.js";

/** What a moderator sees of a reported message. */
export function disclosedOf(
  small: SmallRealm,
  evidence: Evidence,
  sent: Sent,
  place: number,
  role: ItemRole = "reported",
): Disclosed {
  const { head } = evidence;
  const item: HeadItem = { role, head };
  const verdict = inspectHead(head, small.headKeys());
  const words = inspectWords(wordsItemOf(evidence, sent), item, small.realm);
  return {
    key: `report/${place}`,
    report: "report",
    role,
    account: head.account,
    device: head.device,
    acceptedMs: head.acceptedMs,
    proof: verdict.kind === "verified" ? "verified" : verdict.reason,
    words:
      words.kind === "verified"
        ? { kind: "shown", content: words.content, blobs: words.blobs }
        : { kind: "refused", reason: words.reason },
  };
}
