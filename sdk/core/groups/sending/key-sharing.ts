/** Hands this device's sender key of a group to members, each inside the sessions with that account's devices. */

import {
  type AccountId,
  accessTag,
  COMMITMENT_BYTES,
  type ConversationId,
  encodeGroupBody,
  encodePayload,
  type Frame,
  type GroupStanding,
  SottoError,
} from "@sotto/protocol";
import type { Counters } from "../../counters.js";
import type { KeptSends } from "../../outbox/kept-sends.js";
import { hasCode, isAboutTheWay } from "../../outbox/outcome.js";
import type { AbortSignalLike, Clock, Random } from "../../ports.js";
import type { Relay } from "../../relay.js";
import type { Fellow } from "../../sessions/fetch-bundles.js";
import type { Envelope, Sessions } from "../../sessions/sessions.js";
import type { SealedStore } from "../../storage/sealed-store.js";
import type { Distributions } from "./distributions.js";
import type { Fellows } from "./fellows.js";
import { inParallel } from "./in-parallel.js";

/** Members that are handed a key at once. */
const WIDTH = 16;
/** A device list that is wrong again after this many repairs is left for the next send. */
const MAX_REPAIRS = 3;

/** What sharing works with. */
export interface SharingParts {
  readonly store: SealedStore;
  readonly relay: { readonly anonymous: Pick<Relay["anonymous"], "request"> };
  readonly sessions: Pick<Sessions, "encrypt" | "repair">;
  readonly fellows: Pick<Fellows, "refused">;
  readonly distributions: Pick<Distributions, "message" | "held">;
  readonly keptSends: Pick<KeptSends, "keep">;
  readonly random: Random;
  readonly clock: Clock;
  readonly counters: Counters;
}

/** A member, and what it is written to with. */
export interface Member {
  readonly account: AccountId;
  readonly fellow: Fellow;
}

/** The key that is handed over, and what is said of the group with it. */
export interface SharedKey {
  readonly standing: GroupStanding;
  readonly distribution: Uint8Array;
}

/** Why a member could not be handed a key: another identity than the group's log says, or whatever else. */
export type Unreached = "identity" | "other";

interface Handing extends SharedKey {
  readonly payload: Uint8Array;
  readonly signal: AbortSignalLike;
}

/** Shares keys. Callers hold the lock `sending/<group>`. */
export class KeySharing {
  constructor(private readonly parts: SharingParts) {}

  /**
   * Hands a key to all devices of these members. Answers who could not be reached: one member's trouble is no other's.
   *
   * @throws what is about the way to the relay, and aborted.
   */
  async share(
    key: SharedKey,
    members: readonly Member[],
    signal: AbortSignalLike,
  ): Promise<ReadonlyMap<AccountId, Unreached>> {
    const handing = { ...key, payload: await this.payload(key), signal };
    const unreached = new Map<AccountId, Unreached>();
    await inParallel(WIDTH, members, async (member) => {
      try {
        await this.hand(handing, member, this.parts.random.bytes(16));
      } catch (error) {
        unreached.set(member.account, reasonOf(error));
      }
    });
    return unreached;
  }

  /**
   * Hands a key to all devices of one member, under a send id. Answers when the relay took it.
   *
   * @throws what stands in the way; notAllowed for a member whose delivery key is another than all that are known.
   */
  async one(
    key: SharedKey,
    member: Member,
    { messageId, signal }: { readonly messageId: Uint8Array; readonly signal: AbortSignalLike },
  ): Promise<{ readonly acceptedMs: number }> {
    return this.hand({ ...key, payload: await this.payload(key), signal }, member, messageId);
  }

  private async payload({ standing, distribution }: SharedKey): Promise<Uint8Array> {
    const message = await this.parts.distributions.message(distribution);
    return encodePayload({
      type: "senderKey",
      group: standing,
      body: encodeGroupBody("senderKey", { distribution, message }),
    });
  }

