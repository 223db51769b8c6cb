import { encodeContent, limits } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { assertCounted, choicesOf, type Outgoing, prepared } from "../../../../sdk/core/conversations/outgoing.js";
import { me, messageId, peer, Talk } from "../people.js";
import { picture } from "./sayings.js";

const said = (message: Outgoing) => prepared(message).saying(undefined);
const preview = { url: "https://example.org", title: "An example" };
const fails = (code: string, words: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(words) as unknown });
const long = (bytes: number) => "x".repeat(bytes + 1);

describe("words", () => {
  const quoted = { messageId: messageId(1), hash: new Uint8Array(32) };

  it("are plain, unless they name somebody or show a page", () => {
    expect(said({ text: "hi" })).toEqual({ kind: "text", text: "hi" });
    expect(said({ text: "hi", mentions: [] })).toEqual({ kind: "text", text: "hi" });
    const reply = prepared({ text: "hi", replyTo: messageId(1) });
    expect(reply.replyTo).toBe(messageId(1));
    expect(reply.saying(quoted)).toMatchObject({ kind: "reply", quoted: messageId(1), text: "hi" });
    expect(said({ text: "hi", preview })).toMatchObject({ kind: "annotated", preview });
    const naming = prepared({ text: "@a @b", mentions: [mention(3, 2), mention(0, 2)], replyTo: messageId(1) });
    expect(naming.saying(quoted)).toMatchObject({
      kind: "annotated",
      quoted,
      mentions: [mention(0, 2), mention(3, 2)],
    });
  });
});

describe("attachments", () => {
  it("go with words and without, and answer messages", () => {
    expect(said({ attachments: [picture] })).toMatchObject({ kind: "attachments", attachments: [picture] });
    const message = prepared({ attachments: [picture], text: "my cat", replyTo: messageId(1) });
    const quoted = { messageId: messageId(1), hash: new Uint8Array(32) };
    expect(message.saying(quoted)).toMatchObject({ text: "my cat", quoted });
  });
});

describe("a poll", () => {
  it("lets one be chosen if nothing else is said", () => {
    expect(said({ poll: { question: "when?", options: ["now", "later"] } })).toMatchObject({ choose: "one" });
    expect(said({ poll: { question: "?", options: ["a", "b"], choose: "many" } })).toMatchObject({ choose: "many" });
  });
});

const mention = (start: number, length: number) => ({ account: peer, start, length });
const texts = (mentions: readonly ReturnType<typeof mention>[], text = "hi 🦊!"): Outgoing => ({ text, mentions });
const polls = (options: readonly string[], question = "when?"): Outgoing => ({ poll: { question, options } });
const places = (latitude: number, longitude: number): Outgoing => ({ location: { latitude, longitude } });
const foreign = (value: object): Outgoing => value as Outgoing;

