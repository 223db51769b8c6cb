/** Evidence goes with the history: a device that is linked later can report what it was told, and only that. */

import { type Content, decodeEvidence, encodeContent } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { EvidenceRows } from "../../../../sdk/core/franking/evidence.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { handedOver } from "../../../../sdk/core/franking/handed-over.js";
import { HistoryExport } from "../../../../sdk/core/history/export.js";
import { HistoryImport } from "../../../../sdk/core/history/import.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { evidenceBytesOf, small } from "../franking/franked.js";
import { ownRow } from "../outbox/fixture.js";
import { conversationId, device, me, messageId, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const AT_MS = 1_000_000;

async function deviceOfMine() {
  const store = await openSealed();
  const conversations = new Conversations(store, OwnAccount.create(ownRow()));
  const state = await conversations.of(peer);
  const evidence = new EvidenceRows(store);
  const importer = new HistoryImport({
    ...{ store, me, conversations, peers: new Peers(store), locks: new KeyedLock(), evidence },
    handedOver: (said, encoded) => handedOver({ realm: small.realm, nowMs: AT_MS }, said, encoded),
    arrived: () => undefined,
  });
  return { store, state, evidence, importer, exporter: new HistoryExport(store, evidence) };
}

function content(number: number, saying: Saying): Content {
  const header = { sender: peer, device, conversation: conversationId, messageId: messageId(number), seen: [] };
  return { ...saying, ...header, counter: number, sentAtMs: number };
}

describe("history", () => {
  it("brings the evidence of messages, edits and reactions; of what is not of these words none, and of deleted words none", async () => {
    const one = await deviceOfMine();
    const hear = async (said: Content, proof: Content | undefined = said) => {
      const encoded = encodeContent(said);
      const to = { audience: { kind: "account", account: me }, acceptedMs: AT_MS, me } as const;
      const evidence = proof && decodeEvidence(evidenceBytesOf({ account: peer, device }, encodeContent(proof), to));
      const genuine = Genuine.fromOwnHistory({ content: said, encoded }, evidence);
      const outcome = await one.state.writer.write({
        ...{ said: genuine, atMs: AT_MS, acceptedMs: AT_MS + said.counter, status: "received" },
      });
      const kept = await one.evidence.shown(genuine, outcome);
      const { changes, sequence } = outcome.build();
      await one.store.commit([...changes, ...kept]);
      if (sequence !== undefined) one.state.timeline.announce(sequence);
    };
    await hear(content(1, { kind: "text", text: "first" }));
    await hear(content(2, { kind: "edit", target: messageId(1), text: "second" }));
    await hear(content(3, { kind: "reaction", target: messageId(1), emoji: "👍", action: "add" }));
    await hear(content(4, { kind: "text", text: "swapped" }), content(4, { kind: "text", text: "other words" }));
    await hear(content(5, { kind: "text", text: "gone" }));
    await hear(content(6, { kind: "delete", target: messageId(5) }));

    const two = await deviceOfMine();
    const { parts } = await one.exporter.step({ conversation: undefined, after: 0 }, 0);
    for (let times = 0; times < 2; times++) {
      for (const entries of parts) await two.store.commit((await two.importer.plan(entries)).build());
    }
    const has = async (number: number) =>
      (await two.evidence.of(conversationId, peer, messageId(number)))?.evidence.head.account;
    const found = await Promise.all([1, 2, 3, 4, 5, 6].map(has));
    expect(found).toEqual([peer, peer, peer, undefined, undefined, peer]);
    expect(await two.evidence.about(conversationId, messageId(1))).toEqual(
      await one.evidence.about(conversationId, messageId(1)),
    );
  });
});
