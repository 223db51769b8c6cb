/** A group as an app holds it: what is said in it, who is in it, and what its log lets this account change. */

import type { AccountId, AccountRole, GroupRole } from "@sotto/protocol";
import type { Whom } from "../consent/people.js";
import { GroupConversation, type GroupConversationParts } from "../conversations/group-conversation.js";
import type { Peers } from "../sessions/peers.js";
import type { Roles } from "../sessions/roles.js";
import type { GroupLogs, GroupSnapshot, GroupWish } from "./log/group-logs.js";
import { type GroupSettings, type SettingsChange, settingsEntry, settingsOf } from "./settings.js";
import type { Shown } from "./shown.js";
import { memberOf, type Standing } from "./state/permissions.js";

/** Somebody, as far as this account knows them. */
export interface Person {
  readonly accountId: AccountId;
  /** The host's name for the user, where it is known. */
  readonly userId: string | undefined;
  /** The name they gave themselves, where this account is told it. Not verified by anybody. */
  readonly name: string | undefined;
  /** `bot`: the host says that no person sits there. The relay's certificate of each of its messages says it. */
  readonly accountRole: AccountRole;
}

/** Somebody in a group. */
export interface Member extends Person {
  /** `invited` and `waiting` read and write nothing yet. */
  readonly standing: Exclude<Standing, "none">;
  readonly role: GroupRole;
}

/** What a group works with. */
export interface GroupParts extends GroupConversationParts {
  readonly me: AccountId;
  readonly peers: Pick<Peers, "get">;
  readonly roles: Pick<Roles, "of">;
  readonly logs: Pick<GroupLogs, "get" | "sync" | "append" | "leave">;
  readonly shown: Pick<Shown, "of">;
  /** Somebody's account, if they may be invited. */
  inviting(whom: Whom): Promise<{ readonly account: AccountId; failed(): Promise<void> }>;
  accountOf(whom: Whom): Promise<AccountId>;
}

/** One group. There is exactly one object for each group and client. */
export class Group extends GroupConversation {
  private readonly group: GroupParts;

  constructor(parts: GroupParts) {
    super(parts);
    this.group = parts;
  }

  /**
   * Title, avatar and rules, as far as this device has read the group's log. Title and avatar only as a member stated them in
   * a message that can be reported; until then what was stated last.
   */
  get settings(): GroupSettings {
    const { state } = this.snapshot();
    return settingsOf({ ...state, ...this.group.shown.of(this.id, state) });
  }

  /** The group's title as it was stated; empty if it has none, or nobody stated it yet. */
  get title(): string {
    return this.settings.title;
  }

  /** Where this account stands: `waiting` until an admin lets it in; `left` also if it was removed. */
  get standing(): GroupSnapshot["status"] {
    return this.snapshot().status;
  }

  /** What this account may do; `undefined` if it is no member. */
  get role(): GroupRole | undefined {
    return memberOf(this.snapshot().state, this.group.me)?.role;
  }

  /** Everybody in the group, in the order in which they joined; then who waits for an admin, then who was invited. */
  async members(): Promise<readonly Member[]> {
    const { members, waiting, invited } = this.snapshot().state;
    return Promise.all([
      ...members.map(({ account, role }) => this.member(account, "member", role)),
      ...waiting.map(({ account }) => this.member(account, "waiting", "member")),
      ...invited.map(({ account }) => this.member(account, "invited", "member")),
    ]);
  }

  /**
   * Invites people, one after the other. Nobody writes to them before they accepted; to a stranger it is a request.
   *
   * @throws groupDenied, groupFull, groupLeft; invalidArgument for somebody who is in it or invited already, or blocked;
   *   unknownUser, policyDenied, requestPending as `openDM` and a first message; offline.
   */
  async invite(...whom: readonly (string | Whom)[]): Promise<void> {
    for (const one of whom) {
      const { account, failed } = await this.group.inviting(asWhom(one));
      try {
        await this.change({ kind: "invite", account });
      } catch (error) {
        // The first failure is the one to tell; what cannot be taken back now is asked again with the next invitation.
        await failed().catch(() => undefined);
        throw error;
      }
    }
  }

  /**
   * Removes members, or takes invitations back. What is said from now on they cannot read.
   *
   * @throws groupDenied, groupLeft; invalidArgument for somebody who is not in it; offline.
   */
  async remove(...whom: readonly (string | Whom)[]): Promise<void> {
    const accounts = await Promise.all(whom.map((one) => this.group.accountOf(asWhom(one))));
    if (accounts.length > 0) await this.change({ kind: "remove", accounts });
  }

  /** Lets somebody in who accepted and waits. @throws groupDenied, groupLeft, invitationGone; offline. */
  async admit(whom: string | Whom): Promise<void> {
    await this.change({ kind: "admit", account: await this.group.accountOf(asWhom(whom)) });
  }

  /** Leaves the group. Its messages stay on this device. @throws groupLeft if this account is not in it; offline. */
  async leave(): Promise<void> {
    await this.group.logs.leave(this.id);
  }

  /** Gives a member another role. @throws groupDenied, groupLeft; invalidArgument for nobody of the group; offline. */
  async setRole(whom: string | Whom, role: GroupRole): Promise<void> {
    await this.change({ kind: "role", account: await this.group.accountOf(asWhom(whom)), role });
  }

  /** Changes settings; what is left out stays. @throws groupDenied, groupLeft; invalidArgument, tooLarge; offline. */
  async update(change: SettingsChange): Promise<void> {
    await this.change({ kind: "update", ...settingsEntry(change) });
  }

  /** Reads the group's log now; without it this device learns of changes with the next message. @throws offline, groupForked. */
  async refresh(): Promise<void> {
    await this.group.logs.sync(this.id);
  }

  /** What is known of an account that an item names, also of one that is not in the group any more. */
  async person(accountId: AccountId): Promise<Person> {
    const { userId, name } = await this.group.peers.get(accountId);
    return { accountId, userId, name, accountRole: await this.group.roles.of(accountId) };
  }

  private async change(wish: GroupWish): Promise<void> {
    await this.group.logs.append(this.id, wish);
  }

  private async member(accountId: AccountId, standing: Member["standing"], role: GroupRole): Promise<Member> {
    return { ...(await this.person(accountId)), standing, role };
  }

  private snapshot(): GroupSnapshot {
    const snapshot = this.group.logs.get(this.id);
    if (snapshot === undefined) throw new Error("a group without a log");
    return snapshot;
  }
}

/** A bare string is the host's name for somebody. */
export function asWhom(whom: string | Whom): Whom {
  return typeof whom === "string" ? { userId: whom } : whom;
}
