/** Random things that people of a group want, and the entries they come to where the rules allow it. */

import {
  type AccountId,
  type GroupChange,
  type GroupState,
  groupRoles,
  groupStateHash,
  SottoError,
} from "@sotto/protocol";
import fc from "fast-check";
import { standingOf } from "../../../../../sdk/core/groups/state/permissions.js";
import { planChange } from "../../../../../sdk/core/groups/state/plan.js";
import { type GroupIntent, secretsNeeded } from "../../../../../sdk/core/groups/state/secrets-needed.js";
import { acceptanceOf, completed, entryBytes, handover, invitationOf, type Log, rotationFor } from "./log.js";
import { curveKey, named, type Person, unsafePerson } from "./people.js";

const COUNT = 8;
/** Everybody there is; the first one creates the group. Some never get in. */
export const people: readonly Person[] = Array.from({ length: COUNT }, (_, at) => unsafePerson(`person ${at}`));

const kinds = [
  "invite",
  "accept",
  "decline",
  "admit",
  "remove",
  "leave",
  "role",
  "update",
  "rotate",
  "keys",
  "checkpoint",
] as const satisfies readonly GroupIntent["kind"][];

/** Somebody wants something. Whom and what exactly depends on the state it is wanted in. */
export interface Wish {
  readonly actor: number;
  readonly kind: GroupIntent["kind"];
  readonly target: number;
  readonly pick: number;
}

const wish: fc.Arbitrary<Wish> = fc.record({
  actor: fc.nat(COUNT - 1),
  // Answers and invitations often enough that groups have people in them.
  kind: fc.oneof(fc.constantFrom(...kinds), fc.constantFrom("invite" as const, "accept" as const)),
  target: fc.nat(COUNT - 1),
  pick: fc.nat(1_000),
});

/** A wish of somebody who keeps the rules, or of somebody who does not. */
export interface Turn extends Wish {
  readonly temper: "honest" | "hostile";
}

/** A random course of events. */
export function turns({
  hostile,
  length,
}: {
  readonly hostile: number;
  readonly length: number;
}): fc.Arbitrary<Turn[]> {
  const temper = fc.nat(99).map((share) => (share < hostile ? ("hostile" as const) : ("honest" as const)));
  return fc.array(
    fc.tuple(wish, temper).map(([wanted, of]) => ({ ...wanted, temper: of })),
    {
      minLength: length,
      maxLength: length,
      size: "max",
    },
  );
}

/** An item, whatever the number. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}

/** What mostly owners wish. */
const OF_OWNERS: ReadonlySet<GroupIntent["kind"]> = new Set(["role", "admit", "rotate", "checkpoint"]);

/** Who has this wish: mostly somebody who may, so that groups have people and admins in them, and are full at times. */
export function actorOf({ actor, kind, pick }: Wish, state: GroupState): Person {
  const likely = likelyTo(kind, state);
  if (likely.length === 0 || pick % 4 === 0) return at(people, actor);
  const account = at(likely, actor);
  return people.find((person) => person.account === account) ?? at(people, actor);
}

function likelyTo(kind: GroupIntent["kind"], { invited, members }: GroupState): AccountId[] {
  if (kind === "accept" || kind === "decline") return invited.map(({ account }) => account);
  if (kind === "invite") return members.map(({ account }) => account);
  return members.filter(({ role }) => OF_OWNERS.has(kind) && role === "owner").map(({ account }) => account);
}

/** What a wish is on this state; often something that its author may do. */
export function intentOf({ kind, target, pick }: Wish, by: Person, state: GroupState): GroupIntent {
  // Mostly a member, so that roles change and people are removed.
  const whom = (pick % 4 === 0 || state.members.length === 0 ? at(people, target) : at(state.members, target)).account;
  switch (kind) {
    case "invite": {
      const outside = people.filter(({ account }) => standingOf(state, account) === "none");
      return invitationOf(pick % 4 === 0 || outside.length === 0 ? at(people, target) : at(outside, target));
    }
    case "accept":
      return acceptanceOf(by);
    case "decline":
    case "leave":
    case "rotate":
      return { kind };
    case "admit":
      return { kind, account: state.waiting.length > 0 ? at(state.waiting, pick).account : whom };
    case "remove":
      return { kind, accounts: [whom, ...(pick % 3 === 0 ? [at(people, pick).account] : [])] };
    case "role":
      return { kind, account: whom, role: at(groupRoles, pick) };
    case "update":
      return { kind, ...at(settings, pick) };
    case "keys":
      return { kind, wrapKey: curveKey(`wrap ${pick}`), deliveryKeyHash: named(`delivery ${pick}`) };
    case "checkpoint":
      return { kind, stateHash: groupStateHash(state) };
    default:
      return kind satisfies never;
  }
}

const settings: readonly Omit<Extract<GroupChange, { kind: "update" }>, "kind">[] = [
  { title: "walks" },
  { title: "talks", timerMs: 60_000 },
  { invite: "admins" },
  { invite: "members", approval: "on" },
  { approval: "off" },
  { write: "admins" },
  { edit: "admins" },
  { edit: "members", write: "members" },
  { avatar: Uint8Array.of(1, 2, 3) },
];

/** The bytes of an honest entry; none if this cannot be done now. */
export function honestBytes(log: Log, turn: Wish): Uint8Array | undefined {
  const by = actorOf(turn, log.state);
  try {
    const change = completed(planChange(log.state, by.account, intentOf(turn, by, log.state)));
    return entryBytes(change, by, { previous: log.state.head });
  } catch (error) {
    if (error instanceof SottoError) return undefined;
    throw error;
  }
}

/** The change an intent comes to with what it needs, whether or not its author may make it. */
export function forced(state: GroupState, by: AccountId, intent: GroupIntent): GroupChange {
  const needed = secretsNeeded(state, by, intent);
  if (intent.kind === "rotate" || needed.kind === "rotation")
    return { ...intent, rotation: rotationFor(needed.kind === "rotation" ? needed.stays : []) } as GroupChange;
  return (needed.kind === "handover" ? { ...intent, sealed: handover } : intent) as GroupChange;
}
