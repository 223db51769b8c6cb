import { type ArchiveEntry, type Content, encodeContent, encodeOwnBody, limits, type MessageId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { EvidenceRows } from "../../../../sdk/core/franking/evidence.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { HistoryExport } from "../../../../sdk/core/history/export.js";
import { HistoryImport } from "../../../../sdk/core/history/import.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { ownRow } from "../outbox/fixture.js";
import { conversationId, device, me, messageId, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

/** One device of `me` and its conversation. */
async function deviceOfMine() {
  const store = await openSealed();
  const conversations = new Conversations(store, OwnAccount.create(ownRow()));
  const state = await conversations.of(peer);
  const evidence = new EvidenceRows(store);
  const told: number[] = [];
  const arrived = (_state: unknown, sequence: number) => told.push(sequence);
  const importer = new HistoryImport({
    store,
    me,
    conversations,
    peers: new Peers(store),
    locks: new KeyedLock(),
    evidence,
    handedOver: () => undefined,
    arrived,
  });
  const exporter = new HistoryExport(store, evidence);
  const hear = async (content: Content, acceptedMs: number) => {
    const status = content.sender === me ? "synced" : "received";
    const outcome = await state.writer.write({
      said: Genuine.saidHere({ content, encoded: encodeContent(content) }),
      atMs: acceptedMs,
      acceptedMs,
      status,
    });
    const { changes, sequence } = outcome.build();
    await store.commit(changes);
    if (sequence !== undefined) state.timeline.announce(sequence);
  };
  const take = async (entries: readonly ArchiveEntry[]) => {
    const plan = await importer.plan(entries);
    await store.commit(plan.build());
    for (const work of plan.after) work();
  };
  const parts = async (sinceMs = 0) => {
    const all: (readonly ArchiveEntry[])[] = [];
    let position: Parameters<HistoryExport["step"]>[0] = { conversation: undefined, after: 0 };
    for (;;) {
      const step = await exporter.step(position, sinceMs);
      all.push(...step.parts);
      if (step.end === "yes") return all;
      position = step.position;
    }
  };
  const shown = async () => {
    const rows = await state.timeline.latest(1_000);
    const items = await Promise.all(rows.map((row) => state.reader.item(row)));
    return items.flatMap((item) => {
      if (item === undefined) return [];
      const { cursor: _cursor, atMs: _atMs, ...rest } = item;
      return [rest];
    });
  };
  return { store, state, told, hear, take, parts, shown, exporter };
}

let counter = 0;
function content(sender: typeof me, number: number, saying: Saying): Content {
  counter += 1;
  const header = { sender, device, conversation: conversationId, messageId: messageId(number), seen: [] };
  return { ...saying, ...header, counter, sentAtMs: 1_000 + counter };
}

const words = (text: string): Saying => ({ kind: "text", text });
const target = (number: number): MessageId => messageId(number);
const poll: Saying = { kind: "poll", question: "when?", options: ["now", "later"], choose: "one" };
const vote = (on: number, ...choices: number[]): Saying => ({ kind: "vote", target: target(on), choices });

async function talk() {
  const one = await deviceOfMine();
  const said: Content[] = [
    content(me, 1, words("one")),
    content(peer, 2, words("two")),
    content(me, 3, words("three")),
    content(peer, 4, { kind: "custom", schema: "test/1", data: new Uint8Array(9) }),
    content(peer, 10, poll),
    content(me, 11, poll),
    content(me, 5, { kind: "edit", target: target(1), text: "one, edited" }),
    content(peer, 6, { kind: "reaction", target: target(1), emoji: "👍", action: "add" }),
    content(me, 7, { kind: "delete", target: target(3) }),
    content(me, 8, { kind: "edit", target: target(1), text: "one, edited again" }),
    content(peer, 9, { kind: "receipt", receipt: "read", targets: [target(1)] }),
    content(me, 12, vote(10, 0)),
    content(peer, 13, vote(11, 1)),
    content(peer, 14, vote(10, 1)),
    content(me, 15, vote(10, 1)),
    content(me, 16, { kind: "delete", target: target(11) }),
  ];
  for (const [index, one_] of said.entries()) await one.hear(one_, 10_000 + index);
  return { one, said };
}

/** Messages, and later what was said about them; a device that heard it all, and the time between the two. */
async function changed() {
  const said = (await talk()).said.filter(({ kind }) => kind !== "receipt");
  const isMessage = ({ kind }: Content) => kind === "text" || kind === "custom" || kind === "poll";
  const hears = async (who: Awaited<ReturnType<typeof deviceOfMine>>, contents: readonly Content[]) => {
    for (const one_ of contents) await who.hear(one_, 10_000 + said.indexOf(one_));
  };
  const one = await deviceOfMine();
  await hears(one, said);
  const messages = said.filter(isMessage);
  return { one, hears, messages, words: said.filter((one_) => !isMessage(one_)), since: 10_000 + messages.length };
}

describe("history from one device to another", () => {
  it("shows there what it shows here, in the same order, each message told once", async () => {
    const { one } = await talk();
    const other = await deviceOfMine();
    for (const part of await one.parts()) await other.take(part);
    expect(await other.shown()).toEqual(await one.shown());
    expect(new Set(other.told).size).toBe(other.told.length);
  });

  it("may come any number of times, and in any order of its parts", async () => {
    const { one } = await talk();
    const other = await deviceOfMine();
    const entries = (await one.parts()).flat();
    for (const entry of [...entries].reverse()) await other.take([entry]);
    const told = [...other.told];
    await other.take(entries);
    await other.take(entries);
    expect(await other.shown()).toEqual(await one.shown());
    expect(other.told).toEqual(told);
  });

  it("meets what is here already without taking anything back, whichever came first", async () => {
    const { one, said } = await talk();
    const entries = (await one.parts()).flat();
    for (let here = 1; here < said.length; here++) {
      const front = await deviceOfMine();
      for (const [index, one_] of said.slice(0, here).entries()) await front.hear(one_, 10_000 + index);
      await front.take(entries);
      expect(await front.shown()).toEqual(await one.shown());
      const back = await deviceOfMine();
      for (const [index, one_] of said.slice(here).entries()) await back.hear(one_, 10_000 + here + index);
      await back.take(entries);
      expect(await back.shown()).toEqual(await one.shown());
    }
  });

  it("gives a message that was sent again the place of its first acceptance", async () => {
    const { one, said } = await talk();
    const other = await deviceOfMine();
    const [first] = said;
    if (first !== undefined) await other.hear(first, 99_000);
    await other.take((await one.parts()).flat());
    expect(await other.shown()).toEqual(await one.shown());
  });

  it("says of older messages, which do not come again, what has been said of them since", async () => {
    const { one, messages, since, hears } = await changed();
    const entries = (await one.parts(since)).flat();
    for (const order of [entries, [...entries].reverse()]) {
      const restored = await deviceOfMine();
      await hears(restored, messages);
      await restored.take(order);
      expect(await restored.shown()).toEqual(await one.shown());
      const singly = await deviceOfMine();
      await hears(singly, messages);
      for (const entry of order) await singly.take([entry]);
      expect(await singly.shown()).toEqual(await one.shown());
    }
  });

  it("shows nothing that is about a message it never had, hands it to nobody, and says it once the message comes", async () => {
    const { one, messages, words, since, hears } = await changed();
    const joined = await deviceOfMine();
    for (let time = 0; time < 2; time++) {
      await joined.take((await one.parts(since)).flat());
      expect(await joined.shown()).toEqual([]);
    }
    const restored = await deviceOfMine();
    await hears(restored, messages);
    await restored.take((await joined.parts()).flat());
    await hears(restored, words);
    expect(await restored.shown()).toEqual(await one.shown());
    await hears(joined, messages);
    expect(await joined.shown()).toEqual(await one.shown());
  });

  it("takes the votes in a poll with it that was deleted elsewhere meanwhile", async () => {
    const { one, messages, words, hears } = await changed();
    const other = await deviceOfMine();
    await hears(other, messages);
    const votes = () => other.store.list({ after: "vote/", before: "vote0", limit: 9, order: "ascending" });
    await hears(
      other,
      words.filter(({ kind }) => kind === "vote"),
    );
    expect(await votes()).toHaveLength(3);
    await other.take((await one.parts()).flat());
    expect(await votes()).toHaveLength(2);
    expect(await other.shown()).toEqual(await one.shown());
  });

  it("begins where it was asked to, and counts what there is", async () => {
    const { one } = await talk();
    const late = (await one.parts(10_004)).flat();
    expect(late.length).toBeGreaterThan(0);
    expect(Math.min(...late.map(({ acceptedMs }) => acceptedMs))).toBeGreaterThanOrEqual(10_004);
    expect(await one.exporter.count(10_004)).toBeLessThan(await one.exporter.count(0));
    expect((await one.parts(99_999)).flat()).toEqual([]);
  });

  it("fits into envelopes, also with the longest contents and hundreds of reactions", async () => {
    const one = await deviceOfMine();
    const long = "x".repeat(limits.textBytes.value);
    for (let number = 1; number <= 3; number++) {
      await one.hear(content(me, number, words(long)), 10_000 + number);
      await one.hear(content(me, 10 + number, { kind: "edit", target: target(number), text: long }), 11_000 + number);
    }
    for (let number = 0; number < 120; number++) {
      const emoji = `${number}${"👩‍👩‍👧‍👦".repeat(2)}`;
      for (const [who, base] of [
        [me, 1_000],
        [peer, 2_000],
      ] as const) {
        await one.hear(
          content(who, base + number, { kind: "reaction", target: target(2), emoji, action: "add" }),
          20_000 + number,
        );
      }
    }
    const other = await deviceOfMine();
    for (const entries of await one.parts()) {
      const part = {
        transfer: new Uint8Array(16),
        part: 1,
        last: "no",
        done: 1,
        total: 1,
        entries: [...entries],
      } as const;
      expect(encodeOwnBody("archive", part).length).toBeLessThanOrEqual(limits.ownBodyBytes.value);
      await other.take(entries);
    }
    expect(await other.shown()).toEqual(await one.shown());
  });

  it("takes nothing that is no content of the conversation it names", async () => {
    const { one } = await talk();
    const [entry] = (await one.parts()).flat();
    if (entry === undefined) throw new Error("nothing was exported");
    const other = await deviceOfMine();
    await other.take([
      { ...entry, content: Uint8Array.of(1, 2, 3) },
      { ...entry, hash: new Uint8Array(32) },
      { ...entry, peer: me },
      { ...entry, messageId: messageId(77) },
      { ...entry, edit: entry.content },
    ]);
    expect(await other.shown()).toEqual([]);
  });
});
