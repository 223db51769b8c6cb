import { type Content, encodeContent, encodeOwnBody, type MessageId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { contentHash } from "../../../../sdk/core/conversations/stored-content.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { decodeRow, encodeRow, keys } from "../../../../sdk/core/rows.js";
import { group } from "../groups/sending/snapshots.js";
import { Gate } from "../storage/fixture.js";
import { contentOf, entryOf, freshId, me, peer, START_MS, TimedDevice, words } from "./fixture.js";

const TIMER_MS = 60_000;

async function online(): Promise<TimedDevice> {
  const device = await TimedDevice.start();
  device.online();
  return device;
}

/** What may be said about a message. */
function about(target: MessageId, by: typeof me): readonly Content[] {
  const timer = { timerMs: TIMER_MS };
  return [
    contentOf(by, { kind: "edit", target, text: "secret edit" }, timer),
    contentOf(by, { kind: "edit", target, text: "secret second edit" }, timer),
    contentOf(me, { kind: "reaction", target, emoji: "secret 👍", action: "add" }, timer),
    contentOf(peer, { kind: "reaction", target, emoji: "secret 🎉", action: "add" }, timer),
  ];
}

describe("a message that ends", () => {
  it("leaves nothing: no words, edits or reactions, nothing kept to be sent again, nothing that waits", async () => {
    const it = await online();
    const said = words(me, "secret", TIMER_MS);
    await it.take(said);
    const followed = about(said.messageId, me);
    for (const word of followed) await it.take(word);
    for (const [index, one] of [said, ...followed].entries()) await it.keep(one, index + 1);
    const body = encodeContent(said);
    await it.wait(1, { type: "sent", recipient: me, peer, body });
    await it.wait(2, { type: "content", body, resendOf: new Uint8Array(16) });
    await it.take(words(me, "stays", undefined));
    expect(await it.rowsWith("secret")).not.toEqual([]);
    expect((await it.item(said.messageId))?.expiresMs).toBe(START_MS + TIMER_MS);

    await it.clock.advance(TIMER_MS);
    await it.settle();
    expect(await it.rowsWith("secret")).toEqual([]);
    expect(await it.leftInHidden()).toBe(0);
    expect(await it.kinds()).toEqual(["text"]);
    for (const prefix of ["sent/", "kept/", "outbox/", "due/", "lifetime/", "word/", "early/"]) {
      expect([prefix, await it.count(prefix)]).toEqual([prefix, 0]);
    }
    // The message, and the places of the last edit and of the reactions; an earlier edit had none left.
    expect(new Set(it.changed.slice(-4)).size).toBe(4);
    expect(it.failedHandles).toEqual([said.messageId]);
    expect(it.errors).toEqual([]);
  });

  it("is not brought back by a repetition, or a word about it", async () => {
    const it = await online();
    const said = words(peer, "secret", TIMER_MS);
    await it.take(said);
    await it.read(said.messageId);
    await it.clock.advance(TIMER_MS);
    await it.settle();
    expect(await it.take(said)).toBe("duplicate");
    for (const word of about(said.messageId, peer)) expect(await it.take(word)).toBe("refused");
    expect(await it.kinds()).toEqual([]);
    expect(await it.rowsWith("secret")).toEqual([]);
  });

  it("is quoted as missing, and cannot be answered", async () => {
    const it = await online();
    const said = words(peer, "secret", TIMER_MS);
    await it.take(said);
    await it.read(said.messageId);
    const quotedHash = contentHash(encodeContent(said));
    await it.take(contentOf(peer, { kind: "reply", quoted: said.messageId, quotedHash, text: "so" }));
    expect(await it.items()).toMatchObject([{}, { quoted: { state: "found" } }]);
    await it.clock.advance(TIMER_MS);
    await it.settle();
    expect(await it.items()).toMatchObject([{ kind: "reply", quoted: { state: "missing" } }]);
    expect(await it.state.reader.message(said.messageId)).toBeUndefined();
  });

  it("is shown nowhere from the moment it is over, before anything of it was deleted", async () => {
    const it = await TimedDevice.start();
    const said = words(peer, "secret", TIMER_MS);
    const poll = contentOf(
      peer,
      { kind: "poll", question: "secret?", options: ["now", "later"], choose: "one" },
      { timerMs: TIMER_MS },
    );
    await it.take(said);
    await it.take(poll);
    await it.read(said.messageId, poll.messageId);
    for (const word of about(said.messageId, peer)) await it.take(word);
    await it.take(contentOf(me, { kind: "vote", target: poll.messageId, choices: [1] }, { timerMs: TIMER_MS }));
    const quotedHash = contentHash(encodeContent(said));
    await it.take(contentOf(peer, { kind: "reply", quoted: said.messageId, quotedHash, text: "so" }));
    expect(await it.kinds()).toEqual(["text", "poll", "edit", "reaction", "reaction", "vote", "reply"]);
    // Time has passed, and nothing looked at the clock yet.
    it.clock.setNow(START_MS + TIMER_MS);
    expect(await it.rowsWith("secret")).not.toEqual([]);
    expect(await it.items()).toMatchObject([{ kind: "reply", quoted: { state: "missing" } }]);
    expect(await it.state.reader.message(said.messageId)).toBeUndefined();
    expect(await it.state.reader.poll(poll.messageId)).toBeUndefined();
    await it.stop();
  });

  it("is not shown by who read its row before it went", async () => {
    const it = await online();
    const said = words(peer, "secret", TIMER_MS);
    await it.take(said);
    await it.read(said.messageId);
    const [read] = await it.state.timeline.latest(1);
    await it.clock.advance(TIMER_MS);
    await it.settle();
    expect(read && (await it.state.reader.item(read))).toBeUndefined();
  });

  it("goes with its tombstone where it was deleted before, and a poll with its votes", async () => {
    const it = await online();
    const gone = words(me, "gone", TIMER_MS);
    const poll = contentOf(
      me,
      { kind: "poll", question: "secret?", options: ["now", "later"], choose: "one" },
      { timerMs: TIMER_MS },
    );
    await it.take(gone);
    await it.take(poll);
    await it.take(contentOf(peer, { kind: "vote", target: poll.messageId, choices: [1] }, { timerMs: TIMER_MS }));
    await it.take(contentOf(me, { kind: "delete", target: gone.messageId }, { timerMs: TIMER_MS }));
    expect(await it.kinds()).toEqual(expect.arrayContaining(["deleted", "delete", "poll", "vote"]));
    await it.clock.advance(TIMER_MS);
    await it.settle();
    expect(await it.kinds()).toEqual([]);
    expect(await it.count("vote/")).toBe(0);
  });

  it("takes along what was said about it before it came", async () => {
    const it = await online();
    const said = words(peer, "secret", TIMER_MS);
    for (const word of about(said.messageId, peer)) await it.take(word);
    await it.take(said);
    expect(await it.kinds()).toEqual(["text", "edit", "reaction", "reaction"]);
    await it.read(said.messageId);
    await it.clock.advance(TIMER_MS);
    await it.settle();
    expect(await it.kinds()).toEqual([]);
    expect(await it.rowsWith("secret")).toEqual([]);
  });

  it("that was over before it came takes no place, and lets go of what waited for it", async () => {
    const it = await online();
    const mine = words(me, "secret", TIMER_MS);
    const theirs = words(peer, "secret", TIMER_MS);
    await it.take(about(mine.messageId, me)[0] as Content);
    await it.takeReadMark([theirs.messageId], START_MS + 5);
    await it.clock.advance(2 * TIMER_MS);
    expect(await it.take(mine, START_MS)).toBe("applied");
    expect(await it.take(theirs, START_MS)).toBe("applied");
    expect(await it.kinds()).toEqual([]);
    expect(await it.rowsWith("secret")).toEqual([]);
    for (const prefix of ["early/", "receipt/"]) expect(await it.count(prefix)).toBe(0);
    expect(await it.take(mine, START_MS)).toBe("duplicate");
  });

  it("leaves a history on its way to another device without it, and what has no timer in it", async () => {
    const it = await online();
    const said = words(me, "secret", TIMER_MS);
    const other = words(me, "stays", undefined);
    await it.take(said);
    const body = encodeOwnBody("archive", {
      ...{ transfer: new Uint8Array(16), part: 1, done: 2, total: 2 },
      last: "yes",
      entries: [entryOf(said, "accepted"), entryOf(other, "accepted")],
    });
    await it.wait(1, { type: "archive", recipient: me, body });
    const kept = { envelope: new Uint8Array(16), recipient: me, type: "archive", envelopes: [], body } as const;
    await it.store.commit(it.keptSends.keeping(kept, { atMs: START_MS, acceptedMs: START_MS }));
    expect(await it.rowsWith("stays")).toEqual(["outbox", "sent"]);
    await it.clock.advance(TIMER_MS);
    await it.settle();
    expect(await it.rowsWith("secret")).toEqual([]);
    expect(await it.rowsWith("stays")).toEqual(["outbox", "sent"]);
  });
});

describe("the time of a message", () => {
  it("of mine begins when the relay accepted it, and not while it waits", async () => {
    const it = await online();
    const said = words(me, "waits", TIMER_MS);
    const outcome = await it.state.writer.write({
      said: Genuine.saidHere({ content: said, encoded: encodeContent(said) }),
      ...{ atMs: it.clock.now(), status: "pending" },
    });
    const { changes, sequence = 0 } = outcome.build();
    await it.store.commit(changes);
    it.state.timeline.announce(sequence);
    await it.wait(1, { type: "content", body: encodeContent(said), conversation: it.state.timeline.id, sequence });
    await it.clock.advance(10 * TIMER_MS);
    await it.settle();
    expect(await it.item(said.messageId)).toMatchObject({ status: "pending", timerMs: TIMER_MS });
    expect(await it.count("due/")).toBe(0);
  });

  it("of theirs begins with the first reading on any device, and only that moves it", async () => {
    const it = await online();
    const said = words(peer, "secret", TIMER_MS);
    await it.take(said);
    await it.clock.advance(30_000);
    await it.read(said.messageId);
    await it.takeReadMark([said.messageId], START_MS + 50_000);
    expect((await it.item(said.messageId))?.expiresMs).toBe(START_MS + 30_000 + TIMER_MS);
    await it.takeReadMark([said.messageId], START_MS + 10_000);
    await it.read(said.messageId);
    expect((await it.item(said.messageId))?.expiresMs).toBe(START_MS + 10_000 + TIMER_MS);
    await it.take(contentOf(peer, { kind: "edit", target: said.messageId, text: "new" }, { timerMs: 10 * TIMER_MS }));
    expect((await it.item(said.messageId))?.expiresMs).toBe(START_MS + 10_000 + TIMER_MS);
    await it.clock.advance(40_000);
    await it.settle();
    expect(await it.kinds()).toEqual([]);
    await it.clock.advance(2 * TIMER_MS);
    await it.settle();
    expect(await it.count("due/")).toBe(0);
  });

  it("is told to own devices as the relay's clock has it, with the read mark", async () => {
    const it = await online();
    const said = words(peer, "secret", TIMER_MS);
    await it.take(said);
    it.clock.setNow(START_MS + 86_400_000);
    await it.read(said.messageId);
    const told = it.outbox.sent.find(({ type }) => type === "sent");
    expect(told?.atMs).toBeLessThanOrEqual(START_MS + 10_000);
    expect((await it.item(said.messageId))?.expiresMs).toBe((told?.atMs ?? 0) + TIMER_MS);
  });

  it("is nobody's whose message has no timer", async () => {
    const it = await online();
    const said = words(peer, "stays", undefined);
    await it.take(said);
    await it.read(said.messageId);
    await it.take(words(me, "stays too", undefined));
    await it.take(contentOf(me, { kind: "reaction", target: said.messageId, emoji: "👍", action: "add" }));
    for (const prefix of ["due/", "lifetime/", "word/", "timer/"]) expect(await it.count(prefix)).toBe(0);
    expect(await it.item(said.messageId)).not.toHaveProperty("timerMs");
  });
});

describe("the end that a row names", () => {
  it("is none if the message's time says another one", async () => {
    const it = await online();
    const said = words(me, "runs on", TIMER_MS);
    await it.take(said);
    const place = { conversation: it.state.timeline.id, peer, sequence: 1 };
    const value = encodeRow("due", { ...place, timerMs: 1 });
    await it.store.commit([{ key: keys.due(it.store, START_MS + 1, place), value }]);
    it.disappearing.ends(START_MS + 1);
    await it.clock.advance(TIMER_MS / 2);
    await it.settle();
    expect(await it.count("due/")).toBe(1);
    expect(await it.item(said.messageId)).toBeDefined();
  });
});

describe("an end that is told of", () => {
  it("is waited for, though something else ended before it was committed", async () => {
    const first = await online();
    const messages = [words(peer, "secret", TIMER_MS), words(peer, "stays", undefined)] as const;
    for (const said of messages) await first.take(said);
    const other = { conversation: group, sequence: 1 };
    const value = encodeRow("due", { ...other, timerMs: 1 });
    await first.store.commit([{ key: keys.due(first.store, START_MS + 1_000, other), value }]);
    const it = await first.restart();
    it.online();
    const gate = new Gate();
    const get = it.raw.get.bind(it.raw);
    const second = keys.message(it.store, it.state.timeline.id, peer, messages[1].messageId);
    it.raw.get = async (key) => {
      if (key === second) await gate.pass();
      return get(key);
    };
    const reading = it.read(...messages.map(({ messageId }) => messageId));
    await gate.arrival();
    await it.clock.advance(1_000);
    await it.settle();
    expect(await it.count("due/")).toBe(0);
    gate.open();
    await reading;
    await it.clock.advance(TIMER_MS);
    await it.settle();
    expect(await it.rowsWith("secret")).toEqual([]);
    expect(it.errors).toEqual([]);
  });
});

describe("an index row", () => {
  it("stays, so that it is known what was here", async () => {
    const it = await online();
    const said = words(me, "secret", TIMER_MS);
    await it.take(said);
    await it.clock.advance(TIMER_MS);
    await it.settle();
    const stored = await it.store.get(keys.message(it.store, it.state.timeline.id, me, said.messageId));
    expect(stored && decodeRow("messageIndex", stored).sequence).toBe(1);
    expect(freshId()).not.toBe(said.messageId);
  });
});
