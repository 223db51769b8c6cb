/** A report, sealed for triage and for a team. */

import {
  type AccountId,
  encodeHeadLayer,
  encodeWordsLayer,
  headLayerHash,
  layerContext,
  seal,
  sealKeysOf,
} from "@sotto/protocol";
import { type Device, type SmallRealm, secretOf } from "./realm.js";
import { reportOf } from "./reports.js";

/** A sealed report of one message with all keys and contexts. */
export function sealedReportOf(
  small: SmallRealm,
  accused: Device,
  reporter: AccountId,
  id = secretOf("report id").subarray(0, 16),
) {
  const report = reportOf(small, { reporter, accused }, ["words that were said"]);
  const triage = sealKeysOf(secretOf("triage"));
  const team = sealKeysOf(secretOf("team"));
  const encoded = { heads: encodeHeadLayer(report.heads), words: encodeWordsLayer(report.words) };
  const headHash = headLayerHash(encoded.heads);
  const { realm } = small;
  const contexts = {
    heads: layerContext(realm, { id, reporter, layer: "heads" }),
    words: layerContext(realm, { id, reporter, layer: "words", headHash }),
  };
  const sealed = {
    heads: seal(triage.publicKey, contexts.heads, encoded.heads),
    words: seal(team.publicKey, contexts.words, encoded.words),
  };
  return { report, triage, team, encoded, contexts, sealed, id };
}
