/** How accounts come into a group: invited by one side, accepted or declined by the other. */

import { type AccountId, type ConversationId, SottoError } from "@sotto/protocol";
import type { GroupCrypto } from "./group-keys.js";
import type { KeptGroup } from "./group-rows.js";
import type { LogRoom } from "./log-room.js";
import type { Wish } from "./log-writer.js";

/** What membership works with. `read` and `append` take their turn for a group. */
export interface MembershipParts {
  readonly room: Pick<LogRoom, "rows" | "keys" | "checkpoints" | "ownGroups">;
  readonly crypto: Pick<GroupCrypto, "engine">;
  identityOf(account: AccountId): Promise<Uint8Array>;
  read(id: ConversationId): Promise<KeptGroup>;
  append(id: ConversationId, wish: Wish): Promise<KeptGroup>;
}

/** Nothing can be said in such a log. */
const UNREADABLE: ReadonlySet<string> = new Set([
  "groupNotFound",
  "groupForked",
  "invitationGone",
  "groupLeft",
  "busy",
]);

/** Invites and answers. */
export class Membership {
  constructor(private readonly parts: MembershipParts) {}

  /** Invites by the account's identity key as this one knows it. Who comes needs a checkpoint to begin from. */
  async invite(id: ConversationId, account: AccountId): Promise<KeptGroup> {
    const { room, crypto, identityOf, read, append } = this.parts;
    const { rows, keys, checkpoints } = room;
    const identityKey = await identityOf(account);
    await read(id);
    const present = rows.get(id);
    if (present !== undefined && checkpoints.isMissed(present)) await checkpoints.leave(id);
    return append(id, ({ seq }) => {
      const wrapPrivate = keys.invitedPrivate({ group: id, seq: seq + 1, account });
      return { kind: "invite", account, identityKey, wrapKey: crypto.engine.publicKeyOf(wrapPrivate) };
    });
  }

  /** Accepts, unless another own device has. @throws invitationGone if it was taken back or declined. */
  async accept(id: ConversationId): Promise<KeptGroup> {
    const { room, read, append } = this.parts;
    const { rows, keys } = room;
    const { status } = await read(id);
    if (status === "left" || status === "declined") throw new SottoError("invitationGone");
    try {
      return await append(id, () =>
        rows.get(id)?.status === "invited" ? { kind: "accept", ...keys.published() } : undefined,
      );
    } catch (error) {
      // It was taken back while this account answered.
      if (error instanceof SottoError && error.code === "groupLeft") throw new SottoError("invitationGone");
      throw error;
    }
  }

  /** Declines; where the log cannot be read any more, only here. */
  async decline(id: ConversationId): Promise<void> {
    const { room, read, append } = this.parts;
    const invitation = await room.rows.invitation(id);
    try {
      await read(id);
      await append(id, () => (room.rows.get(id)?.status === "invited" ? { kind: "decline" } : undefined));
    } catch (error) {
      if (!(error instanceof SottoError) || !UNREADABLE.has(error.code)) throw error;
      await room.ownGroups.putAway(id, invitation);
    }
  }
}
