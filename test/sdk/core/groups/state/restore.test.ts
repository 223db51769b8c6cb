import { encodeGroupState, type GroupState } from "@sotto/protocol";
import { expect, test } from "vitest";
import { applyEntry } from "../../../../../sdk/core/groups/state/apply.js";
import { restoreGroup } from "../../../../../sdk/core/groups/state/restore.js";
import { refusal } from "../../../../protocol/refusal.js";
import { invitationOf, Log } from "./log.js";
import { curveKey, type Person, unsafePerson, unsafeVerify } from "./people.js";

const [ann, bob, cid] = ["ann", "bob", "cid"].map(unsafePerson) as [Person, Person, Person];

function good(): GroupState {
  const log = new Log(ann, { title: "walks", avatar: Uint8Array.of(1) });
  log.join(bob, ann);
  log.change(bob, invitationOf(cid));
  return log.state;
}

test("a state comes back from its bytes as it was", () => {
  expect(restoreGroup(encodeGroupState(good()))).toEqual(good());
});

test.each<[string, (state: GroupState) => Partial<GroupState>]>([
  [
    "an account twice",
    ({ members, invited }) => ({
      invited: [...invited, { ...invited[0], account: members[0]?.account } as GroupState["invited"][number]],
    }),
  ],
  ["more accounts than its cap", () => ({ maxAccounts: 2 })],
  ["no owner", ({ members }) => ({ members: members.slice(1) })],
  ["invitations and no member", () => ({ members: [] })],
  [
    "a key of another type",
    ({ members }) => ({ members: members.map((member) => ({ ...member, wrapKey: new Uint8Array(33) })) }),
  ],
  ["members in another order", ({ members }) => ({ members: [...members].reverse() })],
  [
    "a member from the future",
    ({ members }) => ({ members: members.map((member) => ({ ...member, joinedSeq: member.joinedSeq + 9 })) }),
  ],
  ["no epoch", () => ({ epoch: 0 })],
  ["more epochs than entries", () => ({ epoch: 9, epochSeq: 2, audience: 9 })],
  ["an epoch from the future", () => ({ epochSeq: 99 })],
  ["fewer audiences than epochs", () => ({ epoch: 2, epochSeq: 2, audience: 1 })],
  ["more audiences than entries", () => ({ audience: 99 })],
  ["a checkpoint from the future", () => ({ checkpointSeq: 99 })],
])("bytes of a state with %s are none", (_what, change) => {
  const state = good();
  expect(refusal(() => restoreGroup(encodeGroupState({ ...state, ...change(state) })))).toBe("badFrame");
});

test("bytes cut short are none", () => {
  const bytes = encodeGroupState(good());
  expect(refusal(() => restoreGroup(bytes.subarray(0, -1)))).toBe("badFrame");
});

test("an entry that is not the next one is the caller's mistake", () => {
  const state = good();
  for (const seq of [0, state.seq, state.seq + 2, 2 ** 32])
    expect(refusal(() => applyEntry(state, { seq, entry: undefined }, unsafeVerify))).toBe("invalidArgument");
  const last = { ...state, seq: 2 ** 32 - 1 };
  expect(refusal(() => applyEntry(last, { seq: 2 ** 32, entry: undefined }, unsafeVerify))).toBe("invalidArgument");
});

test("the fullest group fits a checkpoint", () => {
  const full: GroupState["members"] = Array.from({ length: 1_000 }, (_, at) => ({
    account: unsafePerson(`${at}`).account,
    role: at === 0 ? "owner" : "member",
    joinedSeq: at + 1,
    identityKey: curveKey("identity"),
    wrapKey: curveKey("wrap"),
    deliveryKeyHash: new Uint8Array(32),
  }));
  const state = {
    ...good(),
    seq: 5_000,
    maxAccounts: 1_000,
    members: full,
    invited: [],
    avatar: new Uint8Array(16_384),
  };
  expect(restoreGroup(encodeGroupState(state)).members).toHaveLength(1_000);
  // What sealing adds, and longer numbers.
  expect(encodeGroupState(state).length + 10_000).toBeLessThan(524_288);
});
