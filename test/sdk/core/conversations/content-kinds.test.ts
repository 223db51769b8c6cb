import { type Content, contentKinds, decodeContent, digest, encodeContent, encodeRecord } from "@sotto/protocol";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { fittingMentions } from "../../../../sdk/core/conversations/annotations.js";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import type { Item } from "../../../../sdk/core/conversations/items.js";
import { locationBody, locationIn } from "../../../../sdk/core/conversations/location.js";
import { encodeRow } from "../../../../sdk/core/rows.js";
import { me, messageId, peer, Talk } from "../people.js";
import { card, location, naming, picture, pictures, poll } from "./sayings.js";

let talk: Talk;
beforeEach(async () => {
  talk = await Talk.open();
});

const shown = async (index = 0): Promise<Item | undefined> => (await talk.items())[index];
const target = messageId(1);

const items: readonly (readonly [string, Saying, object])[] = [
  ["attachments", pictures, { kind: "attachments", attachments: [picture], text: "my cat", edited: "no" }],
  [
    "words that name people and show a page",
    naming,
    {
      ...{ kind: "text", text: "ask @me about https://example.org", edited: "no" },
      mentions: [{ account: me, start: 4, length: 3 }],
      preview: { url: "https://example.org", title: "An example" },
    },
  ],
  [
    "a location",
    location,
    { kind: "location", latitude: 52.520008, longitude: 13.404954, accuracyMeters: 5, label: "Brandenburg Gate" },
  ],
  ["a card", card, { kind: "card", name: "Carol", entries: [{ kind: "phone", value: "+49 30 1" }] }],
  [
    "a poll",
    poll,
    { kind: "poll", question: "when?", options: ["now", "later", "never"], choose: "one", tally: { voters: 0 } },
  ],
];

describe.each(items)("%s", (_name, saying, item) => {
  it("is shown, reacted to, quoted and deleted like any message", async () => {
    const content = talk.content(peer, target, saying);
    await talk.write(content);
    expect(await shown()).toMatchObject(item);
    await talk.say(me, 2, { kind: "reaction", target, emoji: "👍", action: "add" });
    expect(await shown()).toMatchObject({ ...item, reactions: [{ from: me, emoji: "👍" }] });
    const quotedHash = digest(encodeContent(content));
    await talk.say(me, 3, { kind: "reply", quoted: target, quotedHash, text: "yes" });
    const reply = async () => (await talk.items()).find(({ kind }) => kind === "reply");
    expect(await reply()).toMatchObject({ quoted: { state: "found" } });
    await talk.say(peer, 4, { kind: "delete", target });
    expect(await shown()).toMatchObject({ kind: "deleted" });
    expect(await reply()).toMatchObject({ quoted: { state: "deleted" } });
  });

  it("that a version without its kind kept is readable now", async () => {
    const content = talk.content(peer, target, saying);
    const old = { ...content, kind: "unsupported", kindNumber: 999, body: bodyOf(content) } as Content;
    await talk.write(old);
    expect(await shown()).toMatchObject({ kind: "unsupported" });
    const row = await talk.timeline.row(1);
    if (row === undefined) throw new Error("nothing was kept");
    // The same bytes under the number that the kind has: that is what such a version kept.
    const { key } = talk.timeline.replace(1, row);
    const kept = encodeRow("item", { ...row, content: encodeContent(content) });
    await talk.store.commit([{ key, value: kept }]);
    expect(await shown()).toMatchObject(item);
  });
});

function bodyOf(content: Content): Uint8Array {
  return content.kind === "unsupported"
    ? content.body
    : encodeRecord<unknown>(contentKinds[content.kind].body, content);
}

describe("an edit", () => {
  it("of attachments replaces their words, also where they had none", async () => {
    await talk.say(peer, 1, { kind: "attachments", attachments: [picture] });
    await talk.say(peer, 2, { kind: "edit", target, text: "my dog" });
    expect(await shown()).toMatchObject({ kind: "attachments", attachments: [picture], text: "my dog", edited: "yes" });
  });

  it("of words leaves nobody named and no page shown", async () => {
    await talk.say(peer, 1, naming);
    await talk.say(peer, 2, { kind: "edit", target, text: "ask @me about https://example.org" });
    const item = await shown();
    expect(item).toMatchObject({ kind: "text", edited: "yes" });
    expect(item).not.toHaveProperty("mentions");
    expect(item).not.toHaveProperty("preview");
  });

  it.each([location, card, poll])("of a $kind is refused", async (saying) => {
    await talk.say(peer, 1, saying);
    expect(await talk.say(peer, 2, { kind: "edit", target, text: "no words" })).toBe("refused");
  });
});

describe("an answer", () => {
  it("may name people and carry attachments", async () => {
    const quoted = { messageId: target, hash: digest(encodeContent(talk.content(peer, target, poll))) };
    await talk.say(peer, 2, { ...naming, quoted } as Saying);
    await talk.say(peer, 3, { ...pictures, quoted } as Saying);
    expect(await talk.items()).toMatchObject([
      { kind: "reply", mentions: [{ account: me }], quoted: { messageId: target, state: "missing" } },
      { kind: "attachments", quoted: { messageId: target, state: "missing" } },
    ]);
  });
});

describe("what a modified client says beside its words", () => {
  it("is left out where it does not fit them", async () => {
    const mentions = [
      { account: me, start: 30, length: 5 },
      { account: me, start: 4, length: 3 },
      { account: peer, start: 5, length: 4 },
    ];
    const preview = { url: "javascript:alert(1)", title: "Your bank" };
    await talk.say(peer, 1, { ...naming, mentions, preview } as Saying);
    const item = await shown();
    expect(item).toMatchObject({ mentions: [{ account: me, start: 4, length: 3 }] });
    expect(item).not.toHaveProperty("preview");
  });

  it("leaves mentions that lie inside the text, apart and on whole characters, and the same whatever their order", () => {
    const range = fc.record({ account: fc.constantFrom(me, peer), start: fc.nat(12), length: fc.nat(6) });
    const words = fc.string({ unit: fc.constantFrom("a", "🦊", "é"), maxLength: 8 });
    fc.assert(
      fc.property(words, fc.array(range, { maxLength: 6 }), (text, mentions) => {
        const fitting = fittingMentions(text, mentions);
        let end = 0;
        for (const { start, length } of fitting) {
          expect(start).toBeGreaterThanOrEqual(end);
          end = start + length;
          expect(end).toBeLessThanOrEqual(text.length);
          expect(text.slice(start, end).isWellFormed() && length > 0).toBe(true);
        }
        const places = (all: typeof mentions) => fittingMentions(text, all).map(({ start, length }) => [start, length]);
        expect(places([...mentions].reverse())).toEqual(places(mentions));
        expect(fittingMentions(text, fitting)).toEqual(fitting);
      }),
    );
  });
});

describe("degrees", () => {
  it("come back as they were said, to a millionth", () => {
    const millionth = (most: number) => fc.integer({ min: -most * 1e6, max: most * 1e6 }).map((value) => value / 1e6);
    fc.assert(
      fc.property(millionth(90), millionth(180), (latitude, longitude) => {
        const body = locationBody({ latitude, longitude });
        expect(locationIn(body)).toEqual({ latitude, longitude });
        const content = talk.content(me, target, { kind: "location", ...body });
        expect(decodeContent(encodeContent(content))).toMatchObject({
          latitude: body.latitude,
          longitude: body.longitude,
        });
      }),
    );
  });
});
