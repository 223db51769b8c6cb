/** Brings one group up to what the relay shows of its log; the first time from an invitation, or from another own device's word. */

import { type AccountId, type ConversationId, equalBytes, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { Row } from "../../rows.js";
import { identityKeyOf } from "../state/permissions.js";
import type { Claims } from "./claims.js";
import type { Forks } from "./forks.js";
import { type EpochSecret, type GroupCrypto, mergedSecrets } from "./group-keys.js";
import { type GroupRows, isIn, type KeptGroup } from "./group-rows.js";
import type { LogReader } from "./log-reader.js";
import type { LogPosition, WalkedEntry, Walker } from "./log-walk.js";
import { type OwnKeys, withKey } from "./own-keys.js";
import type { Progress } from "./progress.js";

/** What reading works with. */
export interface LogSyncParts {
  readonly account: OwnAccount;
  readonly crypto: GroupCrypto;
  readonly rows: GroupRows;
  readonly reader: LogReader;
  readonly progress: Pick<Progress, "take">;
  readonly forks: Forks;
  readonly claims: Pick<Claims, "expect">;
  readonly keys: OwnKeys;
}

/** A group that was read to its end, and the entries it took. */
export interface ReadGroup {
  readonly kept: KeptGroup;
  readonly seen: readonly Uint8Array[];
}

/** A log to be read for the first time. */
interface Entering {
  readonly seed: KeptGroup;
  /** Who says that the log leads there. */
  readonly claim: { readonly seq: number; readonly head: Uint8Array; readonly by: AccountId } | undefined;
  readonly newsFrom: number;
}

/** Reads. Calls for one group are made one after the other. */
export class LogSync {
  /** Groups whose last known entry the relay was asked for again in this run. */
  private readonly checked = new Set<ConversationId>();

  constructor(private readonly parts: LogSyncParts) {}

  /**
   * Reads and takes what is new.
   *
   * @throws groupNotFound if there is no such group, or none for this account; groupForked if the relay shows another log
   *   than before or than the inviter read; busy if there is nothing to begin from yet, or the log is shown too short;
   *   invitationGone if the invitation is for another identity; outboxFull; badRelay; offline and the like.
   */
  async read(id: ConversationId): Promise<ReadGroup> {
    const seen: Uint8Array[] = [];
    const present = this.parts.rows.get(id);
    if (present !== undefined && isIn(present) && present.state !== undefined) await this.follow(present, seen);
    const kept = this.parts.rows.get(id);
    const invitation = await this.parts.rows.invitation(id);
    const entering = kept !== undefined && isIn(kept) ? this.adopted(kept) : this.invited(kept, invitation);
    if (entering !== undefined) await this.enter(entering);
    const read = this.parts.rows.get(id);
    if (read === undefined) throw new SottoError("groupNotFound", { detail: "no group of this account" });
    return { kept: read, seen };
  }

  /** Whose eyes a group's log is read with. */
  walker({ group, wrapKeys }: Pick<KeptGroup, "group" | "wrapKeys">): Walker {
    const { crypto, account, keys } = this.parts;
    return { crypto, group, me: account.id, wrapKeys: [...keys.kept([]), ...wrapKeys] };
  }

  private async follow(kept: KeptGroup, seen: Uint8Array[]): Promise<void> {
    const { reader, progress, forks, claims, rows } = this.parts;
    const { group, state } = kept;
    const invitation = kept.status === "invited" ? await rows.invitation(group) : undefined;
    const known = state === undefined || this.checked.has(group) ? undefined : await forks.known(state);
    try {
      const reached = await reader.follow({
        walker: this.walker(withInvitation(kept, invitation)),
        start: { state, secrets: withInvitation(kept, invitation).secrets },
        known,
        take: async (batch) => {
          await progress.take({ batch });
          for (const { entry } of batch.walked) if (entry !== undefined) seen.push(entry.hash);
        },
      });
      this.checked.add(group);
      const now = rows.get(group);
      if (reached === "locked" && now?.state !== undefined && isIn(now)) claims.expect(group, now.state.seq + 1);
    } catch (error) {
      const code = error instanceof SottoError ? error.code : undefined;
      if (code === "groupForked") forks.seen({ group, seenBy: "relay" });
      if (code === "groupNotFound" && state !== undefined) claims.expect(group, state.seq + 1);
      throw error;
    }
  }

  private adopted(kept: KeptGroup): Entering | undefined {
    const { claimed, state } = kept;
    if (state !== undefined) return undefined;
    const { id } = this.parts.account;
    const claim = claimed === undefined ? undefined : { ...claimed, by: id };
    return { seed: kept, claim, newsFrom: (claimed?.seq ?? 0) + 1 };
  }

  private invited(kept: KeptGroup | undefined, invitation: Row<"invitation"> | undefined): Entering | undefined {
    if (invitation === undefined) return undefined;
    const { group, revision, entry, by, epoch, secret, wrapPrivate } = invitation;
    const seed: KeptGroup = {
      ...{ group, status: "invited", version: kept?.version ?? 0, state: undefined, claimed: undefined },
      ...{ secrets: [{ epoch, secret }], wrapKeys: [wrapPrivate], past: [], writers: [] },
    };
    return { seed, claim: { seq: revision, head: entry, by }, newsFrom: revision };
  }

  /** Nothing of it counts before the log leads where whoever brought this account here says it does. */
  private async enter({ seed, claim, newsFrom }: Entering): Promise<void> {
    const { reader, progress, claims } = this.parts;
    const walked: WalkedEntry[] = [];
    let position: LogPosition = { state: undefined, secrets: seed.secrets };
    await reader.follow({
      walker: this.walker(seed),
      start: position,
      take: async (batch) => {
        walked.push(...batch.walked);
        position = batch.position;
      },
    });
    const { state } = position;
    if (state === undefined) throw new SottoError("busy", { detail: "no admin left a checkpoint to begin from yet" });
    if (claim !== undefined) {
      if (claim.seq > state.seq) {
        claims.expect(seed.group, claim.seq);
        throw new SottoError("busy", { detail: "the relay does not show the log as far as others read it" });
      }
      this.assertLeadsTo(walked, { ...claim, group: seed.group });
    }
    const identityKey = identityKeyOf(state, this.parts.account.id);
    if (identityKey !== undefined && !equalBytes(identityKey, this.parts.account.identity.publicKey))
      throw new SottoError("invitationGone", { detail: "it is for a former identity of this account" });
    await progress.take({ batch: { walked, position, from: "position" }, entering: { newsFrom, kept: seed } });
    this.checked.add(seed.group);
  }

  /** Where the claimed entry is older than the log that is left, the state that members alone could seal has to do. */
  private assertLeadsTo(
    walked: readonly WalkedEntry[],
    claim: { readonly group: ConversationId; readonly seq: number; readonly head: Uint8Array; readonly by: AccountId },
  ): void {
    const state =
      walked.find(({ seq }) => seq === claim.seq)?.after ??
      walked.find(({ before }) => before?.seq === claim.seq)?.before;
    if (state === undefined || equalBytes(state.head, claim.head)) return;
    this.parts.forks.seen({ group: claim.group, seenBy: claim.by });
    throw new SottoError("groupForked", { detail: "the log is not the one that others read" });
  }
}

/** A newer invitation brings a newer secret, and another key that secrets may be sealed to. */
function withInvitation(kept: KeptGroup, invitation: Row<"invitation"> | undefined): KeptGroup {
  if (invitation === undefined) return kept;
  const { epoch, secret, wrapPrivate } = invitation;
  const brought: EpochSecret = { epoch, secret };
  return {
    ...kept,
    secrets: [...mergedSecrets(kept.secrets, [brought])],
    wrapKeys: [...withKey(wrapPrivate, kept.wrapKeys)],
  };
}
