/** Asking for what was lost, and answering those who ask. */

import { type AccountId, toHex } from "@sotto/protocol";
import type { Conversations } from "../conversations/conversations.js";
import { contentHash } from "../conversations/stored-content.js";
import { nothing, type Plan } from "../inbox/plan.js";
import { type KeptSends, MAX_RESENDS, saidMs } from "../outbox/kept-sends.js";
import type { Order, Queued } from "../outbox/order.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Clock, StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** Contacts written with so long before the loss may have written since; what they sent is kept no longer. */
const RECENT_MS = 7 * 24 * 3_600_000;
/** Contacts asked about one loss, those written with last. */
const MAX_ASKED = 200;
/** And people who were asked for contact: the relay counts each of these words as one of the few a stranger may say. */
const MAX_UNANSWERED = 32;
/** Sends one answer makes again, and their bytes together. */
const MAX_RESENT = 1_000;
const MAX_RESENT_BYTES = 8_388_608;
/** An account is answered this often in a row, then once in a while: each answer searches everything that is kept. */
const MAX_ANSWERS = 8;
const ANSWER_EVERY_MS = 600_000;

/** What missed words work with. */
export interface MissedWordsParts {
  readonly store: SealedStore;
  readonly me: AccountId;
  readonly clock: Clock;
  readonly peers: Pick<Peers, "get">;
  readonly conversations: Pick<Conversations, "of">;
  readonly outbox: Pick<Outbox, "queue" | "room">;
  readonly keptSends: Pick<KeptSends, "since" | "isKept">;
}

/** Somebody who can be asked, and when the last thing that is here was said. */
interface Acquaintance {
  readonly account: AccountId;
  readonly relation: Row<"peer">["relation"];
  readonly atMs: number | undefined;
}

/** The `missed` payloads of both sides. */
export class MissedWords {
  /** When the answers of late will be forgotten, by account. */
  private readonly answers = new Map<AccountId, number>();

  constructor(private readonly parts: MissedWordsParts) {}

  /** The orders that ask own devices, and everybody who may have said something lately, for what came since. */
  async ask({ sinceMs, whom }: Row<"lost">): Promise<Plan> {
    const { me } = this.parts;
    const others = whom === "everybody" ? await this.othersWithWords(sinceMs - RECENT_MS) : [];
    return this.orders([me, ...others].map((recipient) => ({ recipient, type: "missed", atMs: sinceMs })));
  }

  /**
   * For the inbox: an account lost what this one sent it since a time. Sends it again as far as it is kept; if nothing is,
   * that it is a contact. To nobody but contacts, because whoever asks learns that somebody is there.
   */
  async answer(account: AccountId, atMs: number): Promise<Plan> {
    const { peers, clock, keptSends } = this.parts;
    const nowMs = clock.now();
    const { relation } = await peers.get(account);
    if (relation !== "accepted" || !this.mayAnswer(account, nowMs)) return nothing;
    const kept: { readonly envelope: Uint8Array; readonly row: Row<"sent"> }[] = [];
    for await (const one of keptSends.since(atMs)) {
      const { recipient, group, type, resends } = one.row;
      if (recipient === account && group === undefined && type === "content" && resends < MAX_RESENDS) kept.push(one);
    }
    kept.sort((one, other) => saidMs(one.row) - saidMs(other.row) || one.row.acceptedMs - other.row.acceptedMs);
    // A message may have ended since it was found; from here on nothing is waited for.
    const still = kept.filter(({ envelope }) => keptSends.isKept(envelope));
    const again = withinBytes(eachOnce(still).slice(0, MAX_RESENT));
    const orders = again.map(({ envelope, row }): Order => {
      return { recipient: account, type: row.type, resendOf: envelope, atMs: saidMs(row), body: row.body };
    });
    const counted = again.map(({ envelope, row }): StoreChange => {
      return { key: keys.sent(envelope), value: encodeRow("sent", { ...row, resends: row.resends + 1 }) };
    });
    // The acceptance may itself be what is lost. Any content is one too.
    return again.length === 0 ? this.orders([{ recipient: account, type: "contact" }]) : this.orders(orders, counted);
  }

  /** A bucket for each account that asked lately, kept as the time at which it is full again. */
  private mayAnswer(account: AccountId, nowMs: number): boolean {
    for (const [other, fullMs] of this.answers) if (fullMs <= nowMs) this.answers.delete(other);
    const fullMs = (this.answers.get(account) ?? nowMs) + ANSWER_EVERY_MS;
    if (fullMs - nowMs > MAX_ANSWERS * ANSWER_EVERY_MS) return false;
    this.answers.set(account, fullMs);
    return true;
  }

  /**
   * Contacts who were written with since a time, or with whom nothing is here; and who was asked for contact: the answer, and
   * what followed it, may be what is lost. Whoever gave none yet drops the question.
   */
  private async othersWithWords(sinceMs: number): Promise<readonly AccountId[]> {
    const { store, me, conversations } = this.parts;
    const found: Acquaintance[] = [];
    for await (const { value } of eachRow(store, keys.peers)) {
      const { account, relation } = decodeRow("peer", value);
      if (account === me || (relation !== "accepted" && relation !== "sent")) continue;
      const [last] = await (await conversations.of(account)).timeline.latest(1);
      found.push({ account, relation, atMs: last?.row.acceptedMs ?? last?.row.atMs });
    }
    found.sort((one, other) => (other.atMs ?? 0) - (one.atMs ?? 0));
    const contacts = found.filter(({ relation, atMs = sinceMs }) => relation === "accepted" && atMs >= sinceMs);
    const unanswered = found.filter(({ relation }) => relation === "sent");
    const asked = [...contacts.slice(0, MAX_ASKED), ...unanswered.slice(0, MAX_UNANSWERED)];
    return asked.map(({ account }) => account);
  }

  /** As many as the outbox takes now; whoever is left out finds its own gap, or asks again. */
  private orders(orders: readonly Order[], counted: readonly StoreChange[] = []): Plan {
    let queued: readonly Queued[] = [];
    return {
      build: () => {
        const { outbox } = this.parts;
        const taken = orders.slice(0, outbox.room);
        queued = taken.map((order) => outbox.queue(order));
        return [...queued.flatMap(({ changes }) => changes), ...counted.slice(0, taken.length)];
      },
      after: [
        () => {
          for (const one of queued) one.sent();
        },
      ],
    };
  }
}

/** What was sent again is kept too: of each content the first send, or answers would grow with every question. */
function eachOnce<One extends { readonly row: Row<"sent"> }>(kept: readonly One[]): readonly One[] {
  const contents = new Set<string>();
  return kept.filter(({ row }) => {
    const hash = toHex(contentHash(row.body));
    const isFirst = !contents.has(hash);
    contents.add(hash);
    return isFirst;
  });
}

function withinBytes<One extends { readonly row: Row<"sent"> }>(kept: readonly One[]): readonly One[] {
  let bytes = 0;
  return kept.filter(({ row }) => {
    bytes += row.body.length;
    return bytes <= MAX_RESENT_BYTES;
  });
}
