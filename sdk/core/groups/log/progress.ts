/** What reading a log changes here: each batch of entries is one commit, with everything that follows from it. */

import {
  type AccountId,
  type ConversationId,
  encodeGroupBody,
  equalBytes,
  type GroupMember,
  type GroupState,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { Counters } from "../../counters.js";
import type { Plan } from "../../inbox/plan.js";
import type { KeyedLock } from "../../keyed-lock.js";
import type { Order, Queued } from "../../outbox/order.js";
import type { Outbox } from "../../outbox/outbox.js";
import type { SealedStore } from "../../storage/sealed-store.js";
import { farewellTo } from "../sending/farewell.js";
import type { Shown } from "../shown.js";
import type { GroupEffect } from "../state/effects.js";
import { isAdmin, memberOf, standingOf } from "../state/permissions.js";
import type { Forks } from "./forks.js";
import { type EpochSecret, mergedSecrets } from "./group-keys.js";
import {
  type GroupRows,
  type GroupSnapshot,
  type GroupStatus,
  hasAccepted,
  isIn,
  type KeptGroup,
  snapshotOf,
} from "./group-rows.js";
import type { LogBatch } from "./log-reader.js";
import type { WalkedEntry } from "./log-walk.js";
import type { OwnKeys } from "./own-keys.js";
import { type Spans, spansAcross, spansAfter, spansOf } from "./spans.js";
import { type Writers, writersAcross, writersAfter, writersOf } from "./writers.js";

/** What entries of a group's log changed. */
export interface GroupChanged {
  /** `undefined` where this device reads the log for the first time. */
  readonly before: GroupSnapshot | undefined;
  readonly after: GroupSnapshot;
  /** The entries that counted, in order; none from before this account was invited or this device came. */
  readonly applied: readonly AppliedChange[];
}

/** One entry that counted. */
export interface AppliedChange {
  readonly seq: number;
  /** The relay's clock. */
  readonly acceptedMs: number;
  readonly author: AccountId;
  /** The author's clock. */
  readonly atMs: number;
  readonly summary: readonly GroupEffect[];
  /** The entry as its author signed it; `decodeGroupEntry` reads it. */
  readonly entry: Uint8Array;
  /** This device appended it, in this run or in one that ended before it was taken here. */
  readonly isOwn?: "yes" | undefined;
}

/** What progress works with. */
export interface ProgressParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly locks: KeyedLock;
  readonly counters: Counters;
  readonly outbox: Pick<Outbox, "queue" | "room">;
  readonly rows: GroupRows;
  readonly forks: Forks;
  readonly keys: OwnKeys;
  readonly shown: Pick<Shown, "of">;
  /** Runs under the locks of the group and of its conversation; committed with the log's progress. */
  consequences(changed: GroupChanged): Promise<Plan>;
  /** What an invitation says to somebody, in the canonical bytes of a content. */
  inviting(whom: AccountId, to: { readonly group: GroupSnapshot["id"]; readonly title: string }): Uint8Array;
  /** The orders that tell this account's other devices where it stands in a group. */
  tellOwn(group: KeptGroup): readonly Queued[];
}

/** A batch as it is taken: whose, and from where. */
export interface Taking {
  readonly batch: LogBatch;
  /** A log that is read for the first time: from which entry on it is news, and what was held before. */
  readonly entering?: { readonly newsFrom: number; readonly kept: KeptGroup } | undefined;
}

/** Commits it. */
export class Progress {
  constructor(private readonly parts: ProgressParts) {}

