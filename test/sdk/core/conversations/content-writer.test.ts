import { digest, encodeContent } from "@sotto/protocol";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { hidden } from "../../../../sdk/core/conversations/content-writer.js";
import type { ItemStatus } from "../../../../sdk/core/conversations/items.js";
import { settledChanges } from "../../../../sdk/core/conversations/settlement.js";
import { movesOn } from "../../../../sdk/core/conversations/statuses.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { me, messageId, peer, Talk } from "../people.js";

let talk: Talk;
beforeEach(async () => {
  talk = await Talk.open();
});

const text = (words: string) => ({ kind: "text", text: words }) as const;
const edit = (target: number, words: string) => ({ kind: "edit", target: messageId(target), text: words }) as const;
const remove = (target: number) => ({ kind: "delete", target: messageId(target) }) as const;
const react = (target: number, emoji: string, action: "add" | "remove" = "add") =>
  ({ kind: "reaction", target: messageId(target), emoji, action }) as const;

/** Every row's bytes, as text: what an attacker with the store key could read. */
async function everythingStored(): Promise<string> {
  const rows = await talk.store.list({ after: "!", before: "~", limit: 10_000, order: "ascending" });
  return rows.map(({ value }) => Buffer.from(value).toString("latin1")).join("\n");
}

describe("a message", () => {
  it("is shown once, whatever comes again under its id", async () => {
    const content = talk.content(peer, messageId(1), text("hi"));
    expect(await talk.write(content)).toBe("shown");
    expect(await talk.write(content)).toBe("duplicate");
    expect(await talk.write(talk.content(peer, messageId(1), text("something else")))).toBe("duplicate");
    expect(await talk.items()).toMatchObject([{ kind: "text", text: "hi", status: "received", direction: "received" }]);
  });

  it("of a peer may have the id of one of mine", async () => {
    await talk.say(me, 1, text("mine"));
    expect(await talk.say(peer, 1, text("theirs"))).toBe("shown");
    expect(await talk.items()).toMatchObject([{ text: "theirs" }, { text: "mine" }]);
  });

  it("of every kind is an item as it was said; receipts and typing are none", async () => {
    await talk.say(peer, 1, text("hi"));
    await talk.say(peer, 2, { kind: "custom", schema: "org.example", data: Uint8Array.of(1) });
    await talk.say(peer, 3, { kind: "profile", name: "Bob" });
    await talk.say(peer, 4, react(1, "👍"));
    await talk.say(peer, 5, { kind: "receipt", receipt: "read", targets: [messageId(1)] });
    expect(await talk.say(peer, 6, { kind: "typing", typing: "started" })).toBe("refused");
    expect((await talk.items()).map(({ kind }) => kind)).toEqual(["text", "custom", "profile", "reaction"]);
  });

  it("of a kind that this version does not know is shown as such", async () => {
    const header = talk.content(peer, messageId(1), text("x"));
    const unknown = { ...header, kind: "unsupported" as const, kindNumber: 999, body: Uint8Array.of(0x91, 1) };
    expect(await talk.write(unknown)).toBe("shown");
    expect(await talk.items()).toMatchObject([{ kind: "unsupported", kindNumber: 999 }]);
  });
});

describe("a message of another device of mine", () => {
  it("is an accepted one of mine, and revises as if it were said here", async () => {
    const second = { device: 2 };
    expect(await talk.sync(talk.content(me, messageId(1), text("one"), second))).toBe("shown");
    await talk.say(me, 2, edit(1, "two"));
    expect(await talk.items()).toMatchObject([
      { text: "two", status: "accepted", direction: "sent" },
      { kind: "edit", status: "pending" },
    ]);
    await talk.sync(talk.content(me, messageId(3), remove(1), second));
    expect((await talk.items()).map(({ kind }) => kind)).toEqual(["deleted", "delete"]);
  });

  it("that this one still tries to send is accepted", async () => {
    const content = talk.content(me, messageId(1), text("one"));
    await talk.write(content);
    expect(await talk.sync(content)).toBe("duplicate");
    expect(await talk.items()).toMatchObject([{ text: "one", status: "accepted" }]);
  });
});

