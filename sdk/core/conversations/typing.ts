/** Typing, best effort: one small ephemeral envelope at most every few seconds, dropped when anything is in the way. */

import { type AccountId, deriveDeliveryKey, encodePayload } from "@sotto/protocol";
import { isFatal } from "../fatal.js";
import type { Clock, Random } from "../ports.js";
import type { Relay } from "../relay.js";
import type { Peers } from "../sessions/peers.js";
import type { Sessions } from "../sessions/sessions.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Author } from "./author.js";
import type { ConversationState } from "./conversations.js";

/** `started` leaves at most this often for one peer. */
const PAUSE_MS = 3_000;

/** What typing works with. */
export interface TypingParts {
  readonly store: SealedStore;
  readonly peers: Peers;
  readonly sessions: Sessions;
  readonly relay: Relay;
  readonly author: Pick<Author, "passing">;
  readonly clock: Clock;
  readonly random: Random;
  failed(error: unknown): void;
}

/** Sends typing. */
export class Typing {
  private readonly startedAtMs = new Map<AccountId, number>();
  private readonly isSending = new Set<AccountId>();

  constructor(private readonly parts: TypingParts) {}

  /** Sends it if the relay is reached, the peer wrote before, and none left just now. */
  send(state: ConversationState, typing: "started" | "stopped"): void {
    const { peer } = state;
    const nowMs = this.parts.clock.now();
    const lastMs = this.startedAtMs.get(peer);
    if (typing === "started" && lastMs !== undefined && nowMs - lastMs < PAUSE_MS) return;
    if (typing === "stopped" && lastMs === undefined) return;
    if (this.isSending.has(peer) || this.parts.relay.device.state !== "ready") return;
    if (typing === "started") this.startedAtMs.set(peer, nowMs);
    else this.startedAtMs.delete(peer);
    this.isSending.add(peer);
    this.transmit(state, typing)
      .catch((error: unknown) => {
        if (isFatal(error)) this.parts.failed(error);
      })
      .finally(() => this.isSending.delete(peer));
  }

  /** Only sealed, and only to a contact: typing is nothing to make a first contact with, and tells that somebody looks. */
  private async transmit(state: ConversationState, typing: "started" | "stopped"): Promise<void> {
    const { store, peers, sessions, relay, author, random } = this.parts;
    const { profileKey, relation } = await peers.get(state.peer);
    if (profileKey === undefined || relation !== "accepted") return;
    const { encoded, change } = author.passing(state, { kind: "typing", typing });
    await store.commit([change]);
    // It teaches the reader nothing: what passes through is not kept, and so carries no key.
    const payload = encodePayload({ type: "content", content: encoded });
    const { envelopes, durable } = await sessions.encrypt(state.peer, payload);
    await durable;
    await relay.anonymous.request({
      type: "send",
      messageId: random.bytes(16),
      storage: "ephemeral",
      urgency: "normal",
      purpose: "message",
      wantBundles: "no",
      recipients: [{ account: state.peer, deliveryKey: deriveDeliveryKey(profileKey), scope: "all", envelopes }],
    });
  }
}
