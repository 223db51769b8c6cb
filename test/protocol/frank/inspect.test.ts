import {
  accountIdToBytes,
  blobCommitment,
  type ConversationId,
  directConversationId,
  EPOCH_MS,
  type FrankHead,
  groupRoster,
  type HeadKeys,
  type ItemRole,
  inspectHead,
  inspectHeads,
  inspectWords,
  parseDeviceId,
  REPORT_WINDOW_MS,
  toHex,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { accountOf, EPOCH, evidenceOf, NOW_MS, SmallRealm, secretOf } from "../../support/franking/realm.js";
import { headsOf, wordsItemOf } from "../../support/franking/reports.js";

const small = new SmallRealm();
const accused = small.device("S");
const reporter = small.device("A");
const me = reporter.account;
const sent = small.send(accused, me, small.text(accused, me, "words"));
const evidence = evidenceOf(small.check(sent, me));
const { head } = evidence;
const verdictOf = (changed: Partial<FrankHead>, keys: Partial<HeadKeys> = {}) => {
  const verdict = inspectHead({ ...head, ...changed }, small.headKeys(keys));
  return verdict.kind === "verified" ? "verified" : verdict.reason;
};

describe("a head", () => {
  test("is verified with the time, the words' hash, and one mark for all reports of the same message", () => {
    const verdict = inspectHead(head, small.headKeys());
    expect(verdict).toMatchObject({ kind: "verified", acceptedMs: NOW_MS, wordsHash: head.wordsHash });
    expect(inspectHead(head, small.headKeys())).toEqual(verdict);
  });

  test.each<[string, Partial<FrankHead>, string]>([
    ["another account", { account: accountOf("B") }, "notIssued"],
    ["another device", { device: parseDeviceId(9) }, "notIssued"],
    ["another epoch", { epoch: EPOCH - 1 }, "notIssued"],
    ["another key", { publicKey: reporter.key.publicKey }, "notIssued"],
    ["an invented tag", { accountTag: secretOf("tag") }, "notIssued"],
    ["other words", { wordsHash: secretOf("words") }, "notSigned"],
    ["another recipient", { recipient: accountOf("B") }, "notSigned"],
    ["another salt", { salt: secretOf("salt") }, "notSigned"],
    ["a longer path", { path: [{ side: "left", hash: secretOf("x") }] }, "notSigned"],
    ["another signature", { signature: new Uint8Array(64) }, "notSigned"],
    ["another outer key", { outerKey: secretOf("key") }, "notStamped"],
    ["another token MAC", { tokenMac: secretOf("mac") }, "notStamped"],
    ["another time", { acceptedMs: NOW_MS + 1 }, "notStamped"],
    ["another account's stamp", { stampedFor: accountIdToBytes(accountOf("B")) }, "notStamped"],
    ["an invented stamp", { stamp: new Uint8Array(16) }, "notStamped"],
  ])("with %s is refused", (_why, changed, reason) => {
    expect(verdictOf(changed)).toBe(reason);
  });

  test.each<[string, Partial<HeadKeys>, string]>([
    ["the account key is gone", { accountKey: () => undefined }, "keyGone"],
    ["the stamp key is gone", { stampKey: () => undefined }, "keyGone"],
    ["its window has passed, whatever keys are left", { nowMs: NOW_MS + REPORT_WINDOW_MS + 1 }, "keyGone"],
    ["the key is of small order", { isSoundKey: () => false }, "weakKey"],
    ["its epoch was revoked before", { revokedAfterMs: () => NOW_MS - 1 }, "epoch"],
  ])("is refused when %s", (_why, keys, reason) => {
    expect(verdictOf({}, keys)).toBe(reason);
  });

  test("counts until the last moment of its window, and if its epoch was revoked only later", () => {
    expect(verdictOf({}, { nowMs: NOW_MS + REPORT_WINDOW_MS })).toBe("verified");
    expect(verdictOf({}, { revokedAfterMs: () => NOW_MS })).toBe("verified");
  });

  test("that the relay took outside of its token's epoch is refused, though stamped", () => {
    const late = small.send(accused, me, sent.content, { acceptedMs: (EPOCH + 1) * EPOCH_MS + 600_000 });
    const stamp = small.stampFor(me, late);
    expect(verdictOf({ acceptedMs: late.acceptedMs, stamp }, { nowMs: late.acceptedMs })).toBe("epoch");
  });
});

describe("the heads of a report", () => {
  const own = small.send(reporter, accused.account, small.text(reporter, accused.account, "mine"));
  const ownHead = evidenceOf(
    small.check(own, me, {
      stampedFor: accountIdToBytes(accused.account),
      stamp: small.stampFor(accused.account, own),
    }),
  ).head;
  const third = small.device("T");
  const fromThird = small.send(third, me, small.text(third, me, "third"));
  const thirdHead = evidenceOf(small.check(fromThird, me)).head;
  const toOther = small.send(accused, third.account, small.text(accused, third.account, "elsewhere"));
  const otherHead = evidenceOf(small.check(toOther, third.account)).head;
  const ownToThird = small.send(reporter, third.account, small.text(reporter, third.account, "mine, elsewhere"));
  const stampedFor = accountIdToBytes(third.account);
  const elsewhere = evidenceOf(
    small.check(ownToThird, me, { stampedFor, stamp: small.stampFor(third.account, ownToThird) }),
  ).head;

  test.each<[string, ItemRole, FrankHead, string]>([
    ["what the accused sent to the reporter", "reported", head, "verified"],
    ["what somebody else sent, as reported", "reported", thirdHead, "severalAccused"],
    ["what the accused sent to somebody else", "reported", otherHead, "notTheirs"],
    ["what others sent, as context", "context", thirdHead, "verified"],
    ["what the accused sent, as context", "context", head, "verified"],
    ["somebody else's mail, as context", "context", otherHead, "notTheirs"],
    ["the reporter's own words to the accused", "own", ownHead, "verified"],
    ["the reporter's own words, as context of others", "context", ownHead, "notTheirs"],
    ["the reporter's own words to a third", "own", elsewhere, "notTheirs"],
    ["the accused's words, as the reporter's own", "own", head, "notTheirs"],
  ])("%s", (_why, role, item, expected) => {
    const layer = { ...headsOf(accused.account, []), items: [{ role, head: item }] };
    const [verdict] = inspectHeads(layer, me, small.headKeys());
    expect(verdict?.kind === "refused" ? verdict.reason : verdict?.kind).toBe(expected);
  });

  test("count in their order, each on its own", () => {
    const layer = headsOf(accused.account, [evidence, { ...evidence, head: otherHead }, evidence]);
    expect(inspectHeads(layer, me, small.headKeys()).map(({ kind }) => kind)).toEqual([
      "verified",
      "refused",
      "verified",
    ]);
  });

  test("of an appeal are those of who appeals, to whomever", () => {
    const layer = { ...headsOf(me, []), kind: "appeal", items: [{ role: "own", head: elsewhere }] } as const;
    expect(inspectHeads(layer, me, small.headKeys())[0]?.kind).toBe("verified");
    const notMine = { ...layer, accused: accused.account };
    expect(inspectHeads(notMine, me, small.headKeys())[0]).toEqual({ kind: "refused", reason: "notTheirs" });
  });
});

describe("the words of a message", () => {
  const item = { role: "reported", head } as const;

  test("are those that were committed to", () => {
    expect(inspectWords(wordsItemOf(evidence, sent), item, small.realm)).toMatchObject({
      kind: "verified",
      content: { kind: "text", text: "words", sender: accused.account },
    });
  });

  test("with an attachment left out are verified; with one that is another, refused", () => {
    const blob = { id: secretOf("b").subarray(0, 16), key: secretOf("k"), digest: secretOf("d"), sizeBytes: 10 };
    const { kind: _kind, text: _text, ...header } = small.text(accused, me, "");
    const attachments = [{ ...blob, media: "image", mime: "image/png", expiresMs: 9 } as const];
    const picture = small.send(accused, me, { ...header, kind: "attachments", attachments });
    const kept = evidenceOf(small.check(picture, me));
    const of = { role: "reported", head: kept.head } as const;
    const words = wordsItemOf(kept, picture);
    const shown = (blobs: typeof words.blobs) => inspectWords({ ...words, blobs }, of, small.realm);
    expect(shown([])).toMatchObject({
      kind: "verified",
      content: { attachments: [{ commitment: blobCommitment(blob) }] },
    });
    expect(shown([{ index: 0, ...blob }])).toMatchObject({
      kind: "verified",
      blobs: new Map([[0, { index: 0, ...blob }]]),
    });
    for (const other of [
      { index: 1, ...blob },
      { index: 0, ...blob, key: secretOf("x") },
      { index: 0, ...blob, digest: secretOf("x") },
    ])
      expect(shown([other])).toEqual({ kind: "refused", reason: "blobDiffers" });
  });

  test("of one's own to a group count if they were stamped for that group", () => {
    const group = toHex(secretOf("group").subarray(0, 16)) as ConversationId;
    const roster = groupRoster(small.realm, { group, revision: 1, head: secretOf("h") }, [me, accused.account]);
    const content = { ...small.text(reporter, accused.account, "mine"), conversation: group, revision: 1 };
    const said = small.send(reporter, { kind: "group", roster }, content);
    const keep = (stampedFor: Uint8Array) =>
      evidenceOf(small.check(said, me, { stampedFor, stamp: small.stampFor(stampedFor, said) }));
    const right = keep(secretOf("group").subarray(0, 16));
    const wrong = keep(secretOf("other").subarray(0, 16));
    const reasons = [right, wrong].map((one) => {
      const verdict = inspectWords(wordsItemOf(one, said), { role: "own", head: one.head }, small.realm);
      return verdict.kind === "verified" ? "verified" : verdict.reason;
    });
    expect(reasons).toEqual(["verified", "notTheirs"]);
  });

  test("that name another sender, or are no content at all, are refused though committed to", () => {
    const other = { ...sent.content, sender: me, conversation: directConversationId(me, me) };
    const lied = small.send(accused, me, other);
    const kept = evidenceOf(small.check(lied, me));
    const verdict = inspectWords(wordsItemOf(kept, lied), { role: "reported", head: kept.head }, small.realm);
    expect(verdict).toEqual({ kind: "refused", reason: "notTheirs" });
    const noise = small.send(accused, me, sent.content, { committed: Uint8Array.of(1, 2, 3) });
    const noisy = evidenceOf(small.check(noise, me));
    const second = inspectWords(wordsItemOf(noisy, noise), { role: "reported", head: noisy.head }, small.realm);
    expect(second).toEqual({ kind: "refused", reason: "malformed" });
  });
});
