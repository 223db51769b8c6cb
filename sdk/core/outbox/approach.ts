/** How an account is written to: what is shown to the relay as the right to, and what is tried next where that is refused. */

import {
  type AccountId,
  type ConversationId,
  deriveDeliveryKey,
  equalBytes,
  type Frame,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Grants } from "../consent/grants.js";
import type { Fellows } from "../groups/sending/fellows.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Relay } from "../relay.js";
import type { Fellow } from "../sessions/fetch-bundles.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Destination } from "./destination.js";
import { hasCode } from "./outcome.js";

/**
 * How to write to an account: to devices of mine; sealed under its delivery key; as ourselves, as a stranger does; or as a
 * member of a group with it, which is `undefined` if one of both is no member any more.
 */
export type Access =
  | { readonly kind: "own" }
  | { readonly kind: "fellow"; readonly group: ConversationId; readonly fellow: Fellow | undefined }
  | { readonly kind: "sealed"; readonly deliveryKey: Uint8Array }
  | { readonly kind: "identified"; readonly grant: string | undefined };

/** What the relay says to a send. */
export type Answer = Frame<"accepted"> | Frame<"deviceMismatch">;

/** What one send shows the relay as its right to be sent. */
export interface Ticket {
  readonly link: "device" | "anonymous";
  readonly deliveryKey?: Uint8Array | undefined;
  /** Shown as a tag for this one send, by a member of a group. */
  readonly deliveryKeyHash?: Uint8Array | undefined;
  readonly grant?: string | undefined;
}

/** What approaching works with. */
export interface ApproachParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly relay: { readonly device: Pick<Relay["device"], "state"> };
  readonly grants: Pick<Grants, "of" | "refused" | "spent">;
  readonly locks: KeyedLock;
  readonly fellows: Pick<Fellows, "of" | "refused">;
}

/** Approaches accounts. */
export class Approach {
  constructor(private readonly parts: ApproachParts) {}

  /** On behalf of a group as one of its members; else sealed where the peer's delivery key is held, else identified. */
  async access(to: Exclude<Destination, { kind: "group" }>): Promise<Access> {
    const { recipient } = to;
    if (to.kind === "fellow") {
      const { group } = to;
      return { kind: "fellow", group, fellow: await this.parts.fellows.of(group, recipient) };
    }
    if (recipient === this.parts.account.id) return { kind: "own" };
    const { profileKey } = await this.parts.peers.get(recipient);
    if (profileKey !== undefined) return { kind: "sealed", deliveryKey: deriveDeliveryKey(profileKey) };
    // Without the relay nothing is sent, and a grant would grow old.
    const isReady = this.parts.relay.device.state === "ready";
    return { kind: "identified", grant: isReady ? await this.parts.grants.of(recipient) : undefined };
  }

  /**
   * Sends with what `access` shows the relay, and with the next best where that is refused.
   *
   * A refused delivery key is shown again as ourselves, for it may be one of the recipient's former keys. If it is not,
   * it is dropped and the send made as a first contact: a request, not silence. A member of a group is never written to as a
   * stranger: the relay would learn who shares a group.
   *
   * @throws what the relay refuses; notAllowed for a fellow none of whose hashes is good.
   */
  async request(recipient: AccountId, access: Access, send: (ticket: Ticket) => Promise<Answer>): Promise<Answer> {
    if (access.kind === "own") return send({ link: "device" });
    if (access.kind === "fellow") return this.asFellow(access, send);
    if (access.kind === "identified") return this.introduce(recipient, access.grant, send);
    const { deliveryKey } = access;
    try {
      return await send({ link: "anonymous", deliveryKey });
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
    try {
      return await send({ link: "device", deliveryKey });
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
    await this.forgetKey(recipient, deliveryKey);
    return this.introduce(recipient, await this.parts.grants.of(recipient), send);
  }

  /** None of a fellow's hashes was good: they are not shown again for a while, and the group's log may know a newer one. */
  async doubt(recipient: AccountId, access: Access): Promise<void> {
    if (access.kind !== "fellow") return;
    const hashes = access.fellow?.deliveryKeyHashes ?? [];
    const refusals = hashes.map((hash) => ({ account: recipient, hash }));
    await this.parts.fellows.refused(access.group, refusals);
  }

  private async asFellow(
    { fellow }: Extract<Access, { kind: "fellow" }>,
    send: (ticket: Ticket) => Promise<Answer>,
  ): Promise<Answer> {
    for (const deliveryKeyHash of fellow?.deliveryKeyHashes ?? []) {
      try {
        return await send({ link: "anonymous", deliveryKeyHash });
      } catch (error) {
        if (!isRefused(error)) throw error;
      }
    }
    throw new SottoError("notAllowed", { detail: "no delivery key of this member that is known is good" });
  }

  /** Sends as a stranger does. A grant that was refused is replaced once, where the host gives another. */
  private async introduce(
    recipient: AccountId,
    grant: string | undefined,
    send: (ticket: Ticket) => Promise<Answer>,
  ): Promise<Answer> {
    const { grants } = this.parts;
    const show = async (shown: string | undefined) => {
      const answer = await send({ link: "device", grant: shown });
      if (answer.type === "accepted") grants.spent(recipient);
      return answer;
    };
    try {
      return await show(grant);
    } catch (error) {
      if (!isAboutGrant(error) || !(await grants.refused(recipient))) throw error;
    }
    try {
      return await show(await grants.of(recipient));
    } catch (error) {
      if (isAboutGrant(error)) await grants.refused(recipient);
      throw error;
    }
  }

  /** Drops a peer's profile key, unless the peer has handed out another one meanwhile. */
  private async forgetKey(recipient: AccountId, refused: Uint8Array): Promise<void> {
    const { peers, locks, store } = this.parts;
    await locks.run(recipient, async () => {
      const peer = await peers.get(recipient);
      if (peer.profileKey === undefined || !equalBytes(deriveDeliveryKey(peer.profileKey), refused)) return;
      await store.commit([peers.change({ ...peer, profileKey: undefined })]);
    });
  }
}

/** Whether another grant might make the difference. */
function isAboutGrant(error: unknown): boolean {
  return isRefused(error) || hasCode(error, "badGrant") || hasCode(error, "grantSpent");
}

function isRefused(error: unknown): boolean {
  return hasCode(error, "notAllowed");
}
