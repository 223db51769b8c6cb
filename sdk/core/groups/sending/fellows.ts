/** The members of a group as this device may write to them: whose identity counts, and what shows the relay the right to. */

import {
  type AccountId,
  type ConversationId,
  deriveDeliveryKey,
  equalBytes,
  hashDeliveryKey,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { Clock } from "../../ports.js";
import type { Fellow } from "../../sessions/fetch-bundles.js";
import type { Peers } from "../../sessions/peers.js";
import type { GroupLogs } from "../log/group-logs.js";

/**
 * What the relay refused is not shown to it again for so long. It may be a key that will never be good again, or a member to
 * whom too much was sent just now: the relay does not say.
 */
const REFUSED_MS = 60_000;
/** Refusals that are remembered; beyond them the oldest are asked again. */
const MAX_REFUSED = 4_096;

/** What fellows work with. */
export interface FellowParts {
  readonly account: OwnAccount;
  readonly peers: Pick<Peers, "get">;
  readonly logs: Pick<GroupLogs, "get" | "sync">;
  readonly clock: Clock;
}

/** A hash that the relay did not take for an account. */
export interface Refusal {
  readonly account: AccountId;
  readonly hash: Uint8Array;
}

/** Knows them. */
export class Fellows {
  /** Until when a hash is left out, the oldest first. */
  private readonly refusals = new Map<string, number>();

  constructor(private readonly parts: FellowParts) {}

  /** Another member of a group that this account is in; `undefined` if one of both is none. */
  async of(group: ConversationId, account: AccountId): Promise<Fellow | undefined> {
    const { logs, peers, account: own } = this.parts;
    const snapshot = logs.get(group);
    if (snapshot?.status !== "joined" || account === own.id) return undefined;
    const member = snapshot.state.members.find((one) => one.account === account);
    if (member === undefined) return undefined;
    const { profileKey } = await peers.get(account);
    const hashes = [member.deliveryKeyHash];
    // A contact hands its new key to contacts before it tells the group.
    if (profileKey !== undefined) {
      const told = hashDeliveryKey(deriveDeliveryKey(profileKey));
      if (!equalBytes(told, member.deliveryKeyHash)) hashes.push(told);
    }
    const deliveryKeyHashes = hashes.filter((hash) => !this.isRefused({ account, hash }));
    return { identityKey: member.identityKey, deliveryKeyHashes };
  }

  /** The relay refused these: they are left out for a while, and the log is read, for it may know newer ones. */
  async refused(group: ConversationId, refusals: readonly Refusal[]): Promise<void> {
    const untilMs = this.parts.clock.now() + REFUSED_MS;
    for (const refusal of refusals) {
      const name = nameOf(refusal);
      this.refusals.delete(name);
      this.refusals.set(name, untilMs);
    }
    for (const name of this.refusals.keys()) {
      if (this.refusals.size <= MAX_REFUSED) break;
      this.refusals.delete(name);
    }
    await this.parts.logs.sync(group);
  }

  private isRefused(refusal: Refusal): boolean {
    const name = nameOf(refusal);
    const untilMs = this.refusals.get(name);
    if (untilMs === undefined) return false;
    if (this.parts.clock.now() < untilMs) return true;
    this.refusals.delete(name);
    return false;
  }
}

function nameOf({ account, hash }: Refusal): string {
  return `${account}/${toHex(hash)}`;
}
