/** Invitations to groups as an app meets them: each waits until it is accepted, declined, or taken back. */

import type { AccountId, ConversationId } from "@sotto/protocol";
import type { Consent } from "../consent/consent.js";
import type { Names } from "../consent/names.js";
import { Following } from "../following.js";
import type { AbortSignalLike } from "../ports.js";
import type { Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { Group } from "./group.js";
import type { Invited } from "./invited.js";
import type { GroupLogs } from "./log/group-logs.js";

/** Somebody asks this account to join a group. Nobody in it writes to this account before it accepts. */
export interface GroupInvitation {
  readonly group: ConversationId;
  /** What the inviter says the group is called. */
  readonly title: string;
  readonly from: {
    readonly accountId: AccountId;
    /** The host's name for the inviter, once the relay confirmed it; `undefined` offline. */
    readonly userId: string | undefined;
  };
  /** This device's clock when it came. */
  readonly atMs: number;
  /**
   * Joins. The group is there at once; where an admin has to let this account in first, its `standing` is `waiting`. An
   * inviter who asked to write to this account, as strangers do with an invitation, may do so from now on.
   *
   * @throws invitationGone if it was taken back; offline; groupNotFound; groupForked.
   */
  accept(): Promise<Group>;
  /** Puts the invitation away, and with it an inviter's request to write. The members learn of the first. @throws offline. */
  decline(): Promise<void>;
}

/** What invitations work with. */
export interface InvitationParts {
  readonly invited: Pick<Invited, "pending" | "get">;
  readonly names: Pick<Names, "confirmed">;
  readonly peers: Pick<Peers, "get">;
  readonly logs: Pick<GroupLogs, "accept" | "decline">;
  readonly consent: Pick<Consent, "accept" | "decline">;
  /** The group that an invitation becomes. */
  open(group: ConversationId): Promise<Group>;
}

/** Presents them. */
export class Invitations {
  private readonly following: Following<Row<"invitation">>;

  constructor(private readonly parts: InvitationParts) {
    this.following = new Following({
      pending: () => parts.invited.pending(),
      nameOf: ({ group, atMs }) => `${group}/${atMs}`,
    });
  }

  /** Every invitation there is, oldest first, then each that comes, once; until the signal aborts or the client closes. */
  follow(signal: AbortSignalLike | undefined): AsyncGenerator<GroupInvitation> {
    return this.following.follow(async (row) => {
      const invitation = await this.present(row.group);
      // Made anew since it was looked at, it comes as that.
      return invitation?.atMs === row.atMs ? invitation : undefined;
    }, signal);
  }

  /** The invitation to a group as it is now; `undefined` if it was answered or taken back meanwhile. */
  async present(group: ConversationId): Promise<GroupInvitation | undefined> {
    const { invited, names, peers, logs, consent, open } = this.parts;
    const row = await invited.get(group);
    // Who was blocked since is not heard, and is again once that is taken back.
    if (row === undefined || (await peers.get(row.by)).relation === "blocked") return undefined;
    const { by, title, atMs } = row;
    return {
      group,
      title,
      from: { accountId: by, userId: await names.confirmed(by) },
      atMs,
      accept: async () => {
        await logs.accept(group);
        // What a stranger asked with it is answered with it; what was declined before stays declined.
        if ((await peers.get(by)).relation === "received") await consent.accept(by);
        return open(group);
      },
      decline: async () => {
        await logs.decline(group);
        await consent.decline(by);
      },
    };
  }

  /** Invitations came or went. */
  wake(): void {
    this.following.wake();
  }

  /** Ends every reader. Idempotent. */
  close(): void {
    this.following.close();
  }
}
