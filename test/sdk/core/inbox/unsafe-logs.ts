/** The logs of groups in a test's hands: nothing is read, signed or proven. Who may say what is judged by the true rules. */

import type { AccountId, ConversationId, GroupBody, GroupMember, GroupStanding, GroupState } from "@sotto/protocol";
import type { GroupLogs, GroupSnapshot } from "../../../../sdk/core/groups/log/group-logs.js";
import { judged, type SaidInGroup, type Writers } from "../../../../sdk/core/groups/log/writers.js";
import type { Plan } from "../../../../sdk/core/inbox/plan.js";
import { carol, mallory } from "../conversations/members.js";
import { memberOf, snapshotOf } from "../groups/sending/snapshots.js";
import { me, peer } from "../people.js";

interface Known extends Writers {
  readonly status: GroupSnapshot["status"];
  readonly state: GroupState | undefined;
}

/** Where a test wants a group to be. */
export interface Wanted {
  /** Entries that were read. */
  readonly seq?: number;
  readonly status?: GroupSnapshot["status"];
  readonly members?: readonly Member[];
  readonly past?: Writers["past"];
}

/** Somebody in a group, since its first entry if nothing else is said. `silent` may only listen. */
export type Member = Partial<GroupMember> & Pick<GroupMember, "account"> & { readonly voice?: "silent" };

/** What the inbox asks of logs. */
export class UnsafeLogs implements Pick<GroupLogs, "get" | "all" | "status" | "judge" | "heard" | "adopt"> {
  /** The members at every entry; `undefined` if that is not known here. */
  everybody: readonly AccountId[] | undefined = [me, peer, carol, mallory];
  /** Who told how far it had read. */
  readonly told: string[] = [];
  private readonly known = new Map<ConversationId, Known>();

  /** The log was read so far. */
  read(id: ConversationId, { seq = 9, status = "joined", members = [], past = [] }: Wanted = {}): void {
    const everybody = members.map((member) => memberOf(member.account, member));
    const { state } = snapshotOf(id, everybody, { seq });
    const writers = members
      .filter(({ voice }) => voice !== "silent")
      .map(({ account, joinedSeq = 1 }) => ({ account, since: joinedSeq }));
    this.known.set(id, { status, state, writers, past });
  }

  /** Another device says that this account stands so, and the log was not read here yet. */
  unread(id: ConversationId, status: GroupSnapshot["status"]): void {
    this.known.set(id, { status, state: undefined, writers: [], past: [] });
  }

  get(id: ConversationId): GroupSnapshot | undefined {
    const { status, state } = this.known.get(id) ?? {};
    return status === undefined || state === undefined ? undefined : { id, status, state };
  }

  all(): readonly GroupSnapshot[] {
    return [...this.known.keys()].flatMap((id) => this.get(id) ?? []);
  }

  status(id: ConversationId): GroupSnapshot["status"] | undefined {
    return this.known.get(id)?.status;
  }

  judge(id: ConversationId, said: SaidInGroup): "yes" | "no" | "later" {
    const known = this.known.get(id);
    if (known === undefined) return "later";
    const isOut = known.status === "left" || known.status === "declined";
    if (known.state === undefined) return isOut ? "no" : "later";
    const verdict = judged(known, known.state.seq, said);
    return verdict === "later" && isOut ? "no" : verdict;
  }

  heard({ id, revision }: GroupStanding, from: AccountId): void {
    this.told.push(`${id} ${revision} ${from}`);
  }

  async adopt({ groups }: GroupBody<"groups">): Promise<Plan> {
    return {
      build: () => {
        for (const { group, status } of groups) if (status !== "invited") this.unread(group, status);
        return [];
      },
      after: [],
    };
  }
}
