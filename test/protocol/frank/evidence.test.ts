import {
  type AccountId,
  type ConversationId,
  decodeEvidence,
  encodeEvidence,
  groupRoster,
  limits,
  MAX_EVIDENCE_BYTES,
  toHex,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { accountOf, evidenceOf, SmallRealm, secretOf } from "../../support/franking/realm.js";
import { refusal } from "../refusal.js";

const small = new SmallRealm();
const sender = small.device("S");
const me = accountOf("A");
const content = small.text(sender, me, "hello");

describe("evidence", () => {
  test("of a DM reads back as it was, with the words kept beside it and not in it", () => {
    const evidence = evidenceOf(small.check(small.send(sender, me, content), me));
    const bytes = encodeEvidence(evidence);
    expect(decodeEvidence(bytes)).toEqual(evidence);
    expect(Buffer.from(bytes).includes("hello")).toBe(false);
    expect(bytes.length).toBeLessThan(450);
  });

  test("of the largest group fits its bound, the last member's too", () => {
    const members = Array.from({ length: limits.groupAccounts.value }, (_, at) => accountOf(`${at}`));
    const group = toHex(secretOf("group").subarray(0, 16)) as ConversationId;
    const roster = groupRoster(small.realm, { group, revision: 1, head: secretOf("head") }, members);
    const sent = small.send(sender, { kind: "group", roster }, { ...content, conversation: group, revision: 1 });
    for (const member of [members[0], members.at(-1)] as AccountId[]) {
      const evidence = evidenceOf(small.check(sent, member));
      const bytes = encodeEvidence(evidence);
      expect(decodeEvidence(bytes)).toEqual(evidence);
      expect(bytes.length).toBeLessThanOrEqual(MAX_EVIDENCE_BYTES);
    }
  });

  test("is refused cut short anywhere, or with a byte behind it", () => {
    const bytes = encodeEvidence(evidenceOf(small.check(small.send(sender, me, content), me)));
    for (let end = 0; end < bytes.length; end++)
      expect(refusal(() => decodeEvidence(bytes.subarray(0, end)))).toBe("badFrame");
    expect(refusal(() => decodeEvidence(Uint8Array.of(...bytes, 0)))).toBe("badFrame");
  });

  test("with a path longer than any roster has is not written", () => {
    const evidence = evidenceOf(small.check(small.send(sender, me, content), me));
    const path = Array.from({ length: 11 }, () => ({ side: "left", hash: secretOf("x") }) as const);
    expect(refusal(() => encodeEvidence({ ...evidence, head: { ...evidence.head, path } }))).toBe("invalidArgument");
  });
});
