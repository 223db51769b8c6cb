/** What own devices hand over as evidence is looked at before it is kept: of these words, of who said them, and not of a time to come. */

import { type Content, encodeContent } from "@sotto/protocol";
import { expect, test } from "vitest";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { handedOver } from "../../../../sdk/core/franking/handed-over.js";
import { conversationId, device, me, messageId, peer, Talk } from "../people.js";
import { evidenceBytesOf, small } from "./franked.js";

const AT_MS = 1_000_000;
const to = { audience: { kind: "account", account: me }, acceptedMs: AT_MS, me } as const;
const here = { realm: small.realm, nowMs: AT_MS };

function wordingOf(text: string, sender = peer) {
  const header = { sender, device, conversation: conversationId, messageId: messageId(1), seen: [] };
  const content: Content = { ...header, kind: "text", text, counter: 1, sentAtMs: 1 };
  return { content, encoded: encodeContent(content) };
}

const said = wordingOf("what was said");
const evidence = evidenceBytesOf({ account: peer, device }, said.encoded, to);

test("evidence of these words, by their sender, is taken", () => {
  expect(handedOver(here, said, evidence)?.head).toMatchObject({ account: peer, acceptedMs: AT_MS });
});

test("of other words it is not, nor of the same words by somebody else", () => {
  expect(handedOver(here, wordingOf("other words"), evidence)).toBeUndefined();
  // A frank of the same bytes by another device: it opens to these words, and says that somebody else sent them.
  const byOther = evidenceBytesOf({ account: me, device }, said.encoded, to);
  expect(handedOver(here, said, byOther)).toBeUndefined();
});

test("without a realm, without evidence, and of bytes that are none, there is none", () => {
  expect(handedOver({ ...here, realm: undefined }, said, evidence)).toBeUndefined();
  expect(handedOver(here, said, undefined)).toBeUndefined();
  expect(handedOver(here, said, evidence.subarray(1))).toBeUndefined();
});

test("a conversation takes what was checked, and nothing that only looks like it", async () => {
  const talk = await Talk.open();
  const genuine = Genuine.fromOwnHistory(said);
  const lookalike = { ...genuine, kind: "genuine" } as unknown as Genuine;
  const how = { atMs: AT_MS, acceptedMs: AT_MS, status: "received" } as const;
  await expect(talk.writer.write({ ...how, said: lookalike })).rejects.toThrow("nobody checked");
  expect((await talk.writer.write({ ...how, said: genuine })).kind).toBe("shown");
});