  /** Takes entries that follow what is kept. Resolves once they are durable. @throws outboxFull: nothing was taken. */
  async take({ batch, entering }: Taking): Promise<void> {
    const { rows, locks, forks, counters, store, keys } = this.parts;
    const { state, secrets } = batch.position;
    if (state === undefined) return;
    const { group } = state;
    const { durable, after } = await locks.run(`group/${group}`, () =>
      locks.run(`conversation/${group}`, async () => {
        const before = rows.get(group);
        const start = entering?.kept ?? before;
        const status = this.statusAfter(start?.status, batch.walked, state);
        const isPresent = isIn({ status });
        const next = writersBehind(before ?? start, batch, entering !== undefined);
        const spans = spansBehind(before ?? start, batch, entering !== undefined);
        const heads = await forks.changes(group, batch);
        const news = batch.walked.filter(({ seq }) => seq >= (entering?.newsFrom ?? 0));
        const own = news.filter((walked) => this.isOwn(group, walked));
        const changed = changeOf(before, { id: group, status, state }, { news, own });
        const consequences = await this.parts.consequences(changed);
        this.assertRoom();
        const invitation = await rows.invitation(group);

        // From here on everything is one turn: what another own device told meanwhile is in the row.
        const isOver = invitation !== undefined && invitation.revision <= state.seq;
        // One that came while the disk was asked is another than it answered.
        const isAnswered = status !== "invited" && isOver && !rows.isInvitedBehind(group, state.seq);
        const answered = isAnswered ? [rows.withoutInvitation(group)] : [];
        const now = rows.get(group);
        const known = now !== undefined && isIn(now) ? now.secrets : [];
        const version = versionAfter(now, start?.version ?? 0, status);
        const kept: KeptGroup = {
          ...{ group, status, version, state, past: [...next.past], writers: [...next.writers], spans },
          // Who is out needs nothing of what it knew.
          secrets: isPresent ? this.keptSecrets(state, mergedSecrets(secrets, known)) : [],
          wrapKeys: isPresent ? [...keys.kept(start?.wrapKeys ?? [])] : [],
          claimed: undefined,
          checkpoint: own.some(({ entry }) => entry?.change.kind === "checkpoint") ? "owed" : start?.checkpoint,
          wasMember: status === "joined" ? "yes" : now?.wasMember,
        };
        // Before own devices are told where the group stands: what is shown of it from here on goes with that.
        const consequent = consequences.build();
        const queued = [
          ...(entering === undefined ? this.invitations(kept, batch.walked) : []),
          ...(own.length === 0 ? [] : this.notices(kept, before?.state, own)),
          ...(own.some(isWord) ? this.parts.tellOwn(kept) : []),
        ];
        const durable = store.commit([
          ...[rows.change(kept), ...heads, ...answered],
          ...consequent,
          ...queued.flatMap(({ changes }) => changes),
        ]);
        return { durable, after: [...queued.map((one) => () => one.sent()), ...consequences.after] };
      }),
    );
    await durable;
    for (const { outcome } of batch.walked) if (outcome.kind === "ignored") counters.count("groupRefused");
    for (const work of after) work();
    await forks.inspect(group, batch.walked);
  }

  /** An entry that counts and that this device appended, whatever became of the run that did: nobody else says what follows from it. */
  private isOwn(group: ConversationId, { seq, entry, bytes, nonce, outcome }: WalkedEntry): boolean {
    const { account, keys } = this.parts;
    if (outcome.kind !== "applied" || entry?.author !== account.id || bytes === undefined) return false;
    return equalBytes(keys.entryNonce({ group, seq }, bytes), nonce);
  }

  private statusAfter(before: GroupStatus | undefined, walked: readonly WalkedEntry[], state: GroupState): GroupStatus {
    const { id } = this.parts.account;
    const standing = standingOf(state, id);
    switch (standing) {
      case "member":
        return "joined";
      case "waiting":
      case "invited":
        return standing;
      case "none": {
        if (before === "declined") return before;
        const declined = walked.some(({ entry, outcome }) => {
          return entry?.author === id && entry.change.kind === "decline" && outcome.kind === "applied";
        });
        return declined ? "declined" : "left";
      }
      default:
        return standing satisfies never;
    }
  }

  /** Only admins keep what admins hold. */
  private keptSecrets(state: GroupState, secrets: readonly EpochSecret[]): EpochSecret[] {
    const role = memberOf(state, this.parts.account.id)?.role;
    if (role !== undefined && isAdmin(role)) return [...secrets];
    return secrets.map(({ epoch, secret }) => ({ epoch, secret }));
  }

  /**
   * Tells others that the log moved on: the group; whom this device removed; and, as one who left or waits to be let in, the
   * admins, who have to act on it. Everybody else learns of it with the next message.
   */
  private notices(
    { group, status, state }: KeptGroup,
    before: GroupState | undefined,
    own: readonly WalkedEntry[],
  ): readonly Queued[] {
    const { outbox, account } = this.parts;
    if (state === undefined) return [];
    const standing = { revision: state.seq, head: state.head };
    const farewell = (to: GroupMember) =>
      outbox.queue({ recipient: to.account, group, standing, type: "groupChange", body: farewellTo(to) });
    const admins = state.members
      .filter((member) => isAdmin(member.role) && member.account !== account.id)
      .slice(0, FAREWELLS);
    if (hasAccepted(status)) {
      const removed = own.some(({ entry }) => entry?.change.kind === "remove") ? (before?.members ?? []) : [];
      const gone = removed.filter((member) => memberOf(state, member.account) === undefined);
      // Who waits has no voice in the group, and nobody but an admin could act on it.
      const told = status === "joined" ? [outbox.queue({ group, type: "groupChange" })] : admins.map(farewell);
      return [...told, ...gone.slice(0, FAREWELLS).map(farewell)];
    }
    return admins.map(farewell);
  }

