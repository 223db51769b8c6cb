import { createHmac } from "node:crypto";
import { type AccountId, type ConversationId, groupRoster, limits, type Realm, toHex } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { directRoster, MAX_ROSTER_LEVELS, rosterRoot } from "../../../protocol/frank/roster.js";
import { accountOf, secretOf } from "../../support/franking/realm.js";

const realm: Realm = secretOf("realm").subarray(0, 16);
const group = toHex(secretOf("group").subarray(0, 16)) as ConversationId;
const standing = { group, revision: 7, head: secretOf("head") };
const people = (count: number): AccountId[] => Array.from({ length: count }, (_, at) => accountOf(`member ${at}`));

describe("a group's roster", () => {
  test.each([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256, 257, 999, 1_000])(
    "of %i opens for every member, and for each by its own leaf only",
    (count) => {
      const members = people(count);
      const roster = groupRoster(realm, standing, members);
      const levels = Math.ceil(Math.log2(count));
      const outsider = accountOf("outsider");
      expect(roster.openingOf(outsider)).toBeUndefined();
      for (const [at, member] of members.entries()) {
        const opening = roster.openingOf(member);
        if (opening === undefined) throw new Error("a member has an opening");
        expect(opening.path.length).toBe(levels);
        expect(rosterRoot(realm, member, opening)).toEqual(roster.root);
        if (at % 50 !== 0) continue;
        expect(rosterRoot(realm, outsider, opening)).not.toEqual(roster.root);
        if (count > 1)
          expect(rosterRoot(realm, members[(at + 1) % count] as AccountId, opening)).not.toEqual(roster.root);
      }
    },
  );

  test("of every size up to the largest group has a root of its own, and paths that evidence has room for", () => {
    const all = people(limits.groupAccounts.value);
    const roots = new Set<string>();
    for (let count = 1; count <= all.length; count += count < 70 ? 1 : 31) {
      const roster = groupRoster(realm, standing, all.slice(0, count));
      roots.add(toHex(roster.root));
      const last = all[count - 1] as AccountId;
      const opening = roster.openingOf(last);
      expect(opening?.path.length).toBeLessThanOrEqual(MAX_ROSTER_LEVELS);
      expect(opening && rosterRoot(realm, last, opening)).toEqual(roster.root);
    }
    expect(roots.size).toBeGreaterThan(90);
    expect(2 ** MAX_ROSTER_LEVELS).toBeGreaterThanOrEqual(limits.groupAccounts.value);
  });

  test("does not depend on the order in which members are named, and the caller's list stays as it was", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(people(12), { minLength: 12, maxLength: 12 }), (shuffled) => {
        const before = [...shuffled];
        expect(groupRoster(realm, standing, shuffled).root).toEqual(groupRoster(realm, standing, people(12)).root);
        expect(shuffled).toEqual(before);
      }),
    );
  });

  test("is another one with one member more, fewer or other, at another entry, in another group or realm", () => {
    const members = people(9);
    const roots = [
      groupRoster(realm, standing, members),
      groupRoster(realm, standing, members.slice(1)),
      groupRoster(realm, standing, [...members, accountOf("outsider")]),
      groupRoster(realm, standing, [...members.slice(1), accountOf("outsider")]),
      groupRoster(realm, { ...standing, revision: 8 }, members),
      groupRoster(realm, { ...standing, head: secretOf("other head") }, members),
      groupRoster(realm, { ...standing, group: toHex(secretOf("g").subarray(0, 16)) as ConversationId }, members),
      groupRoster(secretOf("other").subarray(0, 16), standing, members),
    ].map(({ root }) => toHex(root));
    expect(new Set(roots).size).toBe(roots.length);
  });

  test("does not open with a step left out, turned round, changed, or put in between", () => {
    const members = people(33);
    const roster = groupRoster(realm, standing, members);
    const [me] = members as [AccountId];
    const opening = roster.openingOf(me);
    if (opening === undefined) throw new Error("a member has an opening");
    const { salt, path } = opening;
    for (let at = 0; at < path.length; at++) {
      const step = path[at] as (typeof path)[number];
      const others = [
        path.toSpliced(at, 1),
        path.with(at, { ...step, side: step.side === "left" ? "right" : "left" } as const),
        path.with(at, { ...step, hash: secretOf("other") }),
        path.toSpliced(at, 0, step),
      ];
      for (const changed of others) expect(rosterRoot(realm, me, { salt, path: changed })).not.toEqual(roster.root);
    }
    expect(rosterRoot(realm, me, { salt: secretOf("salt"), path })).not.toEqual(roster.root);
  });
});

test("a direct roster is the salted leaf of its one recipient, by PROTOCOL.md's words", () => {
  const key = secretOf("key");
  const me = accountOf("me");
  const id = Buffer.from(me.replaceAll("-", ""), "hex");
  const field = (bytes: Uint8Array) => Buffer.concat([Buffer.of(0, 0, 0, bytes.length), bytes]);
  const named = (label: string) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]);
  const salt = createHmac("sha256", key).update(named("frank1/leafsalt")).update(field(id)).digest();
  const leaf = createHmac("sha256", salt).update(named("frank1/leaf")).update(field(realm)).update(field(id)).digest();
  const roster = directRoster(realm, key, me);
  expect(Buffer.from(roster.root)).toEqual(leaf);
  expect(roster.openingOf(me)).toEqual({ salt: new Uint8Array(salt), path: [] });
  expect(roster.openingOf(accountOf("other"))).toBeUndefined();
});
