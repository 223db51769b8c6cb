/** How one outbox row travels: encrypted, sent sealed or as ourselves, and what an answer or failure means for it. */

import {
  type AccountId,
  deriveDeliveryKey,
  encodePayload,
  type FailureCode,
  type Frame,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Grants } from "../consent/grants.js";
import type { Counters } from "../counters.js";
import type { AccountState } from "../devices/account-state.js";
import { isFatal } from "../fatal.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Clock } from "../ports.js";
import type { Relay } from "../relay.js";
import type { Row } from "../rows.js";
import { sameBytes } from "../same-bytes.js";
import type { Peers } from "../sessions/peers.js";
import type { Encrypted, Envelope, Sessions } from "../sessions/sessions.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type Passage, waitFor } from "./lane.js";
import { outgoingPayload } from "./outgoing-payload.js";

/** A row that could not be sent for this long is given up; the relay remembers envelope ids for 7 days. */
const GIVE_UP_MS = 5 * 24 * 3_600_000;

/** How to write to an account: to devices of mine; sealed under its delivery key; or as ourselves, as a stranger does. */
export type Access =
  | { readonly kind: "own" }
  | { readonly kind: "sealed"; readonly deliveryKey: Uint8Array }
  | { readonly kind: "identified"; readonly grant: string | undefined };

/** What became of a row. `again`: not sent now; the relay's wait if it named one, 0 if something was repaired. */
export type Dispatched =
  | {
      readonly kind: "accepted";
      /** By the relay's clock. */
      readonly acceptedMs: number;
    }
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
    nowMs(): number;
  };
  readonly grants: Pick<Grants, "of" | "refused" | "spent">;
  readonly accountState: Pick<AccountState, "filled">;
  /** The profile key that payloads may carry now; none while the relay does not hold its delivery key yet. */
  handedOut(): Uint8Array | undefined;
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly counters: Counters;
}

type Answer = Frame<"accepted"> | Frame<"deviceMismatch">;

/** What one send shows the relay as its right to be sent. */
interface Ticket {
  readonly link: "device" | "anonymous";
  readonly deliveryKey?: Uint8Array | undefined;
  readonly grant?: string | undefined;
}

/** Sends rows. Knows no queue: its callers keep the order. */
export class Dispatch {
  constructor(private readonly parts: DispatchParts) {}

  /** Sealed where the peer's delivery key is held, else identified. */
  async access(recipient: AccountId): Promise<Access> {
    if (recipient === this.parts.account.id) return { kind: "own" };
    const { profileKey } = await this.parts.peers.get(recipient);
    if (profileKey !== undefined) return { kind: "sealed", deliveryKey: deriveDeliveryKey(profileKey) };
    // Without the relay nothing is sent, and a grant would grow old.
    const isReady = this.parts.relay.device.state === "ready";
    return { kind: "identified", grant: isReady ? await this.parts.grants.of(recipient) : undefined };
  }

  /**
   * Encrypts a row; the promise it answers settles when the relay answered. Aborting `window` calls back what did not
   * leave yet.
   *
   * @throws only what ends the client. Every other failure is an outcome.
   */
  async begin(row: Row<"outbox">, passage: Passage<Access>): Promise<{ readonly attempted: Promise<Dispatched> }> {
    const { account, peers, relay, clock, sessions } = this.parts;
    // Encrypting for a relay that is not there would only spend message keys.
    if (relay.device.state !== "ready") return { attempted: Promise.resolve(LATER) };
    try {
      if (clock.now() - row.createdMs > GIVE_UP_MS) throw new SottoError("expired");
      const { relation } = await peers.get(row.recipient);
      const { type, body } = row;
      // Told when it leaves, not when it was queued: it may be another by now, and the newest is what counts.
      const said = type === "state" ? { ...row, body: await this.parts.accountState.filled(body) } : row;
      const payload = outgoingPayload(said, {
        relation,
        profileKey: this.parts.handedOut(),
        userId: account.current.userId,
        standing: passage.access.kind === "identified" ? "introducing" : "known",
      });
      if (payload === undefined) return { attempted: Promise.resolve(LATER) };
      const encrypted = await sessions.encrypt(row.recipient, encodePayload(payload), row.device);
      return { attempted: this.transmit(row, encrypted, passage) };
    } catch (error) {
      return { attempted: Promise.resolve(outcomeOf(error)) };
    }
  }