  /** What this device invited somebody by, also if it crashed behind the append: whoever is invited must hear of it. */
  private invitations(kept: KeptGroup, walked: readonly WalkedEntry[]): readonly Queued[] {
    const { account, outbox } = this.parts;
    return walked.flatMap(({ seq, entry, outcome, after }) => {
      if (outcome.kind !== "applied" || entry?.author !== account.id || entry.change.kind !== "invite") return [];
      const { account: recipient, wrapKey } = entry.change;
      const { group } = kept;
      const wrapPrivate = this.parts.keys.invitedBy({ group, seq, account: recipient }, wrapKey);
      const secret = kept.secrets.find(({ epoch }) => epoch === after.epoch);
      if (wrapPrivate === undefined || secret === undefined) return [];
      const body = encodeGroupBody("invitation", {
        ...{ epoch: secret.epoch, secret: secret.secret, wrapPrivate },
        // Nobody vouches for a title that somebody else put into the log and did not say.
        content: this.parts.inviting(recipient, { group, title: this.parts.shown.of(group, after).title }),
      });
      // What the invitation names is the entry, wherever the log is when it leaves.
      const standing = { revision: seq, head: after.head };
      const order: Order = { recipient, group, standing, type: "invitation", body };
      return [outbox.queue(order)];
    });
  }

  /** A batch queues an order for each invitation in it, which is one of this device at a time, and a few words. */
  private assertRoom(): void {
    if (this.parts.outbox.room < ROOM) throw new SottoError("outboxFull");
  }
}

/** Orders that a batch may queue. */
const ROOM = 64;
/** Accounts that are told by themselves. Others find out when they next read the log. */
const FAREWELLS = 32;

/**
 * Where this account comes in again, what happened since it was out is hidden as behind a checkpoint: what was said to it while it
 * was a member counts still, by what it knew then.
 */
function writersBehind(start: KeptGroup | undefined, { walked, from }: LogBatch, isEntering: boolean): Writers {
  const [first] = walked;
  let writers: Writers = start === undefined ? { past: [], writers: [] } : { past: start.past, writers: start.writers };
  let before = start?.state;
  for (const { acceptedMs, after } of walked) {
    const isHidden = after === first?.after && (from === "checkpoint" || isEntering);
    if (before === undefined) writers = writersOf(after);
    else if (isHidden) writers = writersAcross(writers, before, { after, acceptedMs });
    else writers = writersAfter(writers, before, { after, acceptedMs });
    before = after;
  }
  return writers;
}

function spansBehind(start: KeptGroup | undefined, { walked, from }: LogBatch, isEntering: boolean): Spans | undefined {
  const [first] = walked;
  const isFresh = start?.state === undefined || isEntering;
  let before = start?.state;
  let spans = start?.spans ?? (before && spansOf(before));
  if (isFresh && first?.before !== undefined) {
    spans =
      before === undefined || spans === undefined ? spansOf(first.before) : spansAcross(spans, before, first.before);
    before = first.before;
  }
  for (const { after } of walked) {
    const isHidden = after === first?.after && (isFresh ? first.before === undefined : from === "checkpoint");
    if (before === undefined || spans === undefined) spans = spansOf(after);
    else if (isHidden) spans = spansAcross(spans, before, after);
    else spans = spansAfter(spans, before, after);
    before = after;
  }
  return spans;
}

function changeOf(
  before: KeptGroup | undefined,
  after: GroupSnapshot,
  { news, own }: { readonly news: readonly WalkedEntry[]; readonly own: readonly WalkedEntry[] },
): GroupChanged {
  const applied = news.flatMap((walked): AppliedChange[] => {
    const { seq, acceptedMs, entry, bytes, outcome } = walked;
    if (entry === undefined || bytes === undefined || outcome.kind === "ignored") return [];
    const { author, atMs } = entry;
    const isOwn = own.includes(walked) ? "yes" : undefined;
    return [{ seq, acceptedMs, author, atMs, summary: outcome.effects, entry: bytes, isOwn }];
  });
  return { before: snapshotOf(before), after, applied };
}

/** A word on where this account stands, which its other devices are told: they may not read the log for a while. */
function isWord({ entry }: WalkedEntry): boolean {
  switch (entry?.change.kind) {
    case "create":
    case "accept":
    case "decline":
    case "leave":
    case "keys":
      return true;
    default:
      return false;
  }
}

/** Counts how often this account came and went. */
function versionAfter(now: KeptGroup | undefined, before: number, status: GroupStatus): number {
  const version = Math.max(now?.version ?? 0, before);
  const isSame =
    now !== undefined && isIn(now) === isIn({ status }) && (now.status === "invited") === (status === "invited");
  return isSame ? version : version + 1;
}
