/** The groups of this account, as their logs tell them: read, changed, and judged by. */

import {
  type AccountId,
  type ConversationId,
  type DeviceId,
  equalBytes,
  type GroupBody,
  type GroupEntryBody,
  type GroupStanding,
  SottoError,
} from "@sotto/protocol";
import { isFatal } from "../../fatal.js";
import type { Plan } from "../../inbox/plan.js";
import type { StoreChange } from "../../ports.js";
import type { Row } from "../../rows.js";
import { standingOf } from "../state/permissions.js";
import type { GroupIntent } from "../state/secrets-needed.js";
import { foundGroup } from "./founding.js";
import { type GroupSnapshot, isIn, type KeptGroup, snapshotOf } from "./group-rows.js";
import { type LogParts, type LogRoom, wireLog } from "./log-room.js";
import type { Wish } from "./log-writer.js";
import { Membership } from "./membership.js";
import { membersAt, spansOf } from "./spans.js";
import { judged, type SaidInGroup } from "./writers.js";

export type { LogGap } from "./claims.js";
export type { GroupFork } from "./forks.js";
export type { GroupSnapshot } from "./group-rows.js";
export type { LogParts } from "./log-room.js";
export type { AppliedChange, GroupChanged } from "./progress.js";

/** What a member can do to a group by one entry; the keys it takes are this account's and the relay's business. */
export type GroupWish =
  | Exclude<GroupIntent, { readonly kind: "invite" | "accept" | "decline" | "leave" | "keys" | "checkpoint" }>
  | { readonly kind: "invite"; readonly account: AccountId };

/** Logs read at once after the relay was reached. */
const READ_AT_ONCE = 4;

/** The logs. One per client. */
export class GroupLogs {
  private readonly stale = new Set<ConversationId>();
  private readonly room: LogRoom;
  private readonly membership: Membership;
  private readers = 0;
  private isClosed = false;

  constructor(private readonly parts: LogParts) {
    this.room = wireLog(parts);
    this.membership = new Membership({
      ...{ room: this.room, crypto: parts.crypto },
      identityOf: (account) => parts.identityOf(account),
      read: (id) => this.read(id),
      append: (id, wish) => this.appendNow(id, wish),
    });
  }

  /** Takes up what an earlier run kept. */
  async load(): Promise<void> {
    await this.room.rows.load();
  }

  /** A group as far as this device has read its log; `undefined` before that, and for one this account never had to do with. */
  get(id: ConversationId): GroupSnapshot | undefined {
    return snapshotOf(this.room.rows.get(id));
  }

  /** How this account stands to a group, also before its log was read; `undefined` if it never had to do with it. */
  status(id: ConversationId): GroupSnapshot["status"] | undefined {
    return this.room.rows.get(id)?.status;
  }

  /** Whether this device knows of a time when the account was a member, whatever it is now. */
  wasMember(id: ConversationId): boolean {
    return this.room.rows.get(id)?.wasMember === "yes";
  }

  /** The members of a group at one entry of its log; `undefined` if it was not read that far, or that is not known here. */
  membersAt(id: ConversationId, revision: number): readonly AccountId[] | undefined {
    const { state, spans } = this.room.rows.get(id) ?? {};
    return state === undefined ? undefined : membersAt(spans ?? spansOf(state), state.seq, revision);
  }

  /** Every group whose log this device has read. */
  all(): readonly GroupSnapshot[] {
    return this.room.rows.all().flatMap((kept) => snapshotOf(kept) ?? []);
  }

  /** How far this device has read, for payloads. @throws groupLeft before it read anything. */
  standing(id: ConversationId): GroupStanding {
    const state = this.get(id)?.state;
    if (state === undefined) throw new SottoError("groupLeft");
    return { id, revision: state.seq, head: state.head };
  }

  /**
   * Reads what is new from the relay and takes it, durably. Reads after this call; calls that wait share one.
   *
   * @throws what `LogSync.read` throws.
   */
  async sync(id: ConversationId): Promise<GroupSnapshot> {
    return this.shown(await this.read(id));
  }

  /** The relay was reached, or this account's keys changed: everything is read, and what was interrupted goes on. */
  wake(): void {
    this.inBackground(async () => {
      this.room.upkeep.rested();
      await this.keepKeys();
      const invited = (await this.room.rows.invitations()).map(({ group }) => group);
      if (this.isClosed) return;
      const present = this.room.rows.all().filter(isIn);
      for (const id of [...present.map(({ group }) => group), ...invited]) this.stale.add(id);
      for (const { group } of present) this.room.upkeep.wake(group);
      while (this.readers < READ_AT_ONCE && this.readers < this.stale.size) this.inBackground(() => this.readStale());
    });
  }

  /** Somebody says how far it has read: compared where that is known here, else read in the background. */
  heard(standing: GroupStanding, from: AccountId): void {
    const kept = this.room.rows.get(standing.id);
    if (kept?.state === undefined || !isIn(kept)) return;
    this.inBackground(() => this.compared(standing, from));
  }

  /** Begins a group. @throws what `foundGroup` throws. */
  async create(settings: GroupEntryBody<"update">): Promise<GroupSnapshot> {
    const id = await foundGroup({ ...this.parts, ...this.room }, settings);
    return this.shown(this.room.rows.get(id));
  }

  /**
   * Changes a group. Resolves once the entry is in the log and durable here, with what the other members and whoever was
   * invited are told. @throws what `LogWriter.append` throws.
   */
  async append(id: ConversationId, wish: GroupWish): Promise<GroupSnapshot> {
    if (wish.kind === "invite") return this.shown(await this.membership.invite(id, wish.account));
    return this.shown(await this.appendNow(id, () => wish));
  }

