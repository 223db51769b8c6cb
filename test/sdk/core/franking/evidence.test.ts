import { type AccountId, type Content, type Evidence, encodeContent, REPORT_WINDOW_MS } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { EvidenceRows, REPORTABLE_AFTER_END_MS, reportableUntil } from "../../../../sdk/core/franking/evidence.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { carol } from "../conversations/members.js";
import { conversationId, device, me, messageId, peer } from "../people.js";
import { everything, openSealed } from "../storage/fixture.js";

const AT_MS = 1_800_000_000_000;
let store: SealedStore;
let rows: EvidenceRows;

beforeEach(async () => {
  store = await openSealed();
  rows = new EvidenceRows(store);
});

const text = (value: string): Saying => ({ kind: "text", text: value });

function contentOf(sender: AccountId, number: number, saying: Saying): Content {
  const header = { sender, device, conversation: conversationId, messageId: messageId(number), seen: [] };
  return { ...saying, ...header, counter: number, sentAtMs: number } as Content;
}

function evidenceOf(sender: AccountId, acceptedMs: number): Evidence {
  const bytes = (size: number) => new Uint8Array(size).fill(7);
  const hashes = { publicKey: bytes(32), accountTag: bytes(32), wordsHash: bytes(32), outerKey: bytes(32) };
  const rest = { salt: bytes(32), path: [], tokenMac: bytes(32), signature: bytes(64), stamp: bytes(16) };
  const who = { account: sender, device, epoch: 1, recipient: me, stampedFor: bytes(16) };
  return { head: { ...who, ...hashes, ...rest, acceptedMs }, wordsKey: bytes(32), commitment: bytes(32) };
}

async function keep(content: Content, acceptedMs: number, untilMs = reportableUntil(acceptedMs)): Promise<void> {
  const evidence = evidenceOf(content.sender, acceptedMs);
  await store.commit(rows.keeping({ evidence, content: encodeContent(content), acceptedMs, untilMs }));
}

const numbers = (kept: readonly { readonly acceptedMs: number }[]) => kept.map(({ acceptedMs }) => acceptedMs - AT_MS);

async function between(fromMs: number, toMs: number): Promise<readonly number[]> {
  const found: { readonly acceptedMs: number }[] = [];
  for await (const kept of rows.between(conversationId, { fromMs, toMs })) found.push(kept);
  return numbers(found);
}

describe("evidence", () => {
  it("is found by its sender and id, with the very words, and by nobody else's name", async () => {
    const content = contentOf(peer, 1, text("kind words"));
    await keep(content, AT_MS);
    const found = await rows.of(conversationId, peer, messageId(1));
    expect(found).toEqual({
      ...{ evidence: evidenceOf(peer, AT_MS), content: encodeContent(content), acceptedMs: AT_MS },
      ...{ standing: undefined, untilMs: AT_MS + REPORT_WINDOW_MS },
    });
    expect(await rows.of(conversationId, me, messageId(1))).toBeUndefined();
  });

  it("of a message comes with that of everything said about it, by whomever, and each is found by itself", async () => {
    await keep(contentOf(peer, 1, text("first")), AT_MS);
    await keep(contentOf(peer, 2, { kind: "edit", target: messageId(1), text: "second" }), AT_MS + 20);
    await keep(contentOf(carol, 3, { kind: "reaction", target: messageId(1), emoji: "🎉", action: "add" }), AT_MS + 10);
    await keep(contentOf(peer, 4, text("another")), AT_MS + 5);
    expect(numbers(await rows.about(conversationId, messageId(1)))).toEqual([0, 10, 20]);
    expect(await rows.of(conversationId, peer, messageId(2))).toMatchObject({ acceptedMs: AT_MS + 20 });
    expect(await rows.of(conversationId, carol, messageId(3))).toMatchObject({ acceptedMs: AT_MS + 10 });
  });

  it("is listed in the order in which the relay took it, both ends included", async () => {
    for (const at of [30, 10, 20, 40]) await keep(contentOf(peer, at, text(`${at}`)), AT_MS + at);
    await keep(contentOf(me, 10, text("mine, with the same id at the same time")), AT_MS + 10);
    expect(await between(AT_MS + 10, AT_MS + 30)).toEqual([10, 10, 20, 30]);
    expect(await between(AT_MS + 41, AT_MS + 99)).toEqual([]);
  });

  it("goes when the desk's keys do, and nothing of it stays", async () => {
    for (let at = 0; at < 600; at++) await keep(contentOf(peer, at + 1, text(`${at}`)), AT_MS + at);
    await rows.sweep(AT_MS + REPORT_WINDOW_MS + 598);
    expect(await between(AT_MS, AT_MS + 999)).toEqual([598, 599]);
    await rows.sweep(AT_MS + REPORT_WINDOW_MS + 600);
    expect(await store.list(everything)).toEqual([]);
  });

  it("of a message that ended goes a day later, with that of what was said about it, and not before", async () => {
    await keep(contentOf(peer, 1, text("secret")), AT_MS);
    await keep(contentOf(peer, 2, { kind: "edit", target: messageId(1), text: "secret!" }), AT_MS + 1);
    await keep(contentOf(peer, 3, text("stays")), AT_MS + 2);
    const endedMs = AT_MS + 60_000;
    const untilMs = endedMs + REPORTABLE_AFTER_END_MS;
    await store.commit(await rows.endingBy(conversationId, messageId(1), untilMs));
    expect(await rows.endingBy(conversationId, messageId(1), untilMs + 1)).toEqual([]);
    await rows.sweep(untilMs - 1);
    expect(await between(AT_MS, AT_MS + 9)).toEqual([0, 1, 2]);
    await rows.sweep(untilMs);
    expect(await between(AT_MS, AT_MS + 9)).toEqual([2]);
    expect(await rows.about(conversationId, messageId(1))).toEqual([]);
    expect((await store.list({ ...everything, after: "evidenceend/", before: "evidenceend0" })).length).toBe(0);
  });
});