  private async hand(handing: Handing, member: Member, messageId: Uint8Array) {
    try {
      return await this.tries(handing, member, messageId);
    } catch (error) {
      if (isUseless(error)) {
        const { account, fellow } = member;
        const refusals = fellow.deliveryKeyHashes.map((hash) => ({ account, hash }));
        await this.parts.fellows.refused(handing.standing.id, refusals);
      }
      throw error;
    }
  }

  private async tries(handing: Handing, { account, fellow }: Member, messageId: Uint8Array) {
    const { sessions, counters } = this.parts;
    for (let repairs = 0; ; repairs++) {
      if (handing.signal.aborted) throw new SottoError("aborted");
      const { envelopes, durable } = await sessions.encrypt(account, handing.payload, { fellow });
      await durable;
      const answer = await this.request(handing, { account, fellow, messageId, envelopes });
      if (answer.type === "accepted") {
        await this.handed(handing, { account, messageId, envelopes }, answer);
        return { acceptedMs: answer.acceptedMs };
      }
      counters.count("sendsRetried");
      if (repairs === MAX_REPAIRS) throw new SottoError("badRelay", { detail: "a device list that no repair mends" });
      await sessions.repair(account, answer, fellow);
    }
  }

  /** The send is remembered so that who could not open it is handed the key once more. */
  private async handed(
    { standing: { id: group, revision, head }, distribution }: Handing,
    { account, messageId, envelopes }: Omit<Sending, "fellow">,
    { acceptedMs }: Frame<"accepted">,
  ): Promise<void> {
    const { store, distributions, keptSends, clock, counters } = this.parts;
    const devices = envelopes.map(({ device, registrationId }) => ({ device, registrationId }));
    const sent = { envelope: messageId, recipient: account, group, standing: { revision, head } } as const;
    await store.commit([
      distributions.held(group, account, { distribution, devices }),
      keptSends.keep(
        { ...sent, type: "senderKey", envelopes: [], body: new Uint8Array(0) },
        { atMs: clock.now(), acceptedMs },
      ),
    ]);
    counters.count("senderKeysShared");
  }

  private async request(
    { signal }: Handing,
    { account, fellow, messageId, envelopes }: Sending,
  ): Promise<Frame<"accepted"> | Frame<"deviceMismatch">> {
    const { relay, random } = this.parts;
    for (const hash of fellow.deliveryKeyHashes) {
      const recipient = { account, accessTag: accessTag(messageId, account, hash), scope: "all", envelopes } as const;
      try {
        return await relay.anonymous.request(
          {
            type: "send",
            messageId,
            // A key is nothing that is shown: there is nothing to report.
            commitment: random.bytes(COMMITMENT_BYTES),
            ...{ storage: "stored", urgency: "normal", purpose: "repair", wantBundles: "yes" },
            recipients: [recipient],
          },
          { signal },
        );
      } catch (error) {
        if (!hasCode(error, "notAllowed")) throw error;
      }
    }
    throw new SottoError("notAllowed", { detail: "no delivery key of this member that is known is good" });
  }
}

interface Sending extends Member {
  readonly messageId: Uint8Array;
  readonly envelopes: readonly Envelope[];
}

/** A full mailbox, and keys that are no good, are one member's trouble, though they may pass. */
function reasonOf(error: unknown): Unreached {
  if (hasCode(error, "identityChanged")) return "identity";
  const isItsOwn = hasCode(error, "mailboxFull") || isUseless(error);
  if (!isItsOwn && isAboutTheWay(error)) throw error;
  return "other";
}

/** Asked again at once, it would be the same. */
function isUseless(error: unknown): boolean {
  return hasCode(error, "notAllowed") || hasCode(error, "badRelay");
}

/** The lock that serialises this device's encryptions to a group. Taken before `group/<id>`, never under an account's. */
export function sendingLock(group: ConversationId): string {
  return `sending/${group}`;
}
