import { encodeGroupState, type GroupState, limits } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { standingOf } from "../../../../../sdk/core/groups/state/permissions.js";
import { planChange } from "../../../../../sdk/core/groups/state/plan.js";
import { restoreGroup } from "../../../../../sdk/core/groups/state/restore.js";
import { refusal } from "../../../../protocol/refusal.js";
import { hostileBytes } from "./hostile.js";
import { continued, entryBytes, Log, replay } from "./log.js";
import { actorOf, forced, honestBytes, intentOf, people, type Turn, turns } from "./schedule.js";

const [creator] = people as [(typeof people)[number]];
const NOISE = Uint8Array.of(0xff);
/** Small, so that groups are often full. */
const CAP = 5;

const encoded = (state: GroupState) => Buffer.from(encodeGroupState(state)).toString("hex");

/** Plays a course of events; answers the log and which of its entries were hostile. */
function played(course: readonly Turn[]): { readonly log: Log; readonly hostile: ReadonlySet<number> } {
  const log = new Log(creator, { maxAccounts: CAP });
  const hostile = new Set<number>();
  for (const turn of course) {
    const bytes = turn.temper === "honest" ? honestBytes(log, turn) : hostileBytes(log, turn);
    if (bytes === undefined) continue;
    const before = log.state;
    const outcome = log.append(bytes);
    if (turn.temper === "honest") expect(outcome.kind, `a planned ${turn.kind}`).toBe("applied");
    else {
      hostile.add(log.entries.length - 1);
      expect(outcome.kind, `a hostile entry of sort ${turn.pick % 8}`).toBe("ignored");
      expect(outcome.state).toEqual({ ...before, seq: before.seq + 1 });
    }
  }
  return { log, hostile };
}

describe("any two who read the same log", () => {
  test("agree byte for byte, also if one stopped anywhere and went on from its store or from a checkpoint", () => {
    fc.assert(
      fc.property(turns({ hostile: 20, length: 60 }), fc.nat(10_000), (course, cut) => {
        const { log } = played(course);
        const half = 1 + (cut % log.entries.length);
        const early = replay(log.entries.slice(0, half));
        const resumed = continued(restoreGroup(encodeGroupState(early)), log.entries.slice(half));
        expect(encoded(resumed)).toBe(encoded(log.state));
        expect(encoded(replay(log.entries))).toBe(encoded(log.state));
      }),
      { numRuns: 80 },
    );
  });

  test("never see a state that breaks what every log keeps, or that no checkpoint would hold", () => {
    fc.assert(
      fc.property(turns({ hostile: 10, length: 60 }), (course) => {
        const log = new Log(creator, { maxAccounts: CAP });
        for (const turn of course) {
          const bytes = turn.temper === "honest" ? honestBytes(log, turn) : hostileBytes(log, turn);
          if (bytes !== undefined) log.append(bytes);
          const stored = encodeGroupState(log.state);
          expect(refusal(() => restoreGroup(stored))).toBeUndefined();
          expect(stored.length).toBeLessThan(limits.groupCheckpointBytes.value);
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe("hostile entries", () => {
  test("leave what the honest ones alone make, byte for byte, as if noise stood in their places", () => {
    fc.assert(
      fc.property(turns({ hostile: 60, length: 80 }), (course) => {
        const { log, hostile } = played(course);
        const silenced = log.entries.map((bytes, at) => (hostile.has(at) ? NOISE : bytes));
        expect(encoded(replay(silenced))).toBe(encoded(log.state));
      }),
      { numRuns: 120 },
    );
  });

  test("leave what the honest ones alone make, but for the numbers of entries, as if they had never been", () => {
    fc.assert(
      fc.property(turns({ hostile: 60, length: 80 }), (course) => {
        // The hash in a checkpoint is over numbers of entries too.
        const { log, hostile } = played(
          course.filter(({ temper, kind }) => temper === "hostile" || kind !== "checkpoint"),
        );
        const honest = log.entries.filter((_, at) => !hostile.has(at));
        const place = (seq: number) => seq - [...hostile].filter((at) => at < seq).length;
        const { state } = log;
        const members = state.members.map((member) => ({ ...member, joinedSeq: place(member.joinedSeq) }));
        const renumbered = { ...state, seq: place(state.seq), epochSeq: place(state.epochSeq), members };
        expect(encoded(replay(honest))).toBe(encoded(renumbered));
      }),
      { numRuns: 120 },
    );
  });
});

test("what can be planned is applied, and what cannot is ignored for the same reason", () => {
  fc.assert(
    fc.property(turns({ hostile: 50, length: 60 }), (course) => {
      const log = new Log(creator, { maxAccounts: CAP });
      for (const turn of course) {
        const by = actorOf(turn, log.state);
        const intent = intentOf(turn, by, log.state);
        const bytes = entryBytes(forced(log.state, by.account, intent), by, { previous: log.state.head });
        const isKnown = standingOf(log.state, by.account) !== "none";
        const sorted =
          intent.kind !== "remove" || intent.accounts.every((one, at, all) => at === 0 || one > (all[at - 1] ?? one));
        const code = refusal(() => planChange(log.state, by.account, intent));
        // A plan puts accounts into their order; an entry that does not is void.
        if (!sorted) continue;
        const outcome = log.append(bytes);
        const reason = outcome.kind === "ignored" ? outcome.reason : undefined;
        expect(reason).toBe(isKnown ? code : "strangeAuthor");
      }
    }),
    { numRuns: 120 },
  );
});

test("random courses reach every kind of entry, every reason to ignore one, and full groups", () => {
  const seen = new Set<string>();
  for (const course of fc.sample(turns({ hostile: 50, length: 80 }), { numRuns: 300, seed: 4 })) {
    const log = new Log(creator, { maxAccounts: CAP });
    for (const turn of course) {
      const bytes = turn.temper === "honest" ? honestBytes(log, turn) : hostileBytes(log, turn);
      if (bytes === undefined) continue;
      const outcome = log.append(bytes);
      for (const effect of outcome.kind === "applied" ? outcome.effects : []) seen.add(effect.kind);
      if (outcome.kind === "ignored") seen.add(outcome.reason);
    }
  }
  expect([...seen].sort()).toEqual(
    [
      ...["invited", "waiting", "joined", "invitationEnded", "left", "removed", "role", "succession", "settings"],
      ...["keys", "epoch", "checkpoint", "ended"],
      ...["unreadable", "otherGroup", "notNext", "strangeAuthor", "badSignature", "wrongSecrets"],
      ...["groupDenied", "groupFull", "invitationGone", "invalidArgument"],
    ].sort(),
  );
});
