/** What this device keeps of each group: stored rows, in memory as long as the client runs. */

import { type ConversationId, encodeGroupState, type GroupState } from "@sotto/protocol";
import type { StoreChange } from "../../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../../rows.js";
import type { SealedStore } from "../../storage/sealed-store.js";
import { everyInvitation, invitationTo } from "../invitation-rows.js";
import { restoreGroup } from "../state/restore.js";

/** A group as it is kept, its state decoded; no state until this device has read the log. */
export interface KeptGroup extends Omit<Row<"group">, "state"> {
  readonly state: GroupState | undefined;
}

/** How this account stands to a group. */
export type GroupStatus = Row<"group">["status"];

/** A group at one entry of its log. Immutable. */
export interface GroupSnapshot {
  readonly id: ConversationId;
  /** `left` also if it was removed, or its invitation taken back. */
  readonly status: GroupStatus;
  readonly state: GroupState;
}

/** Whether this account may read the group's log. */
export function isIn({ status }: { readonly status: GroupStatus }): boolean {
  return status === "invited" || hasAccepted(status);
}

/** Whether this account said that it wants to be in the group, and nothing ended that: a member, or waits to be let in. */
export function hasAccepted(status: GroupStatus | undefined): boolean {
  return status === "waiting" || status === "joined";
}

/** What others see of a kept group; `undefined` while nothing of its log was read. */
export function snapshotOf(kept: KeptGroup | undefined): GroupSnapshot | undefined {
  if (kept?.state === undefined) return undefined;
  return { id: kept.group, status: kept.status, state: kept.state };
}

/** The groups of this account. */
export class GroupRows {
  private readonly kept = new Map<ConversationId, KeptGroup>();
  /** The entries that invitations of this run name: what the disk answers may be older than the last of them. */
  private readonly came = new Map<ConversationId, number>();

  constructor(private readonly store: SealedStore) {}

  /** Reads what an earlier run kept. */
  async load(): Promise<void> {
    for await (const { value } of eachRow(this.store, keys.groups)) {
      const { state, ...row } = decodeRow("group", value);
      this.kept.set(row.group, { ...row, state: state === undefined ? undefined : restoreGroup(state) });
    }
  }

  /** A group; `undefined` if this account never had to do with it. */
  get(id: ConversationId): KeptGroup | undefined {
    return this.kept.get(id);
  }

  /** Every group. */
  all(): readonly KeptGroup[] {
    return [...this.kept.values()];
  }

  /** Changes a group in memory and answers the stored change, which the caller commits in the same turn. */
  change(group: KeptGroup): StoreChange {
    const { state, ...row } = group;
    const stored = { ...row, state: state === undefined ? undefined : encodeGroupState(state) };
    const value = encodeRow("group", stored);
    this.kept.set(group.group, group);
    return { key: keys.group(this.store, group.group), value };
  }

  /** The invitation to a group that waits for an answer. */
  invitation(id: ConversationId): Promise<Row<"invitation"> | undefined> {
    return invitationTo(this.store, id);
  }

  /** Every invitation that waits for an answer. */
  invitations(): Promise<readonly Row<"invitation">[]> {
    return everyInvitation(this.store);
  }

  /** Whether an invitation waits that came in this run and names an entry behind this one. Asked in the turn that ends another. */
  isInvitedBehind(id: ConversationId, seq: number): boolean {
    return (this.came.get(id) ?? 0) > seq;
  }

  /** The change that keeps an invitation, which the caller commits in the same turn. */
  withInvitation(row: Row<"invitation">): StoreChange {
    this.came.set(row.group, row.revision);
    return { key: keys.invitation(this.store, row.group), value: encodeRow("invitation", row) };
  }

  /** The change that ends an invitation, which the caller commits in the same turn. */
  withoutInvitation(id: ConversationId): StoreChange {
    this.came.delete(id);
    return { key: keys.invitation(this.store, id), value: undefined };
  }
}
