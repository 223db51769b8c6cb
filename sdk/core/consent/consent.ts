/**
 * What the user decides about others, and what each decision brings with it, always in one commit with it. The rules are in
 * judge.ts and relations.ts; what comes from others is in arrivals.ts.
 *
 * Everything here that reads a peer's row and then changes it runs under that peer's lock.
 */

import { type AccountId, type Content, limits, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { ConversationState } from "../conversations/conversations.js";
import { readStored } from "../conversations/stored-content.js";
import { both, nothing, ordering, type Plan } from "../inbox/plan.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Queued } from "../outbox/order.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Clock, StoreChange } from "../ports.js";
import { decodeRow, eachRow, keys, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Access } from "./access.js";
import type { Arrivals } from "./arrivals.js";
import { decided, happened, holdsProfileKey } from "./relations.js";

/** What consent works with. */
export interface ConsentParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly arrivals: Pick<Arrivals, "request" | "requested">;
  readonly conversations: { of(peer: AccountId): Promise<ConversationState> };
  readonly outbox: Pick<Outbox, "queue">;
  /** Resolves once this device knows how the account stands to others: a decision counts for what it was made of. */
  known(): Promise<void>;
  /** The change that owes a delivery receipt for a content. */
  owe(content: Content): StoreChange;
  /** Receipts are owed, durably. */
  owed(): void;
  readonly access: Pick<Access, "rotate" | "apply">;
  /** The orders that tell this account's other devices how it stands to these accounts, filled in when they leave. */
  tellOwn(contacts: readonly AccountId[]): readonly Queued[];
  /** Tells a new contact the profile name, if there is one. */
  introduce(account: AccountId): void;
  /** What a stranger sent and did not open may be asked for now. */
  repair(): void;
  /** Requests came or went. */
  requestsChanged(): void;
}

/** A request that nobody answered stands in the way of another one for as long as the relay remembers it. */
const REQUEST_LIVES_MS = 30 * 24 * 3_600_000;
/** What was dropped beside a request came at most this long before its text was stored here. */
const DROPPED_BEFORE_MS = 60_000;

/** Decides who may write to this account. */
export class Consent {
  constructor(private readonly parts: ConsentParts) {}

  /**
   * For the sender, which holds the peer's lock: what has to be committed with something that is said to somebody who is
   * no contact.
   *
   * @throws textOnly, requestPending; invalidArgument towards somebody blocked.
   */
  async asking(account: AccountId, kind: "text" | "wordless" | "other"): Promise<Plan> {
    const row = await this.parts.peers.get(account);
    switch (row.relation) {
      case "accepted":
        return nothing;
      case "sent":
        if (kind === "other" || !(await this.isForgotten(account))) throw new SottoError("requestPending");
        return this.moving({ ...row, ...decided(row, "sent") });
      case "received":
      case "declined":
        return this.acceptance(row);
      case "blocked":
        throw new SottoError("invalidArgument", { detail: "this account is blocked; unblock it first" });
      case "none":
        if (kind === "other") throw new SottoError("textOnly");
        return this.moving({ ...row, ...happened(row, "sent") });
      default:
        return row.relation satisfies never;
    }
  }

  /** For the sender, which holds the peer's lock: a request of this account did not leave, so that another may be made. */
  async takenBack(account: AccountId): Promise<Plan> {
    const row = await this.parts.peers.get(account);
    return row.relation === "sent" ? this.moving({ ...row, ...decided(row, "none") }) : nothing;
  }

  /**
   * For the outbox: a row was given up. A request that never reached anybody waits for no answer: what that changes is
   * handed to `settle`, which commits it with the rest.
   */
  async givenUp(
    { recipient, group, type, resendOf }: Row<"outbox">,
    { code }: SottoError,
    settle: (alongside: readonly StoreChange[]) => Promise<void>,
  ): Promise<void> {
    const isFirst = resendOf === undefined && (type === "content" || type === "contact" || type === "invitation");
    const mayBeRequest = isFirst && recipient !== undefined && (group === undefined || type === "invitation");
    // A pending one is held by the relay, of another device or an earlier life of this one.
    const isRequest = mayBeRequest && code !== "requestPending";
    if (!isRequest || (await this.parts.peers.get(recipient)).relation !== "sent") return settle([]);
    const after = await this.parts.locks.run(recipient, async () => {
      const takenBack = await this.takenBack(recipient);
      await settle(takenBack.build());
      return takenBack.after;
    });
    for (const work of after) work();
  }

  /** Asks for contact without words. Does nothing if it was asked for; accepts if the other side asked. */
  async requestContact(account: AccountId): Promise<void> {
    await this.under(account, async (row) => {
      if (row.relation === "sent" || row.relation === "accepted") return nothing;
      const asking = await this.asking(account, "wordless");
      // An acceptance says it already.
      return row.relation === "none" ? both(asking, this.handingOver(account)) : asking;
    });
  }

  /**
   * Lets an invitation to a group go to an account: of a stranger it asks for contact too, and it accepts one who asked.
   *
   * @throws requestPending to somebody who did not answer yet; invalidArgument towards somebody blocked.
   */
  inviting(account: AccountId): Promise<void> {
    return this.under(account, () => this.asking(account, "wordless"));
  }

  /** The invitation was never made: whoever was asked by it was not. */
  notInvited(account: AccountId): Promise<void> {
    return this.under(account, () => this.takenBack(account));
  }

