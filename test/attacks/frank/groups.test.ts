/** Attacks in groups: one message that is two, members who see different things, conversations that are cut and pasted. */

import { type AccountId, type ConversationId, groupRoster, inspectHead, type Roster, toHex } from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { threadOf } from "../../../server/desk/console/thread.js";
import { disclosedOf } from "../../support/franking/disclosed.js";
import {
  accountOf,
  evidenceOf,
  NOW_MS,
  reasonOf,
  type Sent,
  SmallRealm,
  secretOf,
} from "../../support/franking/realm.js";

const small = new SmallRealm();
const sender = small.device("S");
const [a, b, hidden] = ["A", "B", "hidden"].map(accountOf) as [AccountId, AccountId, AccountId];
const group = toHex(secretOf("group").subarray(0, 16)) as ConversationId;
const standing = { group, revision: 4, head: secretOf("head") };
const everybody = [sender.account, a, b];
const rosterOf = (members: readonly AccountId[], at = standing): Roster => groupRoster(small.realm, at, members);
const audience = (roster: Roster) => ({ kind: "group", roster }) as const;
const say = (text: string) => ({ ...small.text(sender, a, text), conversation: group, revision: 4 });
const sent = small.send(sender, audience(rosterOf(everybody)), say("hello all"));

describe("attack 7, T16c: one ciphertext to a group that decrypts to two plaintexts for two members", () => {
  test("both have the same commitment beside it, which only one of the plaintexts opens", () => {
    const other = small.send(sender, sent.audience, say("something else"));
    for (const member of [a, b]) expect(small.check(sent, member).kind).toBe("genuine");
    const twoFaced = { ...other, commitment: sent.commitment };
    expect(reasonOf(small.check(twoFaced, b))).toBe("commitment");
    const halves = { ...sent, committed: other.committed };
    expect(reasonOf(small.check(halves, b))).toBe("commitment");
  });

  test("nor is there a second opening of one commitment by another secret", () => {
    const again = small.send(sender, sent.audience, sent.content, { secret: secretOf("second") });
    expect(reasonOf(small.check({ ...again, commitment: sent.commitment }, b))).toBe("commitment");
  });
});

describe("attack 8, T16d: members are shown different groups", () => {
  const shownTo = (roster: Roster, member: AccountId, reader = rosterOf(everybody)) =>
    reasonOf(small.check({ ...small.send(sender, audience(roster), say("hi")), audience: audience(reader) }, member));

  test("a member that is left out, or one that is hidden, makes it another roster than the readers have", () => {
    expect(shownTo(rosterOf(everybody), a)).toBe("genuine");
    expect(shownTo(rosterOf([sender.account, a]), a)).toBe("commitment");
    expect(shownTo(rosterOf([...everybody, hidden]), a)).toBe("commitment");
    expect(shownTo(rosterOf(everybody, { ...standing, revision: 5 }), a)).toBe("commitment");
    expect(shownTo(rosterOf(everybody, { ...standing, head: secretOf("a fork of the log") }), a)).toBe("commitment");
  });

  test("who is not in the roster is shown nothing, though the envelope came", () => {
    expect(reasonOf(small.check(sent, hidden))).toBe("roster");
  });

  test("what was seen from others is in the words: two halves that saw different things say so", () => {
    const first = { ...say("one"), seen: [secretOf("C that A saw")] };
    const second = { ...say("two"), seen: [secretOf("C that only B saw")] };
    const [one, two] = [first, second].map((content) => {
      const half = small.send(sender, sent.audience, content);
      const shown = disclosedOf(small, evidenceOf(small.check(half, a)), half, 0);
      return shown.words.kind === "shown" ? shown.words.content.seen.map(toHex) : [];
    });
    expect(one).toEqual([toHex(secretOf("C that A saw"))]);
    expect(two).not.toEqual(one);
  });
});

describe("attack 21, T15: context that is picked, put together, or turned round", () => {
  const lines = ["one", "two", "three", "four", "five"].map((text, at) => {
    const content = { ...say(text), counter: at + 1 };
    return small.send(sender, sent.audience, content, { acceptedMs: NOW_MS + at * 1_000 });
  });
  const shown = (one: Sent, place: number) => disclosedOf(small, evidenceOf(small.check(one, a)), one, place);
  const [first, second, third, fourth, fifth] = lines as [Sent, Sent, Sent, Sent, Sent];

  test("T15: what is withheld shows as a gap, counted by its sender", () => {
    const { gaps } = threadOf([shown(first, 0), shown(fifth, 1)]);
    expect(gaps).toMatchObject([{ account: sender.account, conversation: group, after: 1, before: 5, missing: 3 }]);
    expect(threadOf([first, second, third].map(shown)).gaps).toEqual([]);
  });

  test("T15b: told in another order they stand in the order in which the relay took them", () => {
    const { rows } = threadOf([fourth, first, third, second].map(shown));
    const texts = rows.flatMap((row) => (row.kind === "message" ? [row.message.said.words.content] : []));
    expect(texts.map((content) => (content.kind === "text" ? content.text : ""))).toEqual([
      "one",
      "two",
      "three",
      "four",
    ]);
  });

  test("T15b: a line of another conversation stands apart", () => {
    const elsewhere = small.send(sender, a, small.text(sender, a, "said elsewhere"));
    const { conversations, rows } = threadOf([shown(first, 0), shown(elsewhere, 1)]);
    expect(conversations).toHaveLength(2);
    expect(rows.filter(({ kind }) => kind === "conversation")).toHaveLength(2);
  });

  test("two contents under one id, said to two halves, are two messages, and no copy hides the other", () => {
    const id = { messageId: first.content.messageId, counter: 9, sentAtMs: NOW_MS };
    const mild = small.send(sender, sent.audience, { ...say("have a nice day"), ...id });
    const harsh = small.send(sender, sent.audience, { ...say("I will find you"), ...id });
    const { rows } = threadOf([shown(mild, 0), shown(harsh, 1)]);
    expect(rows.filter(({ kind }) => kind === "message")).toHaveLength(2);
  });
});

test("a message to a group is inspected for each member alone, and its head names no other", () => {
  const { head } = evidenceOf(small.check(sent, b));
  expect(inspectHead(head, small.headKeys()).kind).toBe("verified");
  const named = Buffer.concat([...Object.values(head)].filter((value) => value instanceof Uint8Array));
  expect(named.includes(Buffer.from(a.replaceAll("-", ""), "hex"))).toBe(false);
  expect(inspectHead({ ...head, recipient: a }, small.headKeys())).toEqual({ kind: "refused", reason: "notSigned" });
});