describe("an edit", () => {
  it("replaces the words in place, and only the last edit is an item", async () => {
    await talk.say(peer, 1, text("one"));
    await talk.say(peer, 2, edit(1, "two"));
    await talk.say(peer, 3, edit(1, "three"));
    expect(await talk.items()).toMatchObject([
      { kind: "text", text: "three", edited: "yes" },
      { kind: "edit", text: "three" },
    ]);
    expect(await everythingStored()).not.toContain("two");
  });

  it("of what somebody else wrote is refused, or held for a message that will not come from its sender", async () => {
    await talk.say(peer, 1, text("theirs"));
    expect(await talk.say(me, 2, edit(1, "mine now"))).toBe("refused");
    await talk.say(me, 3, text("mine"));
    await talk.say(peer, 4, edit(3, "theirs now"));
    expect(await talk.items()).toMatchObject([{ text: "theirs" }, { text: "mine" }]);
  });

  it("of anything but words is refused", async () => {
    await talk.say(peer, 1, { kind: "custom", schema: "org.example", data: Uint8Array.of(1) });
    await talk.say(peer, 2, react(1, "👍"));
    expect(await talk.say(peer, 3, edit(1, "words"))).toBe("refused");
    expect(await talk.say(peer, 4, edit(2, "words"))).toBe("refused");
  });

  it("that was made earlier than the one shown changes nothing, whichever arrives last", async () => {
    await talk.say(peer, 1, text("one"));
    const older = talk.content(peer, messageId(2), edit(1, "older"));
    const newer = talk.content(peer, messageId(3), edit(1, "newer"));
    await talk.write(newer);
    await talk.write(older);
    expect(await talk.items()).toMatchObject([{ text: "newer" }, { kind: "edit", text: "newer" }]);
    expect(await talk.write(older)).toBe("duplicate");
  });

  it("that comes before its target is applied when the target arrives, also after a restart", async () => {
    const target = talk.content(peer, messageId(1), text("one"));
    expect(await talk.write(talk.content(peer, messageId(2), edit(1, "two")))).toBe("applied");
    talk = await Talk.open(talk.store);
    await talk.write(target);
    expect(await talk.items()).toMatchObject([
      { kind: "text", text: "two", edited: "yes" },
      { kind: "edit", text: "two" },
    ]);
  });
});

describe("a delete", () => {
  it("leaves nothing of the message, its edits and its reactions in the store", async () => {
    await talk.say(peer, 1, text("canary-first"));
    await talk.say(peer, 2, edit(1, "canary-second"));
    await talk.say(me, 3, react(1, "👍"));
    await talk.say(peer, 4, edit(1, "canary-third"));
    await talk.say(peer, 5, remove(1));
    expect((await talk.items()).map(({ kind }) => kind)).toEqual(["deleted", "delete", "reaction"]);
    expect(await everythingStored()).not.toContain("canary");
  });

  it("before its target leaves nothing of it either, also if an edit comes in between", async () => {
    const target = talk.content(peer, messageId(1), text("canary-first"));
    const edited = talk.content(peer, messageId(2), edit(1, "canary-second"));
    await talk.write(talk.content(peer, messageId(3), remove(1)));
    await talk.write(edited);
    await talk.write(target);
    expect((await talk.items()).map(({ kind }) => kind)).toEqual(["deleted", "delete"]);
    expect(await everythingStored()).not.toContain("canary");
  });

  it("is final: later edits show and keep nothing, my own are refused", async () => {
    await talk.say(peer, 1, text("theirs"));
    await talk.say(peer, 2, remove(1));
    expect(await talk.say(peer, 3, edit(1, "canary"))).toBe("applied");
    await talk.say(me, 4, text("mine"));
    await talk.say(me, 5, remove(4));
    expect(await talk.say(me, 6, edit(4, "canary"))).toBe("refused");
    expect(await talk.say(me, 7, react(1, "👍"))).toBe("refused");
    expect(await everythingStored()).not.toContain("canary");
  });

  it("takes back words and custom messages, not what is about a message", async () => {
    await talk.say(peer, 1, { kind: "custom", schema: "org.example", data: Uint8Array.of(1) });
    await talk.say(peer, 2, react(1, "👍"));
    expect(await talk.say(peer, 3, remove(2))).toBe("refused");
    expect(await talk.say(peer, 4, remove(1))).toBe("shown");
    expect((await talk.items())[0]).toMatchObject({ kind: "deleted" });
  });

  it("of somebody else's message is refused", async () => {
    await talk.say(peer, 1, text("theirs"));
    expect(await talk.say(me, 2, remove(1))).toBe("refused");
  });
});

