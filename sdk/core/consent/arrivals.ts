/**
 * What comes from people who are no contacts yet, and what other devices of this account decided about them, as rows. The
 * verdict on each is judge.ts's. Runs under the account's lock, and always in one commit with what brought it.
 */

import type { AccountId } from "@sotto/protocol";
import type { Counters } from "../counters.js";
import type { Clock, StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Refused } from "./judge.js";

/** What belongs to an event: changes for its commit, and what to do once that is durable. */
export interface Consequence {
  readonly changes: readonly StoreChange[];
  readonly after: readonly (() => void)[];
}

const NONE: Consequence = { changes: [], after: [] };
/** The bound of the row's counter. */
const MAX_DROPPED = 0xffff;

/** What arrivals work with. */
export interface ArrivalParts {
  readonly store: SealedStore;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Tells a new contact the profile name, if there is one; on every device of this account alike, so one tells it. */
  introduce(account: AccountId): void;
  /** What a stranger sent and did not open may be asked for now. */
  repair(): void;
  /** Requests came or went. */
  requestsChanged(): void;
  /** Somebody asks, and it is durable. */
  asked(account: AccountId): void;
  /** Somebody this account asked, or who asked it, is a contact now, by a word from elsewhere. */
  contact(account: AccountId): void;
  /** Something of somebody who may not say it was dropped. */
  refused(account: AccountId, why: Refused): void;
}

/** Remembers requests. */
export class Arrivals {
  constructor(private readonly parts: ArrivalParts) {}

  /** The request of an account that waits for an answer. */
  async request(account: AccountId): Promise<Row<"request"> | undefined> {
    const stored = await this.parts.store.get(keys.request(this.parts.store, account));
    return stored === undefined ? undefined : decodeRow("request", stored);
  }

  /** Somebody asks. `sequence` is the place of its one text, if there is one. The caller stores the relation. */
  requested(account: AccountId, sequence: number | undefined, atMs: number): Consequence {
    const { asked, requestsChanged } = this.parts;
    return {
      changes: [this.row({ account, sequence, atMs, dropped: 0 })],
      after: [
        () => {
          requestsChanged();
          asked(account);
        },
      ],
    };
  }

  /** Whether a request's one text is here. */
  async words(account: AccountId): Promise<"here" | "awaited"> {
    const request = await this.request(account);
    return request !== undefined && request.sequence === undefined ? "awaited" : "here";
  }

  /**
   * Somebody this account asked answered. The caller stores the relation. Other devices of this account are not told:
   * they were answered too.
   */
  answered(account: AccountId): Consequence {
    const { introduce, requestsChanged, repair, contact } = this.parts;
    return {
      changes: [this.gone(account)],
      after: [
        () => {
          contact(account);
          introduce(account);
          repair();
          requestsChanged();
        },
      ],
    };
  }

  /**
   * Something was dropped. Beside a request it is remembered that there was something: its sender may be an honest contact of
   * an earlier identity of this account, who does not know that it has to wait.
   */
  async dropped(account: AccountId, why: Refused): Promise<Consequence> {
    const { counters, refused } = this.parts;
    counters.count(why === "blocked" ? "blockedDropped" : "requestRefused");
    const request = why === "pending" ? await this.request(account) : undefined;
    const counted =
      request === undefined ? [] : [this.row({ ...request, dropped: Math.min(request.dropped + 1, MAX_DROPPED) })];
    return { changes: counted, after: [() => refused(account, why)] };
  }

  /** Another device of this account decided: what goes with a peer's row that changed from `before` to `after`. */
  async moved(before: Row<"peer">, after: Row<"peer">): Promise<Consequence> {
    const { clock, repair, requestsChanged, contact } = this.parts;
    const { account, relation } = after;
    if (before.relation === relation) return NONE;
    if (relation === "received") {
      return (await this.request(account)) === undefined ? this.requested(account, undefined, clock.now()) : NONE;
    }
    const settled = () => {
      requestsChanged();
      if (relation !== "accepted") return;
      contact(account);
      repair();
    };
    return { changes: [this.gone(account)], after: [settled] };
  }

  private row(request: Row<"request">): StoreChange {
    return { key: keys.request(this.parts.store, request.account), value: encodeRow("request", request) };
  }

  private gone(account: AccountId): StoreChange {
    return { key: keys.request(this.parts.store, account), value: undefined };
  }
}