  /** Nothing is awaited between the commit and the request, so requests leave in the order of the encryptions. */
  private async transmit(
    row: Row<"outbox">,
    { envelopes, durable }: Encrypted,
    passage: Passage<Access>,
  ): Promise<Dispatched> {
    try {
      await durable;
      // This account has no other device: nobody is to be told.
      if (envelopes.length === 0) return { kind: "accepted", acceptedMs: this.parts.relay.nowMs() };
      const answer = await this.request(row, envelopes, passage);
      if (answer.type !== "deviceMismatch") return { kind: "accepted", acceptedMs: answer.acceptedMs };
      this.parts.counters.count("sendsRetried");
      // One repair serves the whole window.
      if (!passage.window.aborted) {
        passage.window.abort();
        await this.parts.sessions.repair(answer);
      }
      return { kind: "again", afterMs: 0 };
    } catch (error) {
      return outcomeOf(error);
    }
  }

  /**
   * A refused delivery key is shown again as ourselves, for it may be one of the recipient's former keys. If it is not,
   * it is dropped and the send made as a first contact: a request, not silence.
   */
  private async request(row: Row<"outbox">, envelopes: readonly Envelope[], passage: Passage<Access>): Promise<Answer> {
    const { access } = passage;
    const send = (ticket: Ticket) => this.send(row, envelopes, { passage, ticket });
    if (access.kind === "own") return send({ link: "device" });
    if (access.kind === "identified") return this.introduce(row.recipient, access.grant, send);
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
    await this.forgetKey(row.recipient, deliveryKey);
    return this.introduce(row.recipient, await this.parts.grants.of(row.recipient), send);
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
      if (peer.profileKey === undefined || !sameBytes(deriveDeliveryKey(peer.profileKey), refused)) return;
      await store.commit([peers.change({ ...peer, profileKey: undefined })]);
    });
  }

  private send(
    row: Row<"outbox">,
    envelopes: readonly Envelope[],
    {
      passage: { window, bundles },
      ticket: { link, deliveryKey, grant },
    }: { readonly passage: Passage<Access>; readonly ticket: Ticket },
  ): Promise<Answer> {
    const scope = row.device === undefined ? "all" : "listed";
    return this.parts.relay[link].request(
      {
        type: "send",
        messageId: row.envelope,
        storage: "stored",
        urgency: "normal",
        purpose: isMessage(row) ? "message" : "repair",
        wantBundles: bundles === "wanted" ? "yes" : "no",
        recipients: [{ account: row.recipient, deliveryKey, grant, scope, envelopes }],
      },
      { signal: window },
    );
  }
}

const LATER = { kind: "again", afterMs: undefined } as const;

/** What people say, as opposed to what SDKs mend: of messages a stranger may send one. */
function isMessage({ type, resendOf }: Row<"outbox">): boolean {
  return resendOf === undefined && (type === "content" || type === "contact");
}

/** Whether another grant might make the difference. */
function isAboutGrant(error: unknown): boolean {
  return isRefused(error) || hasCode(error, "badGrant") || hasCode(error, "grantSpent");
}

function isRefused(error: unknown): boolean {
  return hasCode(error, "notAllowed");
}

function hasCode(error: unknown, code: FailureCode): boolean {
  return error instanceof SottoError && error.code === code;
}

/** What a failure means for a row: wait, give up, or (thrown) the end of the client. */
function outcomeOf(error: unknown): Dispatched {
  if (isFatal(error) || !(error instanceof SottoError)) throw error;
  // Aborted: called back for the order's sake, or the outcome no longer waited for; the same send id goes again.
  if (error.code === "closed" || error.code === "aborted") return LATER;
  const afterMs = waitFor(error);
  return afterMs === undefined ? { kind: "failed", error } : { kind: "again", afterMs };
}
