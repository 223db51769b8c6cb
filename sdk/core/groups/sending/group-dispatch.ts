/**
 * How one outbox row for a whole group travels: encrypted once under this device's sender key, sealed to all devices of all
 * other members, and taken by the relay only if the log is where this device has read it to.
 *
 *   read the log ─▶ hand the key to who lacks it ─▶ encrypt ─▶ send ─▶ accepted
 *        ▲                                                      │
 *        └── log moved, keys refused, devices changed: once more ┘
 */

import { type AccountId, type ConversationId, type Frame, SottoError, toHex } from "@sotto/protocol";
import { Cancellation } from "../../cancellation.js";
import { isFatal } from "../../fatal.js";
import type { KeyedLock } from "../../keyed-lock.js";
import type { Addressed } from "../../outbox/dispatch.js";
import type { Passage, SendWindow } from "../../outbox/lane.js";
import {
  AT_ONCE,
  assertFresh,
  type Dispatched,
  hasCode,
  LATER,
  outcomeOf,
  type SaidInGroup,
  unreached,
} from "../../outbox/outcome.js";
import type { Clock } from "../../ports.js";
import type { Relay } from "../../relay.js";
import type { Row } from "../../rows.js";
import type { Sessions } from "../../sessions/sessions.js";
import type { GroupLogs } from "../log/group-logs.js";
import type { Fellows } from "./fellows.js";
import { inParallel } from "./in-parallel.js";
import { type KeySharing, sendingLock } from "./key-sharing.js";
import { joined, type Sealed, Sealing, type SealingParts } from "./sealing.js";

/** Members whose device lists are repaired at once. */
const WIDTH = 16;

/** What dispatching to groups works with. */
export interface GroupDispatchParts extends Omit<SealingParts, "nowMs"> {
  readonly logs: Pick<GroupLogs, "get" | "standing" | "sync" | "signSend">;
  readonly fellows: Pick<Fellows, "of" | "refused">;
  readonly sessions: Pick<Sessions, "devicesOf" | "open" | "repair">;
  readonly sharing: Pick<KeySharing, "share" | "one">;
  readonly relay: {
    readonly device: Pick<Relay["device"], "state" | "end">;
    readonly anonymous: Pick<Relay["anonymous"], "request">;
    nowMs(): number;
  };
  readonly locks: KeyedLock;
  readonly clock: Clock;
}

/** What a word shares with others that are on their way with it. */
export type Together = Pick<Passage<unknown>, "window" | "before">;

/** Sends rows to groups. Knows no queue: its callers keep the order. */
export class GroupDispatch {
  private readonly closing = new Cancellation();

  private readonly sealing: Sealing;

  constructor(private readonly parts: GroupDispatchParts) {
    this.sealing = new Sealing({ ...parts, nowMs: () => parts.relay.nowMs() });
  }

  /**
   * Encrypts a row for all other members of its group; the promise it answers settles when the relay answered. Aborting
   * the window calls back what did not leave yet.
   *
   * @throws only what ends the client. Every other failure is an outcome.
   */
  async begin(row: Row<"outbox">, passage: Together): Promise<{ readonly attempted: Promise<Dispatched> }> {
    return this.prepared(row, outcomeOf, async (group) => {
      const prepared = await this.sealing.prepare(row, group, this.closing);
      if (prepared.kind === "concluded") return () => Promise.resolve(prepared.outcome);
      if (prepared.kind === "alone") return () => this.alone(group, prepared.said, passage);
      return () => this.transmit(prepared.sealed, passage);
    });
  }

  /** Hands the present key of a group to one member anew, under the row's send id. Without a key there is nothing to hand. */
  async hand(row: Addressed): Promise<{ readonly attempted: Promise<Dispatched> }> {
    // The log will tell which key the member has now; meanwhile nothing is lost, for contents wait too.
    const failed = (error: unknown) => (hasCode(error, "notAllowed") ? LATER : outcomeOf(error));
    return this.prepared(row, failed, async (group) => {
      const { acceptedMs } = await this.handTo(row, group);
      return () => Promise.resolve({ kind: "accepted", acceptedMs });
    });
  }

  /** Hands no more keys over. What waits is sent by the next client. Idempotent. */
  close(): void {
    this.closing.abort();
  }

  /** Prepares under the group's sending lock; what `prepare` answers is begun behind it. */
  private async prepared(
    row: Row<"outbox">,
    failed: (error: unknown) => Dispatched,
    prepare: (group: ConversationId) => Promise<() => Promise<Dispatched>>,
  ): Promise<{ readonly attempted: Promise<Dispatched> }> {
    const { relay, locks, clock } = this.parts;
    const away = unreached(relay.device);
    if (away !== undefined) return { attempted: Promise.resolve(away) };
    try {
      assertFresh(row, clock.now());
      const group = groupOf(row);
      const begin = await locks.run(sendingLock(group), () => prepare(group));
      return { attempted: begin() };
    } catch (error) {
      return { attempted: Promise.resolve(failed(error)) };
    }
  }

