/**
 * Whether something said in a group counts here: what the group's log says of its author, and how this account stands to the
 * group as far as this device knows, which may be behind its other devices.
 */

import { type AccountId, type ConversationId, equalBytes } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Invited } from "../groups/invited.js";
import type { GroupLogs } from "../groups/log/group-logs.js";
import { hasAccepted, isIn } from "../groups/log/group-rows.js";
import type { SaidInGroup } from "../groups/log/writers.js";
import { identityKeyOf, standingOf } from "../groups/state/permissions.js";

/** What verdicts work with. */
export interface VerdictParts {
  readonly account: OwnAccount;
  readonly logs: Pick<GroupLogs, "get" | "status" | "judge">;
  readonly invited: Pick<Invited, "get">;
}

/**
 * `in`: of the group, or asked to be. `soon`: it may be in by now, and this device does not know it yet: another one may have
 * accepted, or has not told it anything yet. `left`: what was said before still counts.
 */
export type Place = "in" | "soon" | "left" | "none";

/** `later`: kept until more is known. */
export type Verdict = "yes" | "no" | "later";

/** Judges. */
export class GroupVerdicts {
  constructor(private readonly parts: VerdictParts) {}

  /** Where this account stands, as far as mail of the group is concerned. */
  async placeIn(group: ConversationId): Promise<Place> {
    const { account, logs, invited } = this.parts;
    const status = logs.status(group);
    if (status !== undefined && isIn({ status })) return "in";
    if (account.current.awaiting !== undefined && status === undefined) return "soon";
    if ((await invited.get(group)) !== undefined) return "soon";
    return status === "left" ? "left" : "none";
  }

  /** Whether a content counts. */
  async on(group: ConversationId, said: SaidInGroup): Promise<Verdict> {
    const place = await this.placeIn(group);
    const { logs, account } = this.parts;
    if (place === "none") return "no";
    const verdict = logs.judge(group, said);
    if (place === "in") {
      // Who is not let in yet hears nothing: who says something there has not read so far, or knows better. But it may be one who
      // was a member before, and was told as one.
      const isHeard = logs.status(group) === "joined" || logs.judge(group, { ...said, account: account.id }) === "yes";
      return verdict === "yes" && !isHeard ? "no" : verdict;
    }
    const { state } = logs.get(group) ?? {};
    if (verdict === "yes" && state !== undefined && said.revision < state.seq) return "yes";
    return place === "soon" ? "later" : "no";
  }

  /** Whether an account is a member as far as the log was read here: also one that may only listen tells of the log. */
  isMember(group: ConversationId, account: AccountId): boolean {
    const snapshot = this.parts.logs.get(group);
    if (snapshot === undefined || !hasAccepted(snapshot.status)) return false;
    return standingOf(snapshot.state, account) === "member";
  }

  /** Whether an account speaks under the identity that the log names; nothing is known of who is not in it. */
  isOf(group: ConversationId, account: AccountId, identities: readonly Uint8Array[]): boolean {
    const state = this.parts.logs.get(group)?.state;
    const named = state === undefined ? undefined : identityKeyOf(state, account);
    return named === undefined || identities.some((one) => equalBytes(one, named));
  }
}
