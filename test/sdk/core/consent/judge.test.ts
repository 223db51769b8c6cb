/** Every relation, policy and payload: what the receiving side makes of it. */

import {
  type Content,
  type FirstContactPolicy,
  firstContactPolicies,
  type Payload,
  type Relation,
  relations,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { type Asking, judge } from "../../../../sdk/core/consent/judge.js";
import { conversationId, device, messageId, peer } from "../people.js";

const header = {
  ...{ sender: peer, device, conversation: conversationId, messageId: messageId(1), counter: 1 },
  ...{ sentAtMs: 1, seen: [] },
};
const target = messageId(2);
const bytes = new Uint8Array(16);

/** One content of each kind, and of a kind that is not known here. */
const contents: Readonly<Record<string, Content>> = {
  text: { ...header, kind: "text", text: "hello" },
  reply: { ...header, kind: "reply", text: "hello", quoted: target, quotedHash: new Uint8Array(32) },
  edit: { ...header, kind: "edit", target, text: "hello" },
  reaction: { ...header, kind: "reaction", target, emoji: "+", action: "add" },
  delete: { ...header, kind: "delete", target },
  receipt: { ...header, kind: "receipt", receipt: "read", targets: [target] },
  typing: { ...header, kind: "typing", typing: "started" },
  profile: { ...header, kind: "profile", name: "a name" },
  custom: { ...header, kind: "custom", schema: "picture", data: bytes },
  unsupported: { ...header, kind: "unsupported", kindNumber: 999, body: bytes },
};

/** One payload of each type that another account may send. */
const words: readonly Payload[] = [
  { type: "contact", profileKey: new Uint8Array(32) },
  { type: "retry", envelopes: [bytes] },
  { type: "unavailable", envelopes: [bytes] },
  { type: "nothing", resendOf: bytes },
  { type: "missed", atMs: 1 },
  { type: "invitation", group: { id: conversationId, revision: 1, head: new Uint8Array(32) }, body: bytes },
];

type Said = Pick<Asking, "payload" | "content">;
const contentOf = (content: Content): Said => ({ payload: { type: "content", content: bytes }, content });
const said: readonly (readonly [string, Said])[] = [
  ...Object.entries(contents).map(([kind, content]) => [kind, contentOf(content)] as const),
  ...words.map((payload) => [payload.type, { payload }] as const),
];

/** What becomes of something, in one word: the relation it leaves where it is taken, else why it is not. */
function becomes(asking: Asking): string {
  const verdict = judge(asking);
  switch (verdict.kind) {
    case "take":
      return `take: ${verdict.relation}`;
    case "request":
      return "request";
    case "drop":
      return `drop: ${verdict.why}`;
    default:
      return verdict satisfies never;
  }
}

/** The rule, in other words than the code's. */
function expected(relation: Relation, policy: FirstContactPolicy, what: string): string {
  const isWord = words.some(({ type }) => type === what);
  // To be invited somewhere is no answer to what was asked, and asks by itself.
  const isInvitation = what === "invitation";
  const isRepair = isWord && what !== "contact" && !isInvitation;
  if (relation === "accepted") return "take: accepted";
  if (relation === "sent") return isRepair || isInvitation ? "take: sent" : "take: accepted";
  if (relation === "received") return "drop: pending";
  if (relation === "declined") return "drop: declined";
  if (relation === "blocked") return "drop: blocked";
  if (policy === "contacts" || policy === "nobody") return "drop: policy";
  if (what === "text" || what === "contact" || isInvitation) return "request";
  return isRepair ? "drop: notAsked" : "drop: notText";
}

describe("judge", () => {
  for (const relation of relations) {
    for (const policy of firstContactPolicies) {
      it.each(said)(`${relation}, ${policy}: %s`, (what, { payload, content }) => {
        expect(becomes({ relation, policy, payload, content })).toBe(expected(relation, policy, what));
      });
    }
  }

  it.each(["sent", "state", "archive", "archived", "groups"] as const)(
    "takes %s from no other account, not even a contact",
    (type) => {
      const payload: Payload =
        type === "sent" ? { type, peer, atMs: 1, content: bytes } : { type, body: new Uint8Array(0) };
      for (const relation of relations) {
        expect(becomes({ relation, policy: "everyone", payload })).toBe("drop: notOwn");
      }
    },
  );

  it("takes the one text of a request of which only the fact is known, and nothing else", () => {
    for (const [what, one] of said) {
      const verdict = becomes({ relation: "received", policy: "everyone", words: "awaited", ...one });
      expect([what, verdict]).toEqual([what, expectedOfAwaited(what)]);
    }
  });
});

function expectedOfAwaited(what: string): string {
  if (what === "text") return "request";
  return words.some(({ type }) => type === what) ? "drop: pending" : "drop: notText";
}
