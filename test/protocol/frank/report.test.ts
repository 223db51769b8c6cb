import {
  encodeHeadLayer,
  encodeWordsLayer,
  firstTeam,
  headLayerHash,
  layerContext,
  limits,
  noteContext,
  reportCategories,
  seal,
  sealKeysOf,
  unseal,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { accountOf, holds, SmallRealm, secretOf } from "../../support/franking/realm.js";
import { reportOf } from "../../support/franking/reports.js";
import { refusal } from "../refusal.js";
import { hex } from "../spelling.js";

const small = new SmallRealm();
const sender = small.device("S");
const me = accountOf("A");
const { heads, words, evidence } = reportOf(small, { reporter: me, accused: sender }, ["one", "two"]);
const id = secretOf("report").subarray(0, 16);

describe("the contexts of a report's layers", () => {
  test("are another one for another realm, report, reporter, layer or head layer", () => {
    const report = { id, reporter: me, layer: "words", headHash: headLayerHash(encodeHeadLayer(heads)) } as const;
    const contexts = [
      layerContext(small.realm, report),
      layerContext(new SmallRealm("other").realm, report),
      layerContext(small.realm, { ...report, id: secretOf("x").subarray(0, 16) }),
      layerContext(small.realm, { ...report, reporter: sender.account }),
      layerContext(small.realm, { ...report, layer: "heads" }),
      layerContext(small.realm, { ...report, headHash: secretOf("x") }),
      layerContext(small.realm, { id, reporter: me, layer: "heads" }),
      noteContext(small.realm, me, id),
    ].map(hex);
    expect(new Set(contexts).size).toBe(contexts.length);
  });

  test("keep the words shut beside any other heads", () => {
    const keys = sealKeysOf(secretOf("team"));
    const contextOf = (layer: typeof heads) =>
      layerContext(small.realm, { id, reporter: me, layer: "words", headHash: headLayerHash(encodeHeadLayer(layer)) });
    const sealed = seal(keys.publicKey, contextOf(heads), encodeWordsLayer(words));
    expect(unseal(keys.secretKey, contextOf(heads), sealed)).toBeDefined();
    expect(unseal(keys.secretKey, contextOf({ ...heads, items: heads.items.slice(1) }), sealed)).toBeUndefined();
    expect(unseal(keys.secretKey, contextOf({ ...heads, category: "other" }), sealed)).toBeUndefined();
  });
});

describe("a report", () => {
  test("says to triage no word and nothing that opens one", () => {
    const layer = Buffer.from(encodeHeadLayer(heads));
    for (const { wordsKey } of evidence) expect(holds(layer, wordsKey)).toBe(false);
    expect(layer.includes("one")).toBe(false);
  });

  test("of one message fills one step of 4 KiB a layer", () => {
    const single = reportOf(small, { reporter: me, accused: sender }, ["one"]);
    const keys = sealKeysOf(secretOf("team"));
    expect(seal(keys.publicKey, id, encodeHeadLayer(single.heads)).length).toBe(5_264);
    expect(seal(keys.publicKey, id, encodeWordsLayer(single.words)).length).toBe(5_264);
  });

  test("of more messages than are allowed is not written", () => {
    const [item] = heads.items;
    if (item === undefined) throw new Error("an item");
    const items = Array.from({ length: limits.reportItems.value + 1 }, () => item);
    expect(refusal(() => encodeHeadLayer({ ...heads, items }))).toBe("invalidArgument");
  });
});

test("child safety goes to its own team, everything else to the community's first", () => {
  for (const category of reportCategories)
    expect(firstTeam(category)).toBe(category === "childSafety" ? "safety" : "community");
});
