import { accountIdToBytes, type Content, encodeContent } from "@sotto/protocol";
import { describe, expect, it, vi } from "vitest";
import { Seen } from "../../../../sdk/core/conversations/seen.js";
import { EvidenceRows, reportableUntil } from "../../../../sdk/core/franking/evidence.js";
import { evidenceOf, NOW_MS, SmallRealm } from "../../../support/franking/realm.js";
import { conversationId, device, me, messageId, peer } from "../people.js";
import { Gate, openSealed } from "../storage/fixture.js";

const realm = new SmallRealm();

/** A store in which both said something in turns; answers what the peer's words were known by, the oldest first. */
async function talked(words: number) {
  const store = await openSealed();
  const rows = new EvidenceRows(store);
  const heard: Uint8Array[] = [];
  for (let index = 1; index <= words; index++) {
    const [sender, reader] = index % 2 === 0 ? [me, peer] : [peer, me];
    const issued = realm.device("somebody");
    const token = realm.issue({ account: sender, device }, issued.key.publicKey);
    const content: Content = {
      ...{ sender, device, conversation: conversationId, messageId: messageId(index), counter: index, sentAtMs: index },
      ...{ seen: [], kind: "text", text: `t${index}` },
    };
    const sent = realm.send({ account: sender, device, token, key: issued.key }, reader, content);
    const evidence = evidenceOf(realm.check(sent, reader, { stampedFor: accountIdToBytes(reader) }));
    const acceptedMs = NOW_MS + index;
    const kept = { evidence, content: encodeContent(content), acceptedMs, untilMs: reportableUntil(acceptedMs) };
    await store.commit(rows.keeping(kept));
    if (sender === peer) heard.push(sent.commitment);
  }
  return { store, heard };
}

const hex = (all: readonly Uint8Array[]) => all.map((one) => Buffer.from(one).toString("hex"));

describe("what others said last", () => {
  it("is looked up by what is kept of it: the last eight, the newest last, and nothing of one's own", async () => {
    const { store, heard } = await talked(21);
    expect(heard).toHaveLength(11);
    expect(hex(await new Seen(store, me).in(conversationId))).toEqual(hex(heard.slice(-8)));
  });

  it("goes on with what is heard since, each once", async () => {
    const { store, heard } = await talked(3);
    const seen = new Seen(store, me);
    const fresh = new Uint8Array(32).fill(9);
    expect(hex(await seen.in(conversationId))).toEqual(hex(heard));
    seen.heard(conversationId, fresh);
    seen.heard(conversationId, fresh);
    expect(hex(await seen.in(conversationId))).toEqual(hex([...heard, fresh]));
  });

  it("leaves out nothing that came while it was looked up", async () => {
    const { store, heard } = await talked(3);
    const { list } = store;
    const gate = new Gate();
    const spied = vi.spyOn(store, "list").mockImplementationOnce(async () => {
      // As it was before the last word came.
      await gate.pass();
      return [];
    });
    const seen = new Seen(store, me);
    const looking = seen.in(conversationId);
    await gate.arrival();
    seen.heard(conversationId, heard.at(-1) as Uint8Array);
    gate.open();
    expect(await looking).toEqual([]);
    spied.mockImplementation(list);
    expect(hex(await seen.in(conversationId))).toEqual(hex(heard));
  });

  it("is nothing where nobody said anything", async () => {
    expect(await new Seen(await openSealed(), me).in(conversationId)).toEqual([]);
  });
});
