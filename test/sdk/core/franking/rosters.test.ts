import { type AccountId, type GroupState, groupRoster } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rosters } from "../../../../sdk/core/franking/rosters.js";
import {
  MAX_PAST_SPANS,
  MAX_SPAN_GAPS,
  membersAt,
  type Spans,
  spansAcross,
  spansAfter,
  spansOf,
} from "../../../../sdk/core/groups/log/spans.js";
import { accountOf, group, memberOf, snapshotOf } from "../groups/sending/snapshots.js";
import { small } from "./franked.js";

/** A group at one entry, with the entries at which its members joined. */
function stateAt(seq: number, joined: ReadonlyMap<AccountId, number>): GroupState {
  const members = [...joined].map(([account, joinedSeq]) => memberOf(account, { joinedSeq }));
  return snapshotOf(group, members, { seq }).state;
}

const accounts = Array.from({ length: 6 }, (_, index) => accountOf(index + 1));
const sorted = (some: readonly AccountId[] | undefined) => some && [...some].sort();

describe("who was a member when", () => {
  it("is known of every entry that was read, whoever came and went, and of none that a checkpoint hides", () => {
    const step = fc.record({ account: fc.nat(5), hidden: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const joined = new Map([[accounts[0] as AccountId, 1]]);
        let state = stateAt(1, joined);
        let spans: Spans = spansOf(state);
        const history = new Map<number, readonly AccountId[]>([[1, [...joined.keys()]]]);
        for (const { account, hidden } of steps) {
          const seq = state.seq + 1 + hidden;
          const who = accounts[account] as AccountId;
          if (joined.has(who)) joined.delete(who);
          else joined.set(who, seq);
          const next = stateAt(seq, joined);
          spans = hidden === 0 ? spansAfter(spans, state, next) : spansAcross(spans, state, next);
          history.set(seq, [...joined.keys()]);
          state = next;
        }
        for (let seq = 0; seq <= state.seq + 1; seq++) {
          const known = membersAt(spans, state.seq, seq);
          if (known === undefined) expect(!history.has(seq) || seq < spans.from).toBe(true);
          else expect(sorted(known)).toEqual(sorted(history.get(seq)));
        }
        expect(membersAt(spans, state.seq, state.seq)).toBeDefined();
      }),
    );
  });

  it("is bounded: what is let go of is unknown then, and never wrong", () => {
    const joined = new Map([[accounts[0] as AccountId, 1]]);
    let state = stateAt(1, joined);
    let spans = spansOf(state);
    for (let times = 0; times < MAX_PAST_SPANS + 8; times++) {
      for (const has of [true, false]) {
        if (has) joined.set(accounts[1] as AccountId, state.seq + 1);
        else joined.delete(accounts[1] as AccountId);
        const next = stateAt(state.seq + 1, joined);
        spans = spansAfter(spans, state, next);
        state = next;
      }
    }
    expect(spans.past.length).toBe(MAX_PAST_SPANS);
    expect(membersAt(spans, state.seq, 2)).toBeUndefined();
    expect(membersAt(spans, state.seq, state.seq - 1)).toHaveLength(2);
    for (let times = 0; times < MAX_SPAN_GAPS + 4; times++) {
      const next = stateAt(state.seq + 3, joined);
      spans = spansAcross(spans, state, next);
      state = next;
    }
    expect(spans.gaps.length).toBe(MAX_SPAN_GAPS);
  });
});

describe("rosters", () => {
  it("are those of the protocol, made once for an entry; none where members or realm are not known", () => {
    let asked = 0;
    let realm: Uint8Array | undefined = small.realm;
    const rosters = new Rosters({
      realm: () => realm,
      membersAt(_group, revision) {
        asked += 1;
        return revision > 40 ? undefined : accounts;
      },
    });
    const at = (revision: number) => ({ id: group, revision, head: new Uint8Array(32).fill(revision) });
    const { root } = groupRoster(small.realm, { group, revision: 3, head: at(3).head }, accounts);
    expect(rosters.at(at(3))?.root).toEqual(root);
    expect(rosters.at(at(3))?.root).toEqual(root);
    expect(asked).toBe(1);
    expect(rosters.at({ ...at(3), head: at(4).head })?.root).not.toEqual(root);
    expect(rosters.at(at(41))).toBeUndefined();
    for (let revision = 4; revision <= 30; revision++) rosters.at(at(revision));
    asked = 0;
    rosters.at(at(3));
    expect(asked).toBe(1);
    realm = undefined;
    expect(rosters.at(at(3))).toBeUndefined();
  });
});