  /** Accepts a request. Does nothing if there is none. */
  accept(account: AccountId): Promise<void> {
    return this.under(account, async (row) =>
      row.relation === "received" || row.relation === "declined" ? this.acceptance(row) : nothing,
    );
  }

  /** Declines a request; the other side does not learn of it. Does nothing if there is none. */
  decline(account: AccountId): Promise<void> {
    return this.under(account, async (row) =>
      row.relation === "received" ? this.moving({ ...row, ...decided(row, "declined") }) : nothing,
    );
  }

  /**
   * Blocks an account. Resolves once nothing of it is shown here any more and the relay refuses it, or, offline, will when
   * it is reached. Who held the profile key loses it: contacts get a new one.
   *
   * @throws invalidArgument if more would be blocked than the relay keeps.
   */
  async block(account: AccountId): Promise<void> {
    await this.under(account, async (row) => {
      if (row.relation === "blocked") return nothing;
      if ((await this.blocked()).length >= limits.blockedAccounts.value) {
        throw new SottoError("invalidArgument", {
          detail: `at most ${limits.blockedAccounts.value} accounts are blocked`,
        });
      }
      const blocking = this.moving({ ...row, ...decided(row, "blocked") });
      return holdsProfileKey(row.relation) ? both(blocking, await this.parts.access.rotate(account)) : blocking;
    });
    await this.parts.access.apply();
  }

  /** Takes a block back: the account is a stranger again and may ask; what it asked and was not answered is asked again. */
  async unblock(account: AccountId): Promise<void> {
    await this.under(account, async (row) => {
      if (row.relation !== "blocked") return nothing;
      const asked = await this.unanswered(account);
      if (asked === undefined) return this.moving({ ...row, ...decided(row, "none") });
      const request = this.parts.arrivals.requested(account, asked.sequence, asked.row.atMs);
      return both(this.moving({ ...row, ...decided(row, "received") }), {
        build: () => request.changes,
        after: request.after,
      });
    });
    await this.parts.access.apply();
  }

  /** Everybody who is blocked. */
  async blocked(): Promise<readonly AccountId[]> {
    const blocked: AccountId[] = [];
    for await (const { value } of eachRow(this.parts.store, keys.peers)) {
      const { account, relation } = decodeRow("peer", value);
      if (relation === "blocked") blocked.push(account);
    }
    return blocked;
  }

  /** Relation, request, the key handed over, the receipt owed for its text, and the word to own devices: one commit. */
  private async acceptance(row: Row<"peer">): Promise<Plan> {
    const { arrivals, conversations, owe, owed, introduce, repair } = this.parts;
    const { account } = row;
    const request = await arrivals.request(account);
    const { timeline } = await conversations.of(account);
    const item = request?.sequence === undefined ? undefined : await timeline.row(request.sequence);
    const text = item?.shape === "content" && item.deletedMs === undefined ? readStored(item.content) : undefined;
    const sinceMs = (item?.acceptedMs ?? request?.atMs ?? 0) - DROPPED_BEFORE_MS;
    const wasDropped = request !== undefined && request.dropped > 0;
    return both(
      this.moving({ ...row, ...decided(row, "accepted") }),
      this.handingOver(account),
      wasDropped ? this.askingFor(account, Math.max(0, sinceMs)) : nothing,
      {
        build: () => (text === undefined ? [] : [owe(text)]),
        after: [
          () => {
            if (text !== undefined) owed();
            introduce(account);
            repair();
          },
        ],
      },
    );
  }

  /** The one text of somebody who asked and to whom nothing was ever said, if it is all there is of the conversation. */
  private async unanswered(account: AccountId) {
    const { timeline } = await this.parts.conversations.of(account);
    const [only, ...further] = await timeline.latest(2);
    const isRequest = only?.row.shape === "content" && only.row.from === account && further.length === 0;
    return isRequest ? only : undefined;
  }

  /** Whether the relay has forgotten the request of this account that waits for an answer. */
  private async isForgotten(account: AccountId): Promise<boolean> {
    const { timeline } = await this.parts.conversations.of(account);
    const [last] = await timeline.latest(1);
    const askedMs = last?.row.acceptedMs;
    return askedMs !== undefined && this.parts.clock.now() - askedMs > REQUEST_LIVES_MS;
  }

  private askingFor(account: AccountId, sinceMs: number): Plan {
    const { outbox } = this.parts;
    return ordering(() => [outbox.queue({ recipient: account, type: "missed", atMs: sinceMs })]);
  }

  private handingOver(account: AccountId): Plan {
    const { outbox } = this.parts;
    return ordering(() => [outbox.queue({ recipient: account, type: "contact" })]);
  }

  /** A peer's row with another relation: whatever it becomes, a request of that account is settled with it. */
  private moving(row: Row<"peer">): Plan {
    const { store, peers, tellOwn, requestsChanged } = this.parts;
    const settled: Plan = {
      build: () => [peers.change(row), { key: keys.request(store, row.account), value: undefined }],
      after: [requestsChanged],
    };
    return both(
      settled,
      ordering(() => tellOwn([row.account])),
    );
  }

  private async under(account: AccountId, plan: (row: Row<"peer">) => Promise<Plan>): Promise<void> {
    const { locks, peers, store, known } = this.parts;
    await known();
    const { durable, after } = await locks.run(account, async () => {
      const { build, after } = await plan(await peers.get(account));
      const changes = build();
      return { durable: changes.length === 0 ? Promise.resolve() : store.commit(changes), after };
    });
    await durable;
    for (const work of after) work();
  }
}
