/** How one outbox row travels: encrypted, sent sealed or as ourselves, and what an answer or failure means for it. */

import { type AccountId, deriveDeliveryKey, encodePayload, type Payload, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Cancellation } from "../cancellation.js";
import type { Counters } from "../counters.js";
import { isFatal } from "../fatal.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Clock } from "../ports.js";
import type { Relay } from "../relay.js";
import type { Row } from "../rows.js";
import { sameBytes } from "../same-bytes.js";
import type { Peers } from "../sessions/peers.js";
import type { Encrypted, Envelope, Sessions } from "../sessions/sessions.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { waitFor } from "./lane.js";

/** A row that could not be sent for this long is given up; the relay remembers envelope ids for 7 days. */
const GIVE_UP_MS = 5 * 24 * 3_600_000;

/** How to write to an account: as ourselves, or sealed under its delivery key. */
export type Access = "identified" | { readonly deliveryKey: Uint8Array };

/** What became of a row. `again`: not sent now; the relay's wait if it named one, 0 if something was repaired. */
export type Dispatched =
  | { readonly kind: "accepted" }
  | { readonly kind: "failed"; readonly error: SottoError }
  | { readonly kind: "again"; readonly afterMs: number | undefined };

/** What dispatching works with. */
export interface DispatchParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly sessions: Pick<Sessions, "encrypt" | "repair">;
  readonly relay: {
    readonly device: Pick<Relay["device"], "state" | "request">;
    readonly anonymous: Pick<Relay["anonymous"], "request">;
  };
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly counters: Counters;
}

/** Sends rows. Knows no queue: its callers keep the order. */
export class Dispatch {
  constructor(private readonly parts: DispatchParts) {}

  /** Sealed where the peer's delivery key is held, else identified. */
  async access(recipient: AccountId): Promise<Access> {
    const { profileKey } = await this.parts.peers.get(recipient);
    return profileKey === undefined ? "identified" : { deliveryKey: deriveDeliveryKey(profileKey) };
  }

  /**
   * Encrypts a row; the promise it answers settles when the relay answered. Aborting `window` calls back what did not
   * leave yet.
   *
   * @throws only what ends the client. Every other failure is an outcome.
   */
  async begin(
    row: Row<"outbox">,
    access: Access,
    window: Cancellation,
  ): Promise<{ readonly attempted: Promise<Dispatched> }> {
    // Encrypting for a relay that is not there would only spend message keys.
    if (this.parts.relay.device.state !== "ready") return { attempted: Promise.resolve(LATER) };
    try {
      if (this.parts.clock.now() - row.createdMs > GIVE_UP_MS) throw new SottoError("expired");
      const encrypted = await this.parts.sessions.encrypt(row.recipient, encodePayload(this.payload(row)));
      return { attempted: this.transmit(row, encrypted, { access, window }) };
    } catch (error) {
      return { attempted: Promise.resolve(outcomeOf(error)) };
    }
  }

  private payload(row: Row<"outbox">): Payload {
    const { profileKey } = this.parts.account.current;
    switch (row.type) {
      case "content":
        return { type: "content", content: row.content, profileKey };
      case "resend":
        return { type: "resend", envelope: row.envelopes[0] ?? row.envelope, content: row.content, profileKey };
      case "retry":
      case "unavailable":
        return { type: row.type, envelopes: row.envelopes };
      default:
        return row.type satisfies never;
    }
  }

  /** Nothing is awaited between the commit and the request, so requests leave in the order of the encryptions. */
  private async transmit(
    row: Row<"outbox">,
    { envelopes, durable }: Encrypted,
    { access, window }: { readonly access: Access; readonly window: Cancellation },
  ): Promise<Dispatched> {
    try {
      await durable;
      const answer = await this.request(row, envelopes, { access, window });
      if (answer.type !== "deviceMismatch") return { kind: "accepted" };
      this.parts.counters.count("sendsRetried");
      // One repair serves the whole window.
      if (!window.aborted) {
        window.abort();
        await this.parts.sessions.repair(answer);
      }
      return { kind: "again", afterMs: 0 };
    } catch (error) {
      return outcomeOf(error);
    }
  }

  /** A refused delivery key is dropped, and the send made as a first contact again: a request, not silence. */
  private async request(
    row: Row<"outbox">,
    envelopes: readonly Envelope[],
    { access, window }: { readonly access: Access; readonly window: Cancellation },
  ) {
    if (access === "identified") return this.send(row, envelopes, undefined, window);
    try {
      return await this.send(row, envelopes, access.deliveryKey, window);
    } catch (error) {
      if (!(error instanceof SottoError && error.code === "notAllowed")) throw error;
      await this.forgetKey(row.recipient, access.deliveryKey);
      return this.send(row, envelopes, undefined, window);
    }
  }

  /** Drops a peer's profile key, unless the peer has handed out another one meanwhile. */
  private async forgetKey(recipient: AccountId, refused: Uint8Array): Promise<void> {
    const { peers, locks, store } = this.parts;
    await locks.run(recipient, async () => {
      const peer = await peers.get(recipient);
      if (peer.profileKey === undefined || !sameBytes(deriveDeliveryKey(peer.profileKey), refused)) return;
      await store.commit([peers.change({ ...peer, profileKey: undefined })]);
    });
  }

  private send(
    row: Row<"outbox">,
    envelopes: readonly Envelope[],
    deliveryKey: Uint8Array | undefined,
    signal: Cancellation,
  ) {
    const { relay } = this.parts;
    const link = deliveryKey === undefined ? relay.device : relay.anonymous;
    return link.request(
      {
        type: "send",
        messageId: row.envelope,
        storage: "stored",
        urgency: "normal",
        recipients: [{ account: row.recipient, deliveryKey, envelopes }],
      },
      { signal },
    );
  }
}

const LATER = { kind: "again", afterMs: undefined } as const;

/** What a failure means for a row: wait, give up, or (thrown) the end of the client. */
function outcomeOf(error: unknown): Dispatched {
  if (isFatal(error) || !(error instanceof SottoError)) throw error;
  // Aborted: called back for the order's sake, or the outcome no longer waited for; the same send id goes again.
  if (error.code === "closed" || error.code === "aborted") return LATER;
  const afterMs = waitFor(error);
  return afterMs === undefined ? { kind: "failed", error } : { kind: "again", afterMs };
}
