/** How one outbox row for one account travels: encrypted, sent, and what an answer or failure means for it. */

import { type AccountId, accessTag, encodePayload, type GroupStanding, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Counters } from "../counters.js";
import type { AccountState } from "../devices/account-state.js";
import type { Franker } from "../franking/franker.js";
import type { GroupLogs } from "../groups/log/group-logs.js";
import { farewellOf } from "../groups/sending/farewell.js";
import type { Clock } from "../ports.js";
import type { RegisterOrders } from "../registers/register-orders.js";
import type { Relay } from "../relay.js";
import type { Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { Encrypted, Sessions } from "../sessions/sessions.js";
import type { Access, Answer, Approach, Ticket } from "./approach.js";
import type { Passage } from "./lane.js";
import { AT_ONCE, assertFresh, type Dispatched, hasCode, LATER, outcomeOf, unreached } from "./outcome.js";
import { outgoingPayload } from "./outgoing-payload.js";

/** A row for one account. */
export type Addressed = Row<"outbox"> & { readonly recipient: AccountId };

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
  readonly registerOrders: Pick<RegisterOrders, "filled">;
  readonly logs: Pick<GroupLogs, "standing">;
  /** Whether this device waits to be told who its contacts are. */
  isStateAwaited(): boolean;
  /** The profile key that payloads may carry now; none while the relay does not hold its delivery key yet. */
  handedOut(): Uint8Array | undefined;
  readonly franker: Pick<Franker, "franked">;
  readonly clock: Clock;
  readonly counters: Counters;
}

/** A row that is encrypted, and what goes beside it. */
interface Leaving extends Encrypted {
  readonly commitment: Uint8Array;
}

/** Sends rows. Knows no queue: its callers keep the order. */
export class Dispatch {
  constructor(
    private readonly parts: DispatchParts,
    private readonly approach: Pick<Approach, "request" | "doubt">,
  ) {}

  /**
   * Encrypts a row; the promise it answers settles when the relay answered. Aborting `window` calls back what did not
   * leave yet.
   *
   * @throws only what ends the client. Every other failure is an outcome.
   */
  async begin(row: Addressed, through: Passage<Access>): Promise<{ readonly attempted: Promise<Dispatched> }> {
    const { account, peers, relay, clock, sessions } = this.parts;
    const passage = { ...through, access: withFarewell(row, through.access) };
    const { access } = passage;
    // Encrypting for a relay that is not there would only spend message keys.
    const away = unreached(relay.device);
    if (away !== undefined) return { attempted: Promise.resolve(away) };
    // Whom it introduces itself to may be a contact that another device is about to tell of.
    const isUnsure = access.kind === "identified" && this.parts.isStateAwaited();
    if (isUnsure) return { attempted: Promise.resolve(LATER) };
    try {
      assertFresh(row, clock.now());
      const fellow = access.kind === "fellow" ? access.fellow : undefined;
      if (access.kind === "fellow" && fellow === undefined) {
        throw new SottoError("groupLeft", { detail: "one of both is no member any more" });
      }
      // Told when it leaves, not when it was queued: it may be another by now, and the newest is what counts.
      const said = { ...row, body: await this.body(row) };
      const franked = await this.parts.franker.franked(row, { kind: "account", account: row.recipient });
      if (franked === undefined) return { attempted: Promise.resolve(LATER) };
      const { frank, commitment } = franked;
      // Last: whoever is shut out meanwhile is not told the key that this account then takes.
      const { relation } = await peers.get(row.recipient);
      const payload = outgoingPayload(said, {
        relation,
        profileKey: this.parts.handedOut(),
        userId: account.current.userId,
        standing: access.kind === "identified" ? "introducing" : "known",
        group: this.standing(row),
        frank,
      });
      if (payload === undefined) return { attempted: Promise.resolve(LATER) };
      const encrypted = await sessions.encrypt(row.recipient, encodePayload(payload), { only: row.device, fellow });
      return { attempted: this.transmit(row, { ...encrypted, commitment }, passage) };
    } catch (error) {
      return { attempted: this.failed(error, row, passage) };
    }
  }

  private async body({ type, body }: Row<"outbox">): Promise<Uint8Array> {
    const { accountState, registerOrders } = this.parts;
    if (type === "state") return accountState.filled(body);
    return type === "registers" ? registerOrders.filled(body) : body;
  }

