/**
 * What the relay has to hold of this account's decisions: the hash of its delivery key, who may make first contact, and
 * whom it refuses.
 *
 * A rotation goes in this order, so that no contact's message is lost or bounced for good:
 *
 *   1. one local commit: the new profile key, the decision it belongs to, and an order for each contact that hands it over;
 *   2. `setAccess`: the relay takes the new delivery key and remembers the one before as a former one;
 *   3. only now the new key leaves this device, in `contact` payloads and beside contents (`handedOut`).
 *
 * A contact that writes between 2 and 3 shows the former key: it is named to the relay, and its message arrives. Were the
 * key handed out before 2, the relay would know neither it nor its holder. A crash behind 1 goes on with 2, because the
 * digest of the next welcome differs; until the relay confirmed, contents leave without a key and orders that hand it over
 * wait. A contact that never gets the order (it was asleep for longer than mail is kept) still finds the key beside the
 * next content, and until then writes with the former one.
 *
 * The relay takes no former key back. A device that shows one missed a rotation, of another device or of a later state of its
 * own; if nobody tells it the key that followed, it rotates. That key has to win over those that followed, wherever they are
 * heard of; where two devices did so at once, the one that won may be the one that the relay heard first, and it takes one more.
 */

import {
  type AccountId,
  accessDigest,
  deriveDeliveryKey,
  equalBytes,
  type Frame,
  hashDeliveryKey,
  limits,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { isFatal } from "../fatal.js";
import type { Plan } from "../inbox/plan.js";
import type { Queued } from "../outbox/order.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Clock, Random } from "../ports.js";
import type { Relay } from "../relay.js";
import { decodeRow, eachRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** Orders the outbox keeps room for, beside those that hand a new key over. */
const ROOM_LEFT = 64;
/** How long a refused or lost `setAccess` waits before it is tried again while the relay is there. */
const AGAIN_MS = 5_000;
/** What another device of this account decided just now comes within this time, once the mailbox is empty. */
const GRACE_MS = 2_000;
/** A relay that refuses every key has the account take so many new ones in so long a time. */
const REDRAWS = 3;
const REDRAW_MS = 10 * 60_000;
/** So many former keys the relay knows: what followed one of them has a version that is higher by no more, were there no ties. */
const FORMER_KEYS = 8;

/** What access works with. */
export interface AccessParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly random: Random;
  readonly clock: Clock;
  readonly outbox: Pick<Outbox, "queue" | "room">;
  readonly relay: { readonly device: Pick<Relay["device"], "state" | "request"> };
  /** How many other devices this account has. */
  otherDevices(): number;
  /** The orders that tell this account's other devices its own settings. */
  tellOwn(): readonly Queued[];
  /** The relay holds the present key now: what waited for that may leave. */
  confirmed(): void;
  failed(error: unknown): void;
}

/** What the relay is told. */
type Settings = Pick<Frame<"setAccess">, "deliveryKeyHash" | "firstContact" | "blocked">;

/** Keeps the relay's access settings equal to this account's. */
export class Access {
  private confirmed: Uint8Array | undefined;
  private applying: Promise<void> = Promise.resolve();
  private isDirty = false;
  private isClosed = false;
  /** `doubted`: relay and device differ, and another device's decision may still wait in the mailbox. */
  private held: "same" | "doubted" = "same";
  private mailbox: "filled" | "empty" = "filled";
  private timer: { cancel(): void } | undefined;
  /** When new keys were taken in the place of former ones, of late. */
  private redrawnMs: readonly number[] = [];

  constructor(private readonly parts: AccessParts) {}

  /** The profile key payloads may carry: none while the relay does not hold its delivery key yet. */
  handedOut(): Uint8Array | undefined {
    const { profileKey } = this.parts.account.current;
    return this.confirmed !== undefined && equalBytes(this.confirmed, profileKey) ? profileKey : undefined;
  }

  /**
   * A new profile key, handed to every contact and to this account's other devices. The caller commits what `build`
   * answers in the same turn, together with the decision that made the rotation needed; `after` begins to tell the relay.
   * `missed`: how many rotations this device may not have heard of.
   */
  async rotate(without?: AccountId, missed = 0): Promise<Plan> {
    const { store, account, random, outbox, tellOwn } = this.parts;
    const contacts: AccountId[] = [];
    for await (const { value } of eachRow(store, keys.peers)) {
      const { account: id, relation } = decodeRow("peer", value);
      if (relation === "accepted" && id !== without && id !== account.id) contacts.push(id);
    }
    let queued: readonly Queued[] = [];
    return {
      build: () => {
        const { profileKeyVersion } = account.current;
        const own = account.change({ profileKey: random.bytes(32), profileKeyVersion: profileKeyVersion + missed + 1 });
        // Beyond what the outbox takes, contacts find the key beside the next content.
        const reached = contacts.slice(0, Math.max(0, outbox.room - ROOM_LEFT));
        queued = [...tellOwn(), ...reached.map((recipient) => outbox.queue({ recipient, type: "contact" }))];
        return [own, ...queued.flatMap(({ changes }) => changes)];
      },
      after: [
        () => {
          for (const one of queued) one.sent();
          void this.apply();
        },
      ],
    };
  }

  /**
   * Tells the relay what is decided now. Resolves once it holds that, or cannot be told for now: then it is told when the
   * relay is next reached.
   */
  apply(): Promise<void> {
    this.isDirty = true;
    this.applying = this.applying.then(() => this.run());
    return this.applying;
  }

  /**
   * The relay was reached: what it holds is compared, and told anew where it differs. Called before anything is sent.
   *
   * With other devices the difference may be their decision, which waits in the mailbox: then it is looked at again when
   * that is empty.
   */
  welcomed({ accessDigest: held }: Pick<Frame<"welcome">, "accessDigest">): void {
    this.held = "same";
    this.mailbox = "filled";
    this.compare(held).catch((error: unknown) => this.parts.failed(error));
  }

  /** This device was just told whom the account blocks: what waited for that is told the relay. */
  told(): void {
    if (this.isDirty) this.applyAfter(0);
  }

  /** Everything that waited in the mailbox was taken. */
  queueEmpty(): void {
    this.mailbox = "empty";
    if (this.held === "doubted") this.applyAfter(GRACE_MS);
  }

  /** Stops. What the relay was not told is told by the next client. */
  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
  }

  private async compare(held: Uint8Array | undefined): Promise<void> {
    const { profileKey } = this.parts.account.current;
    const settings = await this.settings();
    if (held === undefined || !equalBytes(held, accessDigest(settings))) {
      if (held === undefined || this.parts.otherDevices() === 0) return this.apply();
      return this.doubt();
    }
    // Changed meanwhile: whoever changed it applies it.
    if (equalBytes(profileKey, this.parts.account.current.profileKey)) this.confirm(profileKey);
  }

  private async run(): Promise<void> {
    const { relay, account, failed } = this.parts;
    const mayTell = () => !this.isClosed && relay.device.state === "ready";
    // Nobody told this device yet whom the account blocks: what it would say now unblocks them.
    if (!this.isDirty || !mayTell() || account.current.awaiting !== undefined) return;
    // What is decided while this reads may not be among what it reads, and is told after it.
    this.isDirty = false;
    let { profileKey } = account.current;
    try {
      const settings = await this.settings();
      // A request on a lost connection waits for the next one, and the caller with it.
      if (!mayTell()) {
        this.isDirty = true;
        return;
      }
      profileKey = account.current.profileKey;
      await relay.device.request({ type: "setAccess", ...settings });
      this.confirm(profileKey);
    } catch (error) {
      if (isFatal(error)) return failed(error);
      this.isDirty = true;
      const { code, retryAfterMs } = error instanceof SottoError ? error : { code: undefined, retryAfterMs: undefined };
      if (code === "badFrame") await this.replaced(profileKey).catch(failed);
      else this.applyAfter(retryAfterMs ?? AGAIN_MS);
    }
  }

  /** The relay knows this key for a former one. Which one followed, another device may be about to tell. */
  private async replaced(profileKey: Uint8Array): Promise<void> {
    const { store, account, clock, otherDevices } = this.parts;
    // Changed meanwhile: whoever changed it applies it.
    if (!equalBytes(profileKey, account.current.profileKey)) return;
    const isTold = otherDevices() === 0 || (this.held === "doubted" && this.mailbox === "empty");
    if (!isTold) return this.doubt();
    const nowMs = clock.now();
    const ofLate = this.redrawnMs.filter((ms) => ms > nowMs - REDRAW_MS);
    const [first] = ofLate;
    if (first !== undefined && ofLate.length >= REDRAWS) return this.applyAfter(first + REDRAW_MS - nowMs);
    this.redrawnMs = [...ofLate, nowMs];
    const { build, after } = await this.rotate(undefined, FORMER_KEYS);
    if (this.isClosed) return;
    await store.commit(build());
    for (const work of after) work();
  }

  /** What differs may be what another device decided, which the mailbox holds, or brings within the grace behind it. */
  private doubt(): void {
    this.held = "doubted";
    if (this.mailbox === "empty") this.applyAfter(GRACE_MS);
  }

  private applyAfter(delayMs: number): void {
    this.timer?.cancel();
    if (this.isClosed) return;
    this.timer = this.parts.clock.after(delayMs, () => void this.apply());
  }

  private confirm(profileKey: Uint8Array): void {
    this.held = "same";
    this.timer?.cancel();
    if (this.confirmed !== undefined && equalBytes(this.confirmed, profileKey)) return;
    this.confirmed = profileKey;
    this.parts.confirmed();
  }

  private async settings(): Promise<Settings> {
    const { store, account } = this.parts;
    const blocked: AccountId[] = [];
    for await (const { value } of eachRow(store, keys.peers)) {
      const { account: id, relation } = decodeRow("peer", value);
      if (relation === "blocked") blocked.push(id);
    }
    const { profileKey, policy } = account.current;
    return {
      deliveryKeyHash: hashDeliveryKey(deriveDeliveryKey(profileKey)),
      firstContact: policy,
      // Merged from several devices it may be more; the newest client's own limit keeps it below.
      blocked: blocked.slice(0, limits.blockedAccounts.value),
    };
  }
}