  private async handTo(row: Addressed, group: ConversationId): Promise<{ readonly acceptedMs: number }> {
    const { fellows, distributions, sharing, relay } = this.parts;
    const { state } = joined(this.parts.logs, group);
    const fellow = await fellows.of(group, row.recipient);
    if (fellow === undefined) throw new SottoError("groupLeft", { detail: "the other is no member any more" });
    const distribution = await distributions.present(group, state.audience);
    if (distribution === undefined) return { acceptedMs: relay.nowMs() };
    const key = { standing: this.parts.logs.standing(group), distribution };
    const how = { messageId: row.envelope, signal: this.closing };
    return sharing.one(key, { account: row.recipient, fellow }, how);
  }

  /** No send tells that the log moved on where there is nobody to send to: somebody may have joined, and is to get it. */
  private async alone(group: ConversationId, said: SaidInGroup, { window, before }: Together): Promise<Dispatched> {
    const { logs, relay } = this.parts;
    try {
      if (!window.isAlike(`${said.standing.revision}`)) await before;
      if (window.aborted) return AT_ONCE;
      const { state } = await logs.sync(group);
      if (state.seq !== said.standing.revision) return AT_ONCE;
      return { kind: "accepted", acceptedMs: relay.nowMs(), inGroup: said };
    } catch (error) {
      return outcomeOf(error);
    }
  }

  /**
   * Nothing is awaited between the commit and the request, so requests leave in the order of the encryptions. Only what was
   * sealed for another entry of the log, or to others, than what went before waits for that to be answered.
   */
  private async transmit(sealed: Sealed, { window, before }: Together): Promise<Dispatched> {
    const { relay, logs } = this.parts;
    try {
      const isAlike = window.isAlike(basisOf(sealed));
      await sealed.durable;
      if (!isAlike) await before;
      const answer = await relay.anonymous.request(sealed.frame, { recall: window });
      switch (answer.type) {
        case "accepted":
          return { kind: "accepted", acceptedMs: answer.acceptedMs, stamp: answer.stamps[0], inGroup: sealed.said };
        case "groupMoved":
          return await this.onceFor(window, () => logs.sync(sealed.group));
        case "deviceMismatch":
          return await this.onceFor(window, () => this.repair(sealed, answer));
        default:
          return answer satisfies never;
      }
    } catch (error) {
      return this.failed(error, sealed, window);
    }
  }

  /** One repair serves the whole window: what did not leave yet is called back, for it would meet the same. */
  private async onceFor(window: SendWindow, repair: () => Promise<unknown>): Promise<Dispatched> {
    this.parts.counters.count("sendsRetried");
    if (!window.aborted) {
      window.abort();
      await repair();
    }
    return AT_ONCE;
  }

  /**
   * A signature by a former epoch's key may be refused before the log's number is looked at. Where the window was called back
   * meanwhile, another word of it found that out.
   */
  private async failed(error: unknown, { group, frame }: Sealed, window: SendWindow): Promise<Dispatched> {
    const mayBeBehind = hasCode(error, "notAllowed") || hasCode(error, "groupNotFound");
    if (!mayBeBehind) return outcomeOf(error);
    if (window.aborted) return AT_ONCE;
    try {
      const { state } = await this.parts.logs.sync(group);
      if (state.seq === frame.revision) return outcomeOf(error);
      window.abort();
      return AT_ONCE;
    } catch (unread) {
      return outcomeOf(unread);
    }
  }

  /** Follows all that one answer says: device lists with the bundles it brought, and keys that were refused. */
  private async repair({ group, reached }: Sealed, answer: Frame<"deviceMismatch">): Promise<void> {
    const { sessions, fellows } = this.parts;
    const members = new Map(reached.map((member) => [member.account, member]));
    const isNamed = ({ account }: { readonly account: AccountId }) => members.has(account);
    if (![...answer.accounts, ...answer.bundles, ...answer.denied.map((account) => ({ account }))].every(isNamed)) {
      throw new SottoError("badRelay", { detail: "an answer about accounts that were not written to" });
    }
    await inParallel(WIDTH, answer.accounts, async ({ account }) => {
      const fellow = members.get(account)?.fellow;
      // One member's trouble is no other's: what could not be repaired here shows when the key is handed over.
      await sessions.repair(account, answer, fellow).catch((error: unknown) => {
        if (isFatal(error)) throw error;
      });
    });
    const refusals = answer.denied.flatMap((account) => {
      const hash = members.get(account)?.fellow.deliveryKeyHashes[0];
      return hash === undefined ? [] : [{ account, hash }];
    });
    if (refusals.length > 0) await fellows.refused(group, refusals);
  }
}

/** What the relay decides a word by: the entry it was said at, the devices it is for, and what shows the right to write to them. */
function basisOf({ frame, reached }: Sealed): string {
  const members = reached.map(({ account, devices, fellow: { deliveryKeyHashes } }) => {
    const listed = devices.map(({ device, registrationId }) => `${device}/${registrationId}`);
    return [account, toHex(deliveryKeyHashes[0] ?? new Uint8Array(0)), ...listed].join(" ");
  });
  return [frame.revision, ...members].join("\n");
}

function groupOf({ group }: Row<"outbox">): ConversationId {
  if (group === undefined) throw new SottoError("storeCorrupt", { detail: "a row for no group" });
  return group;
}
