import { limits } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { Labels } from "../../../../sdk/core/registers/labels.js";
import { Notes } from "../../../../sdk/core/registers/notes.js";
import { fillQuickReply, QuickReplies } from "../../../../sdk/core/registers/quick-replies.js";
import { systemRandom as random } from "../../../../sdk/node/random.js";
import { me, messageId, peer, Talk } from "../people.js";
import { idOf, replica, wordOf } from "./fixture.js";

const wrong = { code: "invalidArgument" };

async function fixture() {
  const device = await replica(1);
  const talk = await Talk.open(device.store);
  const { registers } = device;
  const notes = new Notes({ registers, thread: talk });
  const labels = new Labels({ registers, random });
  const shown = async () => (await notes.pins()).map((item) => ("text" in item ? item.text : item.kind));
  return { ...device, talk, notes, labels, shown, quickReplies: new QuickReplies({ registers, random }) };
}

describe("quick replies", () => {
  it("are added, replaced and removed, and listed by title", async () => {
    const { quickReplies } = await fixture();
    const bye = await quickReplies.put({ title: "Bye", text: "Bye, {name}!" });
    const hello = await quickReplies.put({ title: "Hello", text: "Hello" });
    expect(await quickReplies.list()).toEqual([bye, hello]);
    const later = await quickReplies.put({ ...bye, title: "See you" });
    expect(later.id).toBe(bye.id);
    expect(await quickReplies.list()).toEqual([hello, later]);
    await quickReplies.remove(hello.id);
    await quickReplies.remove(hello.id);
    expect(await quickReplies.list()).toEqual([later]);
  });

  it("are refused empty, too long, under no id, and beyond their number", async () => {
    const it = await fixture();
    const text = "x".repeat(limits.quickReplyBytes.value + 1);
    for (const reply of [
      { title: "", text: "a" },
      { title: "a", text: "" },
      { title: "a", text },
      { id: "a", title: "a", text: "a" },
    ]) {
      await expect(it.quickReplies.put(reply)).rejects.toMatchObject(wrong);
    }
    const words = Array.from({ length: limits.quickReplies.value }, (_, number) =>
      wordOf("quickReply", idOf(number), { atMs: 1, value: { title: "a", text: "a" } }),
    );
    await it.hear(words);
    await expect(it.quickReplies.put({ title: "a", text: "a" })).rejects.toMatchObject(wrong);
    await it.quickReplies.put({ id: idOf(7), title: "b", text: "b" });
    expect(await it.quickReplies.list()).toHaveLength(limits.quickReplies.value);
  });

  it("are filled with values as they are, and show what has none", () => {
    const fill = (text: string, values: Record<string, string>) => fillQuickReply({ text }, values);
    expect(fill("Hi {name}, {name}! {date}", { name: "Bob" })).toBe("Hi Bob, Bob! {date}");
    expect(fill("{a}{b}", { a: "{b}", b: "$&" })).toBe("{b}$&");
    expect(fill("{constructor} {1} { a }", { a: "x" })).toBe("{constructor} {1} { a }");
    expect(() => fill("{a}", { a: 1 as unknown as string })).toThrow("no text");
  });
});

describe("a draft", () => {
  it("is what was written last, until no words are left", async () => {
    const { notes } = await fixture();
    await notes.setDraft("one");
    await notes.setDraft("two");
    expect(await notes.draft()).toBe("two");
    await notes.setDraft("");
    expect(await notes.draft()).toBeUndefined();
  });
});

describe("pins", () => {
  it("show messages in the order of pinning, without those that are deleted or not here", async () => {
    const { talk, notes, shown, hear } = await fixture();
    for (const number of [1, 2, 3]) await talk.say(peer, number, { kind: "text", text: `of ${number}` });
    for (const number of [3, 1, 2]) await notes.pin(messageId(number));
    await notes.pin(messageId(3));
    expect(await shown()).toEqual(["of 3", "of 1", "of 2"]);
    await notes.unpin(messageId(3));
    await notes.pin(messageId(3));
    await notes.unpin(messageId(9));
    expect(await shown()).toEqual(["of 1", "of 2", "of 3"]);
    await talk.say(peer, 4, { kind: "delete", target: messageId(1) });
    await hear([wordOf("pin", `${talk.timeline.id}/${messageId(8)}`, { atMs: 1, value: {} })]);
    expect(await shown()).toEqual(["of 2", "of 3"]);
  });

  it("are of messages there are, and make room for themselves where one was deleted", async () => {
    const it = await fixture();
    await it.talk.say(peer, 1, { kind: "text", text: "one" });
    await it.talk.say(me, 2, { kind: "text", text: "two" });
    await expect(it.notes.pin(messageId(7))).rejects.toMatchObject(wrong);
    await it.notes.pin(messageId(1));
    const elsewhere = Array.from({ length: limits.pinsPerConversation.value - 1 }, (_, number) =>
      wordOf("pin", `${it.talk.timeline.id}/${messageId(100 + number)}`, { atMs: 1, value: {} }),
    );
    await it.hear(elsewhere);
    await expect(it.notes.pin(messageId(2))).rejects.toMatchObject(wrong);
    await it.talk.say(peer, 3, { kind: "delete", target: messageId(1) });
    await expect(it.notes.pin(messageId(1))).rejects.toMatchObject(wrong);
    await it.notes.pin(messageId(2));
    expect(await it.shown()).toEqual(["two"]);
  });
});

describe("labels", () => {
  it("are put on a conversation and taken off, and are on none any more once they are removed", async () => {
    const { notes, labels } = await fixture();
    const urgent = await labels.put({ name: "urgent", color: "red" });
    const billing = await labels.put({ name: "billing" });
    expect(await labels.list()).toEqual([billing, urgent]);
    await notes.label(urgent.id);
    await notes.label(billing.id);
    expect(await notes.labels()).toEqual([billing, urgent]);
    await labels.put({ ...urgent, name: "at once" });
    await notes.unlabel(billing.id);
    expect(await notes.labels()).toEqual([{ ...urgent, name: "at once" }]);
    expect([await notes.hasLabel(urgent.id), await notes.hasLabel(billing.id)]).toEqual([true, false]);
    await labels.remove(urgent.id);
    expect(await notes.labels()).toEqual([]);
    expect(await notes.hasLabel(urgent.id)).toBe(false);
    await expect(notes.label(urgent.id)).rejects.toMatchObject(wrong);
    await expect(notes.label("urgent")).rejects.toMatchObject(wrong);
  });

  it("make room where one that is on was removed", async () => {
    const { notes, labels } = await fixture();
    const made = [];
    for (let number = 0; number <= limits.labelsPerConversation.value; number++) {
      made.push(await labels.put({ name: `label ${number}` }));
    }
    const [first, ...others] = made.map(({ id }) => id) as [string, ...string[]];
    for (const id of others) await notes.label(id);
    await expect(notes.label(first)).rejects.toMatchObject(wrong);
    await labels.remove(others[0] as string);
    await notes.label(first);
    expect(await notes.labels()).toHaveLength(limits.labelsPerConversation.value);
  });
});

describe("the assignee", () => {
  it("is who was named last, or nobody", async () => {
    const { notes } = await fixture();
    expect(await notes.assignee()).toBeUndefined();
    await notes.assign("Ann");
    await notes.assign("Bea");
    expect(await notes.assignee()).toBe("Bea");
    await notes.assign(undefined);
    expect(await notes.assignee()).toBeUndefined();
    await expect(notes.assign("")).rejects.toMatchObject(wrong);
  });
});
