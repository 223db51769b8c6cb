/** A log of a group in memory, written as clients write it: planned, completed, signed, encoded, decoded and applied. */

import {
  decodeGroupEntry,
  encodeGroupEntry,
  type GroupChange,
  type GroupEntry,
  type GroupHandover,
  type GroupRotation,
  type GroupState,
  parseConversationId,
} from "@sotto/protocol";
import { type AppliedEntry, applyEntry, beginGroup, type Verify } from "../../../../../sdk/core/groups/state/apply.js";
import { type GroupPlan, planChange } from "../../../../../sdk/core/groups/state/plan.js";
import type { GroupIntent, SecretRecipient } from "../../../../../sdk/core/groups/state/secrets-needed.js";
import { curveKey, named, type Person, unsafeVerify } from "./people.js";

/** The group of all these tests. */
export const GROUP = parseConversationId("0123456789abcdef0123456789abcdef");
const AT_MS = 1_790_000_000_000;

/** A new secret for exactly these, as filler: nothing in these rules opens it. */
export function rotationFor(stays: readonly Pick<SecretRecipient, "account">[]): GroupRotation {
  const sealed = stays.map(({ account }) => ({ account, secret: new Uint8Array(48).fill(9) }));
  return { ephemeral: curveKey("ephemeral"), accessKey: named("access"), adminKey: named("admin"), sealed };
}

/** The admins' secret for one, as filler. */
export const handover: GroupHandover = { ephemeral: curveKey("ephemeral"), secret: new Uint8Array(48).fill(8) };

/** The change that a plan comes to. */
export function completed(plan: GroupPlan): GroupChange {
  switch (plan.needs) {
    case "nothing":
      return plan.change;
    case "rotation":
      return plan.complete(rotationFor(plan.stays));
    case "handover":
      return plan.complete(handover);
    default:
      return plan satisfies never;
  }
}

/** The bytes of an entry, with whatever in it a test wants to be different. */
export function entryBytes(
  change: GroupChange,
  by: Person,
  {
    previous,
    group = GROUP,
    author = by.account,
  }: { readonly previous: Uint8Array; readonly group?: GroupState["group"]; readonly author?: Person["account"] },
): Uint8Array {
  return encodeGroupEntry({ group, previous, author, atMs: AT_MS, change }, by.sign);
}

/** The entry that bytes are, as clients read it: none if they are none. */
export function readEntry(bytes: Uint8Array): GroupEntry | undefined {
  try {
    return decodeGroupEntry(bytes);
  } catch {
    return undefined;
  }
}

/** The first entry of a log. */
export function createBytes(
  by: Person,
  settings: Partial<Extract<GroupChange, { kind: "create" }>> = {},
  previous: Uint8Array = new Uint8Array(32),
): Uint8Array {
  const { identityKey, wrapKey, deliveryKeyHash } = by;
  const change = { kind: "create", maxAccounts: 8, identityKey, wrapKey, deliveryKeyHash, ...settings } as const;
  return entryBytes(change, by, { previous });
}

/** The state that a whole log adds up to. */
export function replay(entries: readonly Uint8Array[], verify: Verify = unsafeVerify): GroupState {
  const [first, ...rest] = entries;
  const begun = beginGroup(GROUP, first && readEntry(first), verify);
  if (begun.kind === "refused") throw new Error(`the log does not begin: ${begun.reason}`);
  return continued(begun.state, rest, verify);
}

/** The state behind more entries. */
export function continued(
  state: GroupState,
  entries: readonly Uint8Array[],
  verify: Verify = unsafeVerify,
): GroupState {
  return entries.reduce(
    (before, bytes) => applyEntry(before, { seq: before.seq + 1, entry: readEntry(bytes) }, verify).state,
    state,
  );
}

/** A log that grows, with the state of somebody who reads along. */
export class Log {
  readonly entries: Uint8Array[] = [];
  state: GroupState;

  constructor(
    owner: Person,
    settings: Partial<Extract<GroupChange, { kind: "create" }>> = {},
    private readonly verify: Verify = unsafeVerify,
  ) {
    this.entries.push(createBytes(owner, settings));
    this.state = replay(this.entries, verify);
  }

  /** Plans, signs and appends. @throws SottoError if the plan is refused. */
  change(by: Person, intent: GroupIntent): AppliedEntry {
    return this.say(by, completed(planChange(this.state, by.account, intent)));
  }

  /** Appends a change that nobody planned. */
  say(by: Person, change: GroupChange): AppliedEntry {
    return this.append(entryBytes(change, by, { previous: this.state.head }));
  }

  /** Appends bytes. */
  append(bytes: Uint8Array): AppliedEntry {
    this.entries.push(bytes);
    const outcome = applyEntry(this.state, { seq: this.state.seq + 1, entry: readEntry(bytes) }, this.verify);
    this.state = outcome.state;
    return outcome;
  }

  /** Invites and accepts; where the group asks for it, an admin still has to admit. */
  join(person: Person, inviter: Person): void {
    this.change(inviter, invitationOf(person));
    this.change(person, acceptanceOf(person));
  }
}

/** Inviting somebody. */
export function invitationOf({ account, identityKey }: Person): GroupIntent & { kind: "invite" } {
  return { kind: "invite", account, identityKey, wrapKey: curveKey(`invitation ${account}`) };
}

/** Accepting an invitation. */
export function acceptanceOf({ wrapKey, deliveryKeyHash }: Person): GroupIntent & { kind: "accept" } {
  return { kind: "accept", wrapKey, deliveryKeyHash };
}
