/**
 * Self-repair of mail that did not open (PROTOCOL.md, self-repair), as its sender: what was sent is kept for some days, and
 * sent again to whoever could not open it. What went to a group is sent again to its members alone, one by one, with the key
 * it was encrypted with.
 */

import { type AccountId, type ConversationId, type Relation, toHex } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Counters } from "../counters.js";
import type { GroupLogs } from "../groups/log/group-logs.js";
import type { SenderKeys } from "../groups/sending/sender-keys.js";
import { isWorthResending, type KeptSends, MAX_RESENDS, saidMs } from "../outbox/kept-sends.js";
import type { Order } from "../outbox/order.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Address, StoreChange } from "../ports.js";
import { encodeRow, keys, type Row } from "../rows.js";
import { nothing, ordering, type Plan } from "./plan.js";

/** What sending again works with. */
export interface ResendParts {
  readonly account: OwnAccount;
  readonly counters: Counters;
  readonly keptSends: Pick<KeptSends, "find" | "isKept">;
  readonly outbox: Pick<Outbox, "queue" | "room">;
  readonly logs: Pick<GroupLogs, "get">;
  readonly senderKeys: Pick<SenderKeys, "again">;
}

/** What an answer will say, as it is gathered. */
interface Answer {
  readonly orders: Order[];
  readonly counted: StoreChange[];
  readonly unavailable: Uint8Array[];
  /** Groups whose key the asker lacks. */
  readonly keyless: Set<ConversationId>;
}

/** A question that was asked in a group, and how this account stands to who asks. */
interface AskedInGroup {
  readonly group: ConversationId;
  readonly relation: Relation;
}

/** How often who asked for what is remembered of so many; beyond them the oldest are forgotten. */
const MAX_ASKED = 4_096;

/** Answers those who ask. */
export class Resends {
  /** How often a member was answered about what went to its whole group, in this run. */
  private readonly asked = new Map<string, number>();

  constructor(private readonly parts: ResendParts) {}

  /**
   * Answers a retry request: sends again what is kept for this device, and names the rest as unavailable. Of what was asked in a
   * group, who is no member there hears nothing, and who was shut out nothing that is between the two.
   */
  async answer(asker: Address, envelopes: readonly Uint8Array[], asked?: AskedInGroup): Promise<Plan> {
    const { keptSends, counters, outbox, senderKeys } = this.parts;
    const group = asked?.group;
    counters.count("repairsAnswered");
    if (group !== undefined && !this.membersOf(group).some(({ account }) => account === asker.account)) return nothing;
    const answer: Answer = { orders: [], counted: [], unavailable: [], keyless: new Set() };
    for (const envelope of envelopes) {
      const sent = await keptSends.find(envelope, asker);
      if (sent !== undefined && asked !== undefined && !this.isOfGroup(sent) && isShutOut(asked)) continue;
      if (sent === undefined || !this.mayHave(asker.account, { envelope, sent }))
        answer.unavailable.push(envelope.slice());
      else this.again(answer, asker, { envelope: envelope.slice(), sent });
    }
    const { orders, counted, unavailable, keyless } = answer;
    const to = this.to(asker);
    if (unavailable.length > 0) orders.push({ ...to, group, type: "unavailable", envelopes: unavailable });
    for (const lacked of keyless) {
      counted.push(senderKeys.again(lacked, asker.account));
      orders.unshift({ ...to, group: lacked, type: "senderKey" });
    }
    const resending = ordering(() => orders.map((order) => outbox.queue(order)));
    return {
      // Too much waits to be sent: whoever asks will ask again.
      build: () => {
        // A message may have ended since it was found.
        const isKept = ({ resendOf }: Order) => resendOf === undefined || keptSends.isKept(resendOf);
        if (outbox.room < orders.length || !orders.every(isKept)) return [];
        return [...counted, ...resending.build()];
      },
      after: resending.after,
    };
  }

  private again(
    { orders, counted, keyless }: Answer,
    asker: Address,
    { envelope, sent }: { readonly envelope: Uint8Array; readonly sent: Row<"sent"> },
  ): void {
    const { type, group, standing, peer, body, evidence } = sent;
    const to = { ...this.to(asker), group, standing };
    // Whoever never had it learns where it belongs.
    const atMs = type === "content" ? saidMs(sent) : sent.atMs;
    counted.push({ key: keys.sent(envelope), value: encodeRow("sent", { ...sent, resends: sent.resends + 1 }) });
    orders.push(
      isWorthResending(sent)
        ? { ...to, type, peer, atMs, body, evidence, resendOf: envelope }
        : { ...to, type: "nothing", resendOf: envelope },
    );
    if (group !== undefined && this.isOfGroup(sent)) keyless.add(group);
  }

  /** A send to another account names all its devices; one of my own is answered alone. */
  private to({ account, device }: Address): Pick<Order, "recipient" | "device"> {
    return { recipient: account, device: account === this.parts.account.id ? device : undefined };
  }

  /** What went to a group is for who was a member when it was said, and is one still. */
  private mayHave(
    asker: AccountId,
    { envelope, sent }: { readonly envelope: Uint8Array; readonly sent: Row<"sent"> },
  ): boolean {
    const { group, standing, resends } = sent;
    if (group === undefined || !this.isOfGroup(sent)) return resends < MAX_RESENDS;
    const members = this.membersOf(group);
    const member = members.find(({ account }) => account === asker);
    if (member === undefined || standing === undefined || member.joinedSeq > standing.revision) return false;
    if (sent.recipient !== undefined) return resends < MAX_RESENDS;
    return resends < MAX_RESENDS * members.length && this.mayAskAgain(`${toHex(envelope)}/${asker}`);
  }

  /** Nobody uses up what is there for all. */
  private mayAskAgain(name: string): boolean {
    const before = this.asked.get(name) ?? 0;
    this.asked.delete(name);
    this.asked.set(name, before + 1);
    for (const oldest of this.asked.keys()) {
      if (this.asked.size <= MAX_ASKED) break;
      this.asked.delete(oldest);
    }
    return before < MAX_RESENDS;
  }

  /** What own devices are told of groups, and invitations, are between two. */
  private isOfGroup({ group, recipient, type }: Row<"sent">): boolean {
    return group !== undefined && recipient !== this.parts.account.id && type !== "invitation";
  }

  /** Nobody, where this account is none itself. */
  private membersOf(group: ConversationId) {
    const snapshot = this.parts.logs.get(group);
    return snapshot?.status === "joined" ? snapshot.state.members : [];
  }
}

/** Between the two it would not be answered. */
function isShutOut({ relation }: AskedInGroup): boolean {
  return relation === "blocked" || relation === "declined" || relation === "received";
}