const refused: readonly (readonly [string, Outgoing, string, RegExp])[] = [
  ["no words", { text: "" }, "invalidArgument", /at least one character/],
  ["half a character", { text: "\ud83e" }, "invalidArgument", /lone surrogate/],
  ["too many words", { text: long(limits.textBytes.value) }, "tooLarge", /at most 32768 bytes/],
  ["an answer to no id", { text: "hi", replyTo: "x" as never }, "invalidArgument", /message id/],
  ["a mention behind the text", texts([mention(4, 3)]), "invalidArgument", /piece of the text/],
  ["an empty mention", texts([mention(1, 0)]), "invalidArgument", /piece of the text/],
  ["mentions over each other", texts([mention(0, 2), mention(1, 2)]), "invalidArgument", /no other mention/],
  ["a mention that ends in a character", texts([mention(0, 4)]), "invalidArgument", /whole characters/],
  ["a mention that begins in a character", texts([mention(4, 1)]), "invalidArgument", /whole characters/],
  ["a mention of no account", texts([{ ...mention(0, 1), account: "bob" as never }]), "invalidArgument", /account id/],
  [
    "a mention too many",
    texts(
      Array.from({ length: 101 }, (_, at) => mention(at, 1)),
      "x".repeat(200),
    ),
    "invalidArgument",
    /at most 100/,
  ],
  ["a page of no web", { text: "hi", preview: { ...preview, url: "file:///etc" } }, "invalidArgument", /http/],
  ["a page without a title", { text: "hi", preview: { ...preview, title: " " } }, "invalidArgument", /title/],
  ["a long title", { text: "hi", preview: { ...preview, title: long(512) } }, "tooLarge", /title/],
  ["no attachments", { attachments: [] }, "invalidArgument", /1 to 16 attachments/],
  ["too many attachments", { attachments: new Array(17).fill(picture) }, "invalidArgument", /1 to 16 attachments/],
  ["attachments under no words", { attachments: [picture], text: "" }, "invalidArgument", /at least one character/],
  ["half an attachment", foreign({ attachments: [{ id: picture.id }] }), "invalidArgument", /upload\(\)/],
  ["no attachment at all", foreign({ attachments: [undefined] }), "invalidArgument", /upload\(\)/],
  [
    "an attachment with another key",
    { attachments: [{ ...picture, key: new Uint8Array(31) }] },
    "invalidArgument",
    /upload\(\)/,
  ],
  ["a place beyond the pole", places(90.1, 0), "invalidArgument", /-90 to 90/],
  ["a place beyond the date line", places(0, -180.1), "invalidArgument", /-180 to 180/],
  ["no place", places(Number.NaN, 0), "invalidArgument", /degrees/],
  ["a place in text", places("5" as never, 0), "invalidArgument", /degrees/],
  ["a vague place", { location: { latitude: 0, longitude: 0, accuracyMeters: -1 } }, "invalidArgument", /meters/],
  ["a place without a name", { location: { latitude: 0, longitude: 0, label: " " } }, "invalidArgument", /label/],
  ["a card without a name", { card: { name: "" } }, "invalidArgument", /name on a card/],
  ["a card of no account", { card: { name: "Bob", account: "bob" as never } }, "invalidArgument", /account id/],
  ["an empty entry", { card: { name: "Bob", entries: [{ kind: "email", value: "" }] } }, "invalidArgument", /entry/],
  ["a long entry", { card: { name: "B", entries: [{ kind: "email", value: long(256) }] } }, "tooLarge", /entry/],
  ["a poll without a choice", polls(["only"]), "invalidArgument", /2 to 32 options/],
  ["a poll of 33", polls(Array.from({ length: 33 }, String)), "invalidArgument", /2 to 32 options/],
  ["two options alike", polls(["yes", " yes"]), "invalidArgument", /no two options/],
  ["a blank option", polls(["yes", " "]), "invalidArgument", /not blank/],
  ["a long option", polls(["yes", long(256)]), "tooLarge", /option/],
  ["no question", polls(["yes", "no"], "\n"), "invalidArgument", /question/],
  ["bytes of no schema", { custom: { schema: "", data: new Uint8Array(1) } }, "invalidArgument", /custom/],
];

describe("what no message can say", () => {
  it.each(refused)("%s is refused at once, with what would do", (_name, message, code, words) => {
    expect(() => prepared(message)).toThrow(fails(code, words));
  });
});

describe("choices of a vote", () => {
  it("are places, each once, in their order", () => {
    expect(choicesOf([2, 0])).toEqual([0, 2]);
    expect(choicesOf([])).toEqual([]);
    for (const wrong of [[0, 0], [-1], [1.5], [32], ["0" as never], "0" as never])
      expect(() => choicesOf(wrong)).toThrow(fails("invalidArgument", /places from 0/));
  });

  it("are those of the poll, and one where it lets one be chosen", () => {
    const poll = { options: ["a", "b"], choose: "one" } as const;
    assertCounted(poll, []);
    assertCounted(poll, [1]);
    assertCounted({ ...poll, choose: "many" }, [0, 1]);
    for (const wrong of [[2], [0, 1]])
      expect(() => assertCounted(poll, wrong)).toThrow(
        fails("invalidArgument", /2 options, of which a vote names one/),
      );
  });
});

describe("the largest message of each kind", () => {
  const full = { ...picture, name: "n".repeat(255), mime: "m".repeat(127), waveform: new Uint8Array(128) };
  const text = "x".repeat(limits.textBytes.value);
  const entries = new Array(16).fill({ kind: "other", value: "e".repeat(256) });
  const options = Array.from({ length: 32 }, (_, index) => String(index).padStart(256, "o"));
  const mentions = Array.from({ length: 100 }, (_, index) => ({ account: me, start: 300 * index, length: 300 }));
  const page = { url: `https://${"u".repeat(2_000)}`, title: "t".repeat(512), description: "d".repeat(2_048) };
  const largest: readonly Outgoing[] = [
    { attachments: new Array(16).fill(full), text, replyTo: messageId(1) },
    { text, mentions, preview: page, replyTo: messageId(1) },
    { location: { latitude: 90, longitude: 180, accuracyMeters: 40_000_000, label: "l".repeat(256) } },
    { card: { name: "n".repeat(256), account: me, userId: "u".repeat(64), entries } },
    { poll: { question: "q".repeat(1_024), options } },
  ];

  it.each(largest)("fits into a content", async (message) => {
    const talk = await Talk.open();
    const { saying, replyTo } = prepared(message);
    const quoted = replyTo && { messageId: replyTo, hash: new Uint8Array(32) };
    const content = { ...talk.content(me, messageId(9), saying(quoted)), timerMs: limits.timerMs.value };
    expect(encodeContent(content).length).toBeLessThanOrEqual(limits.contentBytes.value);
  });
});
