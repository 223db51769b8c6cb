/**
 * Checkpoints: now and then an admin's client leaves the group's state, so that logs stay short, and after each new epoch,
 * because whoever comes later can read nothing that was sealed before it.
 */

import { type ConversationId, encodeGroupState, type GroupState, groupStateHash, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { SealedStore } from "../../storage/sealed-store.js";
import { isAdmin, isCheckpointDue, memberOf } from "../state/permissions.js";
import type { EpochSecret, GroupCrypto } from "./group-keys.js";
import type { GroupRows, KeptGroup } from "./group-rows.js";
import type { LogRequests } from "./log-requests.js";
import type { LogWriter } from "./log-writer.js";
import { sealCheckpoint } from "./sealed-entries.js";

/** Entries from one checkpoint to the next. */
const CHECKPOINT_EVERY = 200;

/** What leaving checkpoints works with. */
export interface CheckpointParts {
  readonly account: OwnAccount;
  readonly crypto: GroupCrypto;
  readonly store: SealedStore;
  readonly rows: GroupRows;
  readonly requests: Pick<LogRequests, "leaveCheckpoint">;
  append(id: ConversationId, wish: Parameters<LogWriter["append"]>[1]): Promise<KeptGroup>;
}

/** Leaves them. */
export class Checkpoints {
  /** What was named in the log and is not with the relay yet. */
  private readonly named = new Map<
    ConversationId,
    { readonly seq: number; readonly body: Uint8Array; readonly secret: EpochSecret }
  >();

  constructor(private readonly parts: CheckpointParts) {}

  /** Whether it is this device's turn to leave one. */
  isDue(kept: KeptGroup): boolean {
    const { state } = kept;
    if (state === undefined || !this.mayLeave(kept)) return false;
    return kept.checkpoint === "owed" || isLate(state);
  }

  /** Whether a newcomer finds nothing to begin from, and this device can help it. */
  isMissed(kept: KeptGroup): boolean {
    const { state, checkpoint } = kept;
    return state !== undefined && this.mayLeave(kept) && (checkpoint === "owed" || isCheckpointDue(state));
  }

  /**
   * Names the state in the log, then leaves it with the relay. A crash in between names another one the next time.
   *
   * @throws what appending throws; offline and the like.
   */
  async leave(id: ConversationId): Promise<void> {
    if (!this.isAtHand(id)) await this.name(id);
    await this.handOver(id);
  }

  /** Whether the state behind the newest checkpoint entry is still to be left, and here. */
  private isAtHand(id: ConversationId): boolean {
    return this.named.get(id)?.seq === this.parts.rows.get(id)?.state?.checkpointSeq;
  }

  private async name(id: ConversationId): Promise<void> {
    const { rows, crypto, append } = this.parts;
    let before: GroupState | undefined;
    const { state, secrets } = await append(id, (state) => {
      before = undefined;
      if (rows.get(id)?.checkpoint !== "owed" && !isLate(state)) return undefined;
      before = state;
      return { kind: "checkpoint", stateHash: groupStateHash(state) };
    });
    const secret = secrets.find(({ epoch }) => epoch === before?.epoch);
    // Another try's entry may be the one in the log: then the next round names one anew.
    if (before === undefined || secret === undefined || state?.checkpointSeq !== before.seq + 1) return;
    const seq = state.checkpointSeq;
    this.named.set(id, {
      seq,
      secret,
      body: sealCheckpoint(crypto, { group: id, seq }, { secret, state: encodeGroupState(before) }),
    });
  }

  private async handOver(id: ConversationId): Promise<void> {
    const named = this.named.get(id);
    const adminSecret = named?.secret.adminSecret;
    if (named === undefined || adminSecret === undefined) return;
    try {
      await this.parts.requests.leaveCheckpoint(id, { seq: named.seq, body: named.body, adminSecret });
    } catch (error) {
      // Another epoch began: its own checkpoint is due.
      if (!(error instanceof SottoError && error.code === "groupNotFound")) throw error;
    }
    this.named.delete(id);
    await this.settle(id);
  }

  private async settle(id: ConversationId): Promise<void> {
    const { rows, store } = this.parts;
    const kept = rows.get(id);
    if (kept?.checkpoint === "owed") await store.commit([rows.change({ ...kept, checkpoint: undefined })]);
  }

  private mayLeave({ state, secrets, status }: KeptGroup): boolean {
    if (state === undefined || status !== "joined") return false;
    const role = memberOf(state, this.parts.account.id)?.role;
    const secret = secrets.find(({ epoch }) => epoch === state.epoch);
    return role !== undefined && isAdmin(role) && secret?.adminSecret !== undefined;
  }
}

function isLate(state: GroupState): boolean {
  return isCheckpointDue(state) || state.seq - state.checkpointSeq >= CHECKPOINT_EVERY;
}