  private standing({ group, standing }: Row<"outbox">): GroupStanding | undefined {
    if (group === undefined) return undefined;
    return standing === undefined ? this.parts.logs.standing(group) : { id: group, ...standing };
  }

  /**
   * Nothing is awaited between the commit and the request, so requests leave in the order of the encryptions. Only what is
   * encrypted for other devices than what went before waits for that to be answered.
   */
  private async transmit(
    row: Addressed,
    { envelopes, durable, commitment }: Leaving,
    passage: Passage<Access>,
  ): Promise<Dispatched> {
    try {
      const isAlike = isForOne(row) || passage.window.isAlike(devicesOf(envelopes));
      await durable;
      if (!isAlike) await passage.before;
      // This account has no other device: nobody is to be told.
      if (envelopes.length === 0) return { kind: "accepted", acceptedMs: this.parts.relay.nowMs() };
      let isFirst = true;
      const send = async (ticket: Ticket) => {
        // What is refused goes another way, behind all that went before it: that may be refused as well, and later.
        if (!isFirst) await passage.before;
        isFirst = false;
        return this.send(row, { envelopes, commitment }, { passage, ticket });
      };
      const answer = await this.approach.request(row.recipient, passage.access, send);
      if (answer.type !== "deviceMismatch") {
        return { kind: "accepted", acceptedMs: answer.acceptedMs, stamp: answer.stamps[0] };
      }
      this.parts.counters.count("sendsRetried");
      // One repair serves the whole window.
      if (!passage.window.aborted) {
        passage.window.abort();
        const { access } = passage;
        await this.parts.sessions.repair(row.recipient, answer, access.kind === "fellow" ? access.fellow : undefined);
      }
      return AT_ONCE;
    } catch (error) {
      return this.failed(error, row, passage);
    }
  }

  /** A fellow whose keys are others now publishes them in the group's log: what it may not be sent yet waits for that. */
  private async failed(error: unknown, row: Addressed, { access, window }: Passage<Access>): Promise<Dispatched> {
    const mayPass = access.kind === "fellow" && farewellOf(row) === undefined;
    if (!mayPass || !hasCode(error, "notAllowed")) return outcomeOf(error);
    // The log is read first, and by then more may be known of the fellow: what is behind does not leave with that alone.
    window.abort();
    try {
      await this.approach.doubt(row.recipient, access);
      return LATER;
    } catch (doubted) {
      return outcomeOf(doubted);
    }
  }

  private send(
    row: Addressed,
    { envelopes, commitment }: Pick<Leaving, "envelopes" | "commitment">,
    {
      passage: { window },
      ticket: { link, deliveryKey, deliveryKeyHash, grant },
    }: { readonly passage: Passage<Access>; readonly ticket: Ticket },
  ): Promise<Answer> {
    const { recipient: account, envelope } = row;
    const scope = row.device === undefined ? "all" : "listed";
    const tag = deliveryKeyHash === undefined ? undefined : accessTag(envelope, account, deliveryKeyHash);
    return this.parts.relay[link].request(
      {
        type: "send",
        messageId: envelope,
        storage: "stored",
        commitment,
        urgency: "normal",
        purpose: isMessage(row) ? "message" : "repair",
        // Any send of a window may be the first to meet another list. Later ones then take keys that nobody uses: up to a
        // window's worth where devices change under a burst, for one round trip less.
        wantBundles: "yes",
        recipients: [{ account, deliveryKey, accessTag: tag, grant, scope, envelopes }],
      },
      { recall: window },
    );
  }
}

/** Who shares a group no more is told that as one who did. */
function withFarewell(row: Addressed, access: Access): Access {
  const fellow = farewellOf(row);
  return fellow === undefined || access.kind !== "fellow" ? access : { ...access, fellow };
}

/** What goes to one device alone is decided by that one. */
function isForOne({ device }: Row<"outbox">): boolean {
  return device !== undefined;
}

function devicesOf(envelopes: Leaving["envelopes"]): string {
  return envelopes.map(({ device, registrationId }) => `${device}/${registrationId}`).join(" ");
}

/** What people say, as opposed to what SDKs mend: of messages a stranger may send one. */
function isMessage({ type, resendOf }: Row<"outbox">): boolean {
  return resendOf === undefined && (type === "content" || type === "contact" || type === "invitation");
}
