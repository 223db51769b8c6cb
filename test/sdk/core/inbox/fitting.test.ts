/** Every type of payload on every channel: who may say what where. */

import {
  type AccountId,
  type Content,
  directConversationId,
  encodeContent,
  encodeGroupBody,
  encodeOwnBody,
  encodeRegisters,
  type Payload,
  parseDeviceId,
  payloadTypes,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { type Channel, said } from "../../../../sdk/core/inbox/fitting.js";
import { carol, group, idOf } from "../conversations/members.js";
import { card, location, naming, pictures, poll, vote } from "../conversations/sayings.js";
import { me, messageId, peer } from "../people.js";
import { standing } from "./group-fixture.js";

const device = parseDeviceId(2);
const session: Channel = { kind: "session" };
const senderKey: Channel = { kind: "senderKey", group };
const bytes16 = new Uint8Array(16);
const elsewhere = directConversationId(peer, carol);

/** What an invitation of the peer says. */
function invitationOf(asked: Content["conversation"], over: Partial<Content> = {}): Content {
  const header = { sender: peer, device, counter: 1, sentAtMs: 1, seen: [], messageId: messageId(7) };
  const conversation = directConversationId(me, peer);
  return { ...header, conversation, kind: "invitation", group: asked, title: "Team", ...over } as Content;
}

function words(sender: AccountId, over: Partial<Content> = {}): Uint8Array {
  const header = { sender, device, counter: 1, sentAtMs: 1, seen: [], kind: "text", text: "hi" };
  const between = { conversation: directConversationId(me, peer), messageId: messageId(1) };
  return encodeContent({ ...header, ...between, ...over } as Content);
}
const inGroup = { conversation: group, messageId: idOf(peer, 1), revision: 5 } as const;
const own = { conversation: group, messageId: idOf(me, 1), revision: 5 } as const;

/** One payload of each type as somebody might say it, between two and, where there is such a thing, in a group. */
const between: Readonly<Record<Payload["type"], (sender: AccountId) => Payload>> = {
  content: (sender) => ({ type: "content", content: words(sender) }),
  contact: () => ({ type: "contact", profileKey: new Uint8Array(32) }),
  retry: () => ({ type: "retry", envelopes: [bytes16] }),
  unavailable: () => ({ type: "unavailable", envelopes: [bytes16] }),
  nothing: () => ({ type: "nothing", resendOf: bytes16 }),
  missed: () => ({ type: "missed", atMs: 1 }),
  sent: (sender) => ({ type: "sent", peer: sender === me ? peer : me, atMs: 1, content: words(sender) }),
  state: () => ({ type: "state", body: encodeOwnBody("state", { contacts: [], last: "no" }) }),
  archive: () => ({
    type: "archive",
    body: encodeOwnBody("archive", { transfer: bytes16, part: 0, last: "yes", done: 0, total: 0, entries: [] }),
  }),
  archived: () => ({ type: "archived", body: encodeOwnBody("archived", { transfer: bytes16, part: 0 }) }),
  senderKey: () => ({
    ...{ type: "senderKey", group: standing(5) },
    body: encodeGroupBody("senderKey", { distribution: bytes16, message: Uint8Array.of(1) }),
  }),
  invitation: () => ({
    ...{ type: "invitation", group: standing(5) },
    body: encodeGroupBody("invitation", {
      ...{ epoch: 1, secret: new Uint8Array(32), wrapPrivate: new Uint8Array(32) },
      content: encodeContent(invitationOf(standing(5).id)),
    }),
  }),
  groupChange: () => ({ type: "groupChange", group: standing(5) }),
  groups: () => ({ type: "groups", body: encodeGroupBody("groups", { groups: [] }) }),
  registers: () => ({ type: "registers", body: encodeRegisters([]) }),
};
const amongMembers: Partial<Record<Payload["type"], (sender: AccountId) => Payload>> = {
  content: (sender) => ({ type: "content", content: words(sender, inGroup), group: standing(5) }),
  retry: () => ({ type: "retry", envelopes: [bytes16], group: standing(5) }),
  unavailable: () => ({ type: "unavailable", envelopes: [bytes16], group: standing(5) }),
  nothing: () => ({ type: "nothing", resendOf: bytes16, group: standing(5) }),
  sent: (sender) => ({ type: "sent", group: standing(5), atMs: 1, content: words(sender, own) }),
};

function fits(payload: Payload, sender: AccountId, channel: Channel): string {
  const fitting = said(payload, { account: sender, device }, me, channel);
  return fitting === undefined ? "unfit" : `${fitting.from}: ${fitting.type}`;
}

/** What becomes of each type; behind the comma what it becomes where it says that it is said in a group. */
const contact = {
  ...{ content: "peer: content, member: content", contact: "peer: contact", invitation: "peer: invitation" },
  ...{
    retry: "peer: word, member: word",
    unavailable: "peer: word, member: word",
    nothing: "peer: word, member: word",
  },
  ...{ missed: "peer: word", senderKey: "member: senderKey", groupChange: "member: groupChange" },
};
const ownDevice = {
  ...{ retry: "own: word, own: word", unavailable: "own: word, own: word", nothing: "own: word, own: word" },
  ...{ missed: "own: word", sent: "own: sent, own: sent", state: "own: state", groups: "own: groups" },
  ...{ archive: "own: archive", archived: "own: archived", registers: "own: registers" },
};
const underSenderKey = { content: "unfit, member: content", groupChange: "member: groupChange" };

describe("what may be said", () => {
  it.each<[string, Channel, AccountId, Partial<Record<Payload["type"], string>>]>([
    ["another account in a session", session, peer, contact],
    ["another account under a sender key", senderKey, peer, underSenderKey],
    ["an own device in a session", session, me, ownDevice],
    ["an own device under a sender key", senderKey, me, {}],
  ])("by %s is this, and everything else is unfit", (_who, channel, sender, expected) => {
    for (const type of payloadTypes) {
      const payloads = [between[type], amongMembers[type]].flatMap((make) => make?.(sender) ?? []);
      const found = payloads.map((payload) => fits(payload, sender, channel)).join(", ");
      const unfit = payloads.map(() => "unfit").join(", ");
      expect(`${type} ${found}`).toBe(`${type} ${expected[type] ?? unfit}`);
    }
  });
});

describe("a content in a group", () => {
  const text = (over: Partial<Content>, revision = 5): Payload => ({
    ...{
      type: "content",
      content: words(peer, { ...inGroup, ...over } as Partial<Content>),
      group: standing(revision),
    },
  });

  it.each<[string, Payload]>([
    ["by another account", text({ sender: carol })],
    ["by another device", text({ device: parseDeviceId(3) })],
    ["of another conversation", text({ conversation: elsewhere })],
    ["that claims to have read more than its payload", text({ revision: 6 })],
    ["that says of nothing what its sender had read", text({ revision: undefined })],
    ["with a profile key", { ...text({}), profileKey: new Uint8Array(32) } as Payload],
    ["with a name", { ...text({}), userId: "peer" } as Payload],
    ["that is a receipt", text({ kind: "receipt", receipt: "read", targets: [idOf(me, 1)] } as Partial<Content>)],
    ["that is typing", text({ kind: "typing", typing: "started" } as Partial<Content>)],
    ["that is a name", text({ kind: "profile", name: "Bank" } as Partial<Content>)],
    ["that sets a timer", text({ kind: "timer", durationMs: 5 } as Partial<Content>)],
  ])("%s is unfit", (_what, payload) => {
    expect(fits(payload, peer, senderKey)).toBe("unfit");
    expect(fits(payload, peer, session)).toBe("unfit");
  });

  it.each([pictures, naming, location, card, poll, vote(idOf(me, 1), 0)])("of kind $kind fits", (saying) => {
    expect(fits(text(saying as Partial<Content>), peer, senderKey)).toBe("member: content");
  });

  it("fits if its author had read less of the log than who sends it again", () => {
    expect(fits(text({}, 9), peer, session)).toBe("member: content");
  });

  it("is not what is said between two, and the other way round", () => {
    const named = { type: "content", content: words(peer), group: standing(5) } as const;
    const unnamed = { type: "content", content: words(peer, inGroup) } as const;
    for (const payload of [named, unnamed]) expect(fits(payload, peer, session)).toBe("unfit");
  });

  it("under the sender key of another group is unfit", () => {
    expect(fits(text({}), peer, { kind: "senderKey", group: elsewhere })).toBe("unfit");
  });
});

describe("what an own device sent to a group", () => {
  it("is by it and for that group, or unfit", () => {
    const to = (over: Partial<Content>): Payload => ({
      ...{ type: "sent", group: standing(5), atMs: 1, content: words(me, { ...own, ...over } as Partial<Content>) },
    });
    expect(fits(to({}), me, session)).toBe("own: sent");
    for (const wrong of [{ sender: peer }, { device: parseDeviceId(3) }, { conversation: elsewhere }])
      expect(fits(to(wrong), me, session)).toBe("unfit");
  });
});

describe("a body that does not parse", () => {
  it.each(["senderKey", "invitation", "groups"] as const)("of %s is refused", (type) => {
    const payload = { ...between[type](peer), body: Uint8Array.of(1) } as Payload;
    const sender = type === "groups" ? me : peer;
    expect(() => said(payload, { account: sender, device }, me, session)).toThrow(/badFrame|does not|field|record/);
  });
});
