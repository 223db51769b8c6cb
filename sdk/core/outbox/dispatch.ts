/** How one outbox row travels: encrypted, sent, and what an answer or failure means for it. */

import { encodePayload, type FailureCode, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Counters } from "../counters.js";
import type { AccountState } from "../devices/account-state.js";
import { isFatal } from "../fatal.js";
import type { Clock } from "../ports.js";
import type { Relay } from "../relay.js";
import type { Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { Encrypted, Envelope, Sessions } from "../sessions/sessions.js";
import type { Access, Answer, Approach, Ticket } from "./approach.js";
import { type Passage, waitFor } from "./lane.js";
import { outgoingPayload } from "./outgoing-payload.js";

/** A row that could not be sent for this long is given up; the relay remembers envelope ids for 7 days. */
const GIVE_UP_MS = 5 * 24 * 3_600_000;

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
  readonly account: OwnAccount;
  readonly peers: Pick<Peers, "get">;
  readonly sessions: Pick<Sessions, "encrypt" | "repair">;
  readonly relay: {
    readonly device: Pick<Relay["device"], "state" | "request" | "end">;
    readonly anonymous: Pick<Relay["anonymous"], "request">;
    nowMs(): number;
  };
  readonly accountState: Pick<AccountState, "filled">;
  /** Whether this device waits to be told who its contacts are. */
  isStateAwaited(): boolean;
  /** The profile key that payloads may carry now; none while the relay does not hold its delivery key yet. */
  handedOut(): Uint8Array | undefined;
  readonly clock: Clock;
  readonly counters: Counters;
}

/** Sends rows. Knows no queue: its callers keep the order. */
export class Dispatch {
  constructor(
    private readonly parts: DispatchParts,
    private readonly approach: Pick<Approach, "request">,
  ) {}

  /**
   * Encrypts a row; the promise it answers settles when the relay answered. Aborting `window` calls back what did not
   * leave yet.
   *
   * @throws only what ends the client. Every other failure is an outcome.
   */
  async begin(row: Row<"outbox">, passage: Passage<Access>): Promise<{ readonly attempted: Promise<Dispatched> }> {
    const { account, peers, relay, clock, sessions } = this.parts;
    // Encrypting for a relay that is not there would only spend message keys.
    if (relay.device.state !== "ready") return { attempted: Promise.resolve(unreached(relay.device.end)) };
    // Whom it introduces itself to may be a contact that another device is about to tell of.
    const isUnsure = passage.access.kind === "identified" && this.parts.isStateAwaited();
    if (isUnsure) return { attempted: Promise.resolve(LATER) };
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
      const send = (ticket: Ticket) => this.send(row, envelopes, { passage, ticket });
      const answer = await this.approach.request(row.recipient, passage.access, send);
      if (answer.type !== "deviceMismatch") return { kind: "accepted", acceptedMs: answer.acceptedMs };
      this.parts.counters.count("sendsRetried");
      // One repair serves the whole window.
      if (!passage.window.aborted) {
        passage.window.abort();
        await this.parts.sessions.repair(row.recipient, answer);
      }
      return { kind: "again", afterMs: 0 };
    } catch (error) {
      return outcomeOf(error);
    }
  }

  private send(
    row: Row<"outbox">,
    envelopes: readonly Envelope[],
    {
      passage: { window },
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
        // Any send of a window may be the first to meet another list. Later ones then take keys that nobody uses: up to a
        // window's worth where devices change under a burst, for one round trip less.
        wantBundles: "yes",
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

/** The end of a connection that says nothing of what waits: the next client sends it. */
const ENDS: ReadonlySet<FailureCode> = new Set(["closed", "displaced", "unsupportedVersion", "rootRequired"]);

/** What a revoked device still has to say nobody takes any more, whether it was on its way or waits. */
const TURNED_AWAY = { kind: "failed", error: new SottoError("badCredentials") } as const;

function isTurnedAway({ code }: SottoError): boolean {
  return code === "badCredentials" || code === "notAuthenticated";
}

/** Without a connection a row waits, unless there will be none because the relay does not know this device any more. */
function unreached(end: SottoError | undefined): Dispatched {
  return end !== undefined && isTurnedAway(end) ? TURNED_AWAY : LATER;
}

/** What a failure means for a row: wait, give up, or (thrown) the end of the client. */
function outcomeOf(error: unknown): Dispatched {
  if (isFatal(error) || !(error instanceof SottoError)) throw error;
  // Aborted: called back for the order's sake, or the outcome no longer waited for; the same send id goes again.
  if (error.code === "aborted" || ENDS.has(error.code)) return LATER;
  if (isTurnedAway(error)) return TURNED_AWAY;
  const afterMs = waitFor(error);
  return afterMs === undefined ? { kind: "failed", error } : { kind: "again", afterMs };
}