describe("reactions", () => {
  it("are one per person and emoji, and can be taken back", async () => {
    await talk.say(peer, 1, text("hi"));
    await talk.say(me, 2, react(1, "👍"));
    await talk.say(peer, 3, react(1, "👍"));
    await talk.say(me, 4, react(1, "👍"));
    expect((await talk.items())[0]).toMatchObject({ reactions: [{ from: peer }, { from: me }] });
    await talk.say(peer, 5, react(1, "👍", "remove"));
    expect((await talk.items())[0]).toMatchObject({ reactions: [{ from: me, emoji: "👍" }] });
  });

  it("that were taken back stay so, if the older word comes last", async () => {
    await talk.say(peer, 1, text("hi"));
    const added = talk.content(peer, messageId(2), react(1, "👍"));
    await talk.write(talk.content(peer, messageId(3), react(1, "👍", "remove")));
    expect(await talk.write(added)).toBe("shown");
    expect((await talk.items())[0]).toMatchObject({ reactions: [] });
  });

  it("that come before their message are there with it", async () => {
    expect(await talk.say(peer, 2, react(1, "👍"))).toBe("applied");
    expect(await talk.items()).toEqual([]);
    await talk.sync(talk.content(me, messageId(1), text("from my other device")));
    expect(await talk.items()).toMatchObject([
      { kind: "reaction", emoji: "👍" },
      { kind: "text", reactions: [{ from: peer, emoji: "👍" }] },
    ]);
  });

  it("stop at 128 of one account, and do not push others out", async () => {
    await talk.say(peer, 1, text("hi"));
    await talk.say(me, 2, react(1, "👍"));
    for (let number = 0; number < 130; number++) await talk.say(peer, 100 + number, react(1, `e${number}`));
    const [item] = await talk.items();
    expect(item?.kind === "text" && item.reactions).toHaveLength(129);
    expect(item).toMatchObject({ reactions: expect.arrayContaining([{ from: me, emoji: "👍" }]) });
    for (let number = 0; number < 127; number++) await talk.say(me, 300 + number, react(1, `e${number}`));
    expect(await talk.say(me, 999, react(1, "one too many"))).toBe("refused");
  });
});

