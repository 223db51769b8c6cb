import { encodeContent } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { MAX_EARLY_OF_ONE } from "../../../../sdk/core/conversations/early.js";
import { contentHash } from "../../../../sdk/core/conversations/stored-content.js";
import { me, peer } from "../people.js";
import { carol, GroupTalk, idOf, mallory, members, react, text } from "./members.js";

let talk: GroupTalk;

beforeEach(async () => {
  talk = await GroupTalk.open();
});

describe("what is said in a group", () => {
  it("is refused under the id of somebody else's message, whichever of the two comes first", async () => {
    expect(await talk.hear(talk.content(mallory, 1, text("mine"), { messageId: idOf(peer, 1) }))).toBe("refused");
    expect(await talk.hear(talk.content(peer, 1, text("hi")))).toBe("shown");
    expect(await talk.hear(talk.content(mallory, 1, text("mine"), { messageId: idOf(peer, 1) }))).toBe("refused");
    expect(await talk.hear(talk.content(carol, 1, react(idOf(peer, 1))))).toBe("shown");
    expect(await talk.items()).toMatchObject([
      { kind: "text", text: "hi", from: peer, reactions: [{ from: carol, emoji: "👍" }] },
      { kind: "reaction", from: carol },
    ]);
  });

  it("is refused if it edits or deletes another's message, before that comes and behind it", async () => {
    const forged = () => [
      talk.content(mallory, 2, { kind: "edit", target: idOf(peer, 1), text: "forged" }),
      talk.content(mallory, 3, { kind: "delete", target: idOf(peer, 1) }),
    ];
    for (const word of forged()) expect(await talk.hear(word)).toBe("refused");
    expect(await talk.hear(talk.content(peer, 1, text("hi")))).toBe("shown");
    for (const word of forged()) expect(await talk.hear(word)).toBe("refused");
    expect(await talk.items()).toMatchObject([{ kind: "text", text: "hi", edited: "no" }]);
    expect(await talk.hear(talk.content(peer, 2, { kind: "edit", target: idOf(peer, 1), text: "ho" }))).toBe("shown");
    expect(await talk.items()).toMatchObject([{ text: "ho", edited: "yes" }, { kind: "edit" }]);
  });

  it("is refused without a revision, and if it is only said between two", async () => {
    expect(await talk.hear(talk.content(peer, 1, text("hi"), { revision: undefined }))).toBe("refused");
    expect(await talk.hear(talk.content(peer, 2, { kind: "receipt", receipt: "read", targets: [idOf(me, 1)] }))).toBe(
      "refused",
    );
    expect(await talk.hear(talk.content(peer, 3, { kind: "typing", typing: "started" }))).toBe("refused");
    expect(await talk.hear(talk.content(peer, 4, { kind: "profile", name: "Eve" }))).toBe("refused");
    expect(await talk.items()).toEqual([]);
  });

  it("finds its words that came first, whoever says them, also in the next run", async () => {
    for (const [index, member] of members.entries())
      expect(await talk.hear(talk.content(member, 10 + index, react(idOf(peer, 1))))).toBe("applied");
    expect(await talk.hear(talk.content(peer, 20, { kind: "edit", target: idOf(peer, 1), text: "ho" }))).toBe(
      "applied",
    );
    talk = await GroupTalk.open(talk.store);
    expect(await talk.hear(talk.content(peer, 1, text("hi")))).toBe("shown");
    const [message] = (await talk.items()).filter(({ kind }) => kind === "text");
    expect(message).toMatchObject({ text: "ho", edited: "yes" });
    expect(message && "reactions" in message && message.reactions.map(({ from }) => from)).toEqual(members);
    expect((await talk.items()).map(({ kind }) => kind).sort()).toEqual([
      ...["edit", "reaction", "reaction", "reaction", "reaction", "text"],
    ]);
  });

  it("leaves every member room for early words, however many another says", async () => {
    for (let number = 0; number < MAX_EARLY_OF_ONE; number++)
      expect(await talk.hear(talk.content(mallory, 100 + number, react(idOf(peer, number))))).toBe("applied");
    expect(await talk.hear(talk.content(mallory, 99, react(idOf(peer, 5_000))))).toBe("refused");
    expect(await talk.hear(talk.content(carol, 1, react(idOf(peer, 1))))).toBe("applied");
    talk = await GroupTalk.open(talk.store);
    expect(await talk.hear(talk.content(mallory, 98, react(idOf(peer, 5_000))))).toBe("refused");
    expect(await talk.hear(talk.content(carol, 2, react(idOf(peer, 2))))).toBe("applied");
  }, 30_000);

  it("quotes any member's message, and says so if the quote is forged", async () => {
    const said = talk.content(carol, 1, text("hi"));
    await talk.hear(said);
    const quote = (quotedHash: Uint8Array): Saying => ({
      kind: "reply",
      quoted: said.messageId,
      quotedHash,
      text: "r",
    });
    await talk.hear(talk.content(peer, 1, quote(contentHash(encodeContent(said)))));
    await talk.hear(talk.content(mallory, 1, quote(new Uint8Array(32))));
    expect((await talk.items()).slice(1)).toMatchObject([
      { quoted: { state: "found" } },
      { quoted: { state: "forged" } },
    ]);
    expect((await talk.thread.reader.message(said.messageId))?.hash).toEqual(contentHash(encodeContent(said)));
  });
});
