/** Reports of what was said in a small realm. */

import {
  type AccountId,
  type Evidence,
  encodeHeadLayer,
  type HeadLayer,
  headLayerHash,
  type WordsItem,
  type WordsLayer,
} from "@sotto/protocol";
import { type Device, evidenceOf, type Sent, type SmallRealm, secretOf } from "./realm.js";

/** Who reports whom. */
interface Parties {
  readonly reporter: AccountId;
  readonly accused: Device;
}

/** A report before it is sealed, and the evidence it was made of. */
export interface SmallReport {
  readonly heads: HeadLayer;
  readonly words: WordsLayer;
  readonly evidence: readonly Evidence[];
  readonly sent: readonly Sent[];
}

/** A report of texts that the accused sent to the reporter. */
export function reportOf(small: SmallRealm, { reporter, accused }: Parties, texts: readonly string[]): SmallReport {
  const sent = texts.map((text) => small.send(accused, reporter, small.text(accused, reporter, text)));
  const evidence = sent.map((one) => evidenceOf(small.check(one, reporter)));
  const heads = headsOf(accused.account, evidence);
  return { heads, words: wordsOf(heads, evidence, sent), evidence, sent };
}

/** Layer A over some evidence, all of it reported. */
export function headsOf(accused: AccountId, evidence: readonly Evidence[]): HeadLayer {
  return {
    kind: "report",
    category: "harassment",
    accused,
    team: "community",
    teamKey: secretOf("team key").subarray(0, 8),
    items: evidence.map(({ head }) => ({ role: "reported", head })),
  };
}

/** Layer B to a layer A. */
export function wordsOf(heads: HeadLayer, evidence: readonly Evidence[], sent: readonly Sent[]): WordsLayer {
  const headHash = headLayerHash(encodeHeadLayer(heads));
  const items = evidence.map(({ wordsKey }, at) => ({ wordsKey, committed: committedAt(sent, at), blobs: [] }));
  return { headHash, note: "Please look at this.", items };
}

/** One message's words, as they would be reported. */
export function wordsItemOf({ wordsKey }: Evidence, { committed }: Pick<Sent, "committed">): WordsItem {
  return { wordsKey, committed, blobs: [] };
}

function committedAt(sent: readonly Sent[], at: number): Uint8Array {
  const one = sent[at];
  if (one === undefined) throw new Error("every item has words");
  return one.committed;
}