  /**
   * Accepts the invitation to a group; where an admin has to let this account in, it then waits. Does nothing if another own
   * device has.
   *
   * @throws invitationGone if it was taken back; groupForked if the log is not the inviter's; what appending throws.
   */
  async accept(id: ConversationId): Promise<GroupSnapshot> {
    return this.shown(await this.membership.accept(id));
  }

  /** Declines the invitation. Where its log cannot be read any more, it is only put away here. @throws offline and the like. */
  decline(id: ConversationId): Promise<void> {
    return this.membership.decline(id);
  }

  /** The change that keeps an invitation that came, which the caller commits in the same turn. */
  withInvitation(row: Row<"invitation">): StoreChange {
    return this.room.rows.withInvitation(row);
  }

  /** Leaves a group, or waits no more. @throws groupLeft if this account is not in it; what appending throws. */
  async leave(id: ConversationId): Promise<void> {
    await this.appendNow(id, () => ({ kind: "leave" }));
  }

  /** What another own device knows. The caller commits what `build` answers. */
  async adopt(body: GroupBody<"groups">): Promise<Plan> {
    const { id: me } = this.parts.account;
    return this.room.ownGroups.adopt(body, ({ group, status, seq: revision, head }) => {
      if (status !== "joined" && status !== "invited") return;
      const isRead = this.room.rows.get(group)?.state !== undefined;
      if (isRead) this.heard({ id: group, revision, head }, me);
      else this.inBackground(() => this.read(group));
    });
  }

  /** Tells a new own device of every group. Resolves once that is queued, durably. */
  serve(device: DeviceId): Promise<void> {
    return this.room.ownGroups.serve(device);
  }

  /**
   * What a send to a group shows the relay: how far this device has read the log, and that it is a member's.
   *
   * @throws groupLeft if this account is no member; groupForked if the relay was caught showing another log; busy if the
   *   present epoch's secret is not here yet.
   */
  signSend(
    id: ConversationId,
    { messageId, message }: { readonly messageId: Uint8Array; readonly message: Uint8Array },
  ): { readonly revision: number; readonly signature: Uint8Array } {
    const kept = this.room.rows.get(id);
    if (kept?.state === undefined || kept.status !== "joined") throw new SottoError("groupLeft");
    if (this.room.forks.isProven(id)) throw new SottoError("groupForked");
    const { seq: revision, epoch } = kept.state;
    const secret = kept.secrets.find((one) => one.epoch === epoch);
    if (secret === undefined) throw new SottoError("busy", { detail: "the present epoch's secret is not here yet" });
    return { revision, signature: this.room.requests.signSend({ group: id, revision, messageId, message }, secret) };
  }

  /** Whether an account may have said something in a group; `later` if the log was not read that far here. */
  judge(id: ConversationId, said: SaidInGroup): "yes" | "no" | "later" {
    const kept = this.room.rows.get(id);
    if (kept === undefined) return "later";
    const isOut = !isIn(kept);
    if (kept.state === undefined) return isOut ? "no" : "later";
    const verdict = judged(kept, kept.state.seq, said);
    return verdict === "later" && isOut ? "no" : verdict;
  }

  /** Reads and begins nothing more. What runs still rejects with the relay's connection. Idempotent. */
  close(): void {
    this.isClosed = true;
    this.stale.clear();
    this.room.claims.close();
    this.room.upkeep.close();
  }

  /** Only the word of who is in the group raises an alarm; anybody else's may be news all the same. */
  private async compared(standing: GroupStanding, from: AccountId): Promise<void> {
    const { id, revision } = standing;
    const { rows, claims, forks } = this.room;
    const isAhead = () => revision > (rows.get(id)?.state?.seq ?? 0);
    const isHeeded = () => {
      const state = rows.get(id)?.state;
      return state !== undefined && (from === this.parts.account.id || standingOf(state, from) !== "none");
    };
    if (isAhead()) {
      if (isHeeded()) claims.expect(id, revision);
      await this.read(id);
      if (isAhead() && isHeeded()) claims.expect(id, revision);
    }
    if (isHeeded()) await forks.compare(standing, from);
  }

  private async appendNow(id: ConversationId, wish: Wish): Promise<KeptGroup> {
    const kept = await this.room.turns.append(id, wish);
    this.room.upkeep.wake(id);
    return kept;
  }

  private async read(id: ConversationId): Promise<KeptGroup> {
    const kept = await this.room.turns.read(id);
    this.room.upkeep.wake(id);
    return kept;
  }

  private async readStale(): Promise<void> {
    this.readers += 1;
    try {
      for (const id of this.stale) {
        this.stale.delete(id);
        await this.read(id).catch(unlessFatal);
      }
    } finally {
      this.readers -= 1;
    }
  }

  /** What was sealed to the keys of now may be read only once they are former ones. */
  private async keepKeys(): Promise<void> {
    const { rows, keys } = this.room;
    const present = keys.wrapPrivate();
    const changes = rows
      .all()
      .filter((kept) => isIn(kept) && !kept.wrapKeys.some((key) => equalBytes(key, present)))
      .map((kept) => rows.change({ ...kept, wrapKeys: [...keys.kept(kept.wrapKeys)] }));
    if (changes.length > 0) await this.parts.store.commit(changes);
  }

  private shown(kept: KeptGroup | undefined): GroupSnapshot {
    const snapshot = snapshotOf(kept);
    if (snapshot === undefined) throw new SottoError("groupNotFound");
    return snapshot;
  }

  private inBackground(work: () => Promise<unknown>): void {
    if (this.isClosed) return;
    work().catch((error: unknown) => {
      if (isFatal(error) && !this.isClosed) this.parts.failed(error);
    });
  }
}

function unlessFatal(error: unknown): void {
  if (isFatal(error)) throw error;
}