describe("receipts", () => {
  it("move the status of my messages on and never back, whatever order they come in", async () => {
    const order: readonly ItemStatus[] = ["pending", "accepted", "delivered", "read"];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("delivered" as const, "read" as const), { maxLength: 6 }),
        async (came) => {
          talk = await Talk.open();
          await talk.say(me, 1, text("hi"));
          let furthest = 0;
          for (const [index, receipt] of came.entries()) {
            await talk.say(peer, 10 + index, { kind: "receipt", receipt, targets: [messageId(1), messageId(1)] });
            furthest = Math.max(furthest, order.indexOf(receipt));
            expect((await talk.items())[0]).toMatchObject({ status: order[furthest] });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("say nothing about a peer's own messages, and are not taken from this account", async () => {
    await talk.say(peer, 1, text("theirs"));
    await talk.say(peer, 2, { kind: "receipt", receipt: "read", targets: [messageId(1)] });
    expect((await talk.items())[0]).toMatchObject({ status: "received" });
    expect(await talk.say(me, 3, { kind: "receipt", receipt: "read", targets: [messageId(1)] })).toBe("refused");
  });

  it("for what another device of mine sent wait until it is here, also over a restart", async () => {
    await talk.say(peer, 2, { kind: "receipt", receipt: "read", targets: [messageId(1)] });
    await talk.say(peer, 3, { kind: "receipt", receipt: "delivered", targets: [messageId(1)] });
    talk = await Talk.open(talk.store);
    await talk.sync(talk.content(me, messageId(1), text("hi")));
    expect(await talk.items()).toMatchObject([{ text: "hi", status: "read" }]);
  });

  it("of my other devices mark what the peer wrote as read, now or when it comes; the peer's own do not", async () => {
    const read = (target: number) => ({ kind: "receipt", receipt: "read", targets: [messageId(target)] }) as const;
    await talk.say(peer, 1, text("here"));
    await talk.sync(talk.content(me, messageId(10), read(1)));
    await talk.sync(talk.content(me, messageId(11), read(2)));
    await talk.say(peer, 12, read(3));
    await talk.say(peer, 2, text("comes"));
    await talk.say(peer, 3, text("unread"));
    expect(await talk.items()).toMatchObject([{ status: "read" }, { status: "read" }, { status: "received" }]);
  });

  it("follow a status only where `movesOn` says so", () => {
    expect(movesOn("failed", "delivered")).toBe(true);
    expect(movesOn("read", "delivered")).toBe(false);
    expect(movesOn("received", "read")).toBe(false);
  });
});

describe("a reply", () => {
  const reply = (quoted: number, quotedHash: Uint8Array) =>
    ({ kind: "reply", quoted: messageId(quoted), quotedHash, text: "yes" }) as const;
  const stateOf = async () => {
    const item = (await talk.items()).find(({ kind }) => kind === "reply");
    return item?.kind === "reply" ? item.quoted.state : undefined;
  };

  it("finds its quote, then edited, then deleted", async () => {
    const quoted = talk.content(peer, messageId(1), text("one"));
    await talk.write(quoted);
    await talk.say(me, 2, reply(1, digest(encodeContent(quoted))));
    expect(await stateOf()).toBe("found");
    await talk.say(peer, 3, edit(1, "two"));
    expect(await stateOf()).toBe("edited");
    await talk.say(peer, 4, remove(1));
    expect(await stateOf()).toBe("deleted");
  });

  it("says if its quote is missing or is not what was said", async () => {
    await talk.say(peer, 2, reply(1, new Uint8Array(32)));
    expect(await stateOf()).toBe("missing");
    await talk.say(me, 1, text("one"));
    expect(await stateOf()).toBe("forged");
  });
});

describe("what resolves an undecryptable place", () => {
  async function undecryptable(): Promise<number> {
    const { sequence, changes } = talk.timeline.append({
      ...hidden(peer, 1),
      shape: "undecryptable",
      reason: "noSession",
    });
    await talk.store.commit(changes);
    talk.timeline.announce(sequence);
    return sequence;
  }

  it("takes it, whatever it is; what shows nothing leaves it empty", async () => {
    const [one, two, three] = [await undecryptable(), await undecryptable(), await undecryptable()];
    const shown = talk.content(peer, messageId(1), text("hi"));
    expect(await talk.write(shown, one)).toBe("shown");
    expect(await talk.write(shown, two)).toBe("duplicate");
    expect(await talk.write(talk.content(peer, messageId(2), remove(1)), two)).toBe("shown");
    expect(await talk.write(talk.content(peer, messageId(3), react(77, "👍")), three)).toBe("applied");
    expect((await talk.items()).map(({ kind }) => kind)).toEqual(["deleted", "delete"]);
    expect(talk.timeline.end).toBe(three);
  });

  it("is told to whoever waits, also if it happened between reading the item and asking", async () => {
    const place = await undecryptable();
    const stale = {
      sequence: place,
      row: { ...hidden(peer, 1), shape: "undecryptable" as const, reason: "noSession" },
    };
    await talk.write(talk.content(peer, messageId(1), text("hi")), place);
    const item = await talk.reader.item(stale);
    expect(item?.kind === "undecryptable" ? await item.resolved : undefined).toMatchObject({ text: "hi" });
  });
});

describe("where a message stands", () => {
  const order = async () => (await talk.items()).map((item) => ("text" in item ? item.text : undefined));

  it("is told by the earlier of two times, whichever comes first and from whichever side", async () => {
    const [theirs, mine] = [talk.content(peer, messageId(1), text("a")), talk.content(me, messageId(2), text("b"))];
    await talk.hear(theirs, 2_000);
    await talk.sync(mine, 1_500);
    expect(await order()).toEqual(["b", "a"]);
    expect(await talk.hear(theirs, 1_000)).toBe("duplicate");
    expect(await order()).toEqual(["a", "b"]);
    await talk.hear(theirs, 3_000);
    expect(await order()).toEqual(["a", "b"]);
    await talk.sync(mine, 900);
    expect(await order()).toEqual(["b", "a"]);
    expect(await talk.timeline.row(1)).toMatchObject({ acceptedMs: 1_000, status: "received" });
  });

  it("is not told by another content under its id", async () => {
    await talk.hear(talk.content(peer, messageId(1), text("a")), 2_000);
    await talk.hear(talk.content(peer, messageId(1), text("b")), 1_000);
    expect(await talk.timeline.row(1)).toMatchObject({ acceptedMs: 2_000 });
  });

  /** A message of mine that its relay refused, as a restored copy may hear of one it accepted before. */
  async function givenUp() {
    const content = talk.content(me, messageId(1), text("a"));
    await talk.write(content);
    const item = await talk.timeline.row(1);
    if (item === undefined) throw new Error("nothing was said");
    const refused = { kind: "failed", error: { code: "requestPending" } } as const;
    await talk.store.commit(settledChanges(talk.timeline, { item, sequence: 1 }, refused));
    expect(await talk.timeline.row(1)).toMatchObject({ status: "failed" });
    return content;
  }

  const confirmed = (acceptedMs: number) =>
    talk.hear(
      talk.content(peer, messageId(9), { kind: "receipt", receipt: "delivered", targets: [messageId(1)] }),
      acceptedMs,
    );

  it("is where its receipt is if it was given up here, until somebody tells its own time", async () => {
    const content = await givenUp();
    await talk.hear(talk.content(peer, messageId(2), text("b")), 2_500);
    expect(await confirmed(2_000)).toBe("applied");
    expect(await talk.timeline.row(1)).toMatchObject({ status: "delivered", acceptedMs: 2_000 });
    expect(await order()).toEqual(["a", "b"]);
    await talk.sync(content, 1_200);
    expect(await talk.timeline.row(1)).toMatchObject({ status: "delivered", acceptedMs: 1_200 });
  });

  it("is the relay's time when it answers behind the receipt, and a late refusal changes nothing", async () => {
    await talk.write(talk.content(me, messageId(1), text("a")));
    await confirmed(2_000);
    const settle = async (outcome: Parameters<typeof settledChanges>[2]) => {
      const item = await talk.timeline.row(1);
      if (item === undefined) throw new Error("nothing was said");
      await talk.store.commit(settledChanges(talk.timeline, { item, sequence: 1 }, outcome));
      return talk.timeline.row(1);
    };
    expect(await settle({ kind: "failed", error: { code: "expired" } })).toMatchObject({ status: "delivered" });
    expect(await settle({ kind: "accepted", acceptedMs: 1_900 })).toMatchObject({
      status: "delivered",
      acceptedMs: 1_900,
    });
    expect(await talk.items()).toHaveLength(1);
  });

  it("says which given-up messages a receipt proved", async () => {
    const content = await givenUp();
    const receipt = talk.content(peer, messageId(9), { kind: "receipt", receipt: "read", targets: [messageId(1)] });
    const said = Genuine.saidHere({ content: receipt, encoded: encodeContent(receipt) });
    const incoming = { said, atMs: 1, acceptedMs: 2_000 };
    const outcome = await talk.writer.write({ ...incoming, status: "received" });
    expect(outcome.proven).toEqual([content.messageId]);
  });
});
