/**
 * Self-repair of mail that did not open (PROTOCOL.md, self-repair), as its sender: what was sent is kept for some days, and
 * sent again to whoever could not open it.
 */

import type { OwnAccount } from "../account/own-account.js";
import type { Counters } from "../counters.js";
import { isWorthResending, type KeptSends, MAX_RESENDS, saidMs } from "../outbox/kept-sends.js";
import type { Order } from "../outbox/order.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Address, StoreChange } from "../ports.js";
import { encodeRow, keys } from "../rows.js";
import { ordering, type Plan } from "./plan.js";

/** What sending again works with. */
export interface ResendParts {
  readonly account: OwnAccount;
  readonly counters: Counters;
  readonly keptSends: Pick<KeptSends, "find">;
  readonly outbox: Pick<Outbox, "queue" | "room">;
}

/** Answers those who ask. */
export class Resends {
  constructor(private readonly parts: ResendParts) {}

  /** Answers a retry request: sends again what is kept for this device, and names the rest as unavailable. */
  async answer(asker: Address, envelopes: readonly Uint8Array[]): Promise<Plan> {
    const { keptSends, account, counters, outbox } = this.parts;
    // A send to another account names all its devices; one of my own is answered alone.
    const device = asker.account === account.id ? asker.device : undefined;
    const to = { recipient: asker.account, device };
    const orders: Order[] = [];
    const counted: StoreChange[] = [];
    const unavailable: Uint8Array[] = [];
    for (const envelope of envelopes) {
      const sent = await keptSends.find(envelope, asker);
      if (sent === undefined || sent.resends >= MAX_RESENDS) {
        unavailable.push(envelope.slice());
        continue;
      }
      const { type, peer, body } = sent;
      // Whoever never had it learns where it belongs.
      const atMs = type === "content" ? saidMs(sent) : sent.atMs;
      counted.push({ key: keys.sent(envelope), value: encodeRow("sent", { ...sent, resends: sent.resends + 1 }) });
      const resendOf = envelope.slice();
      orders.push(
        isWorthResending(sent) ? { ...to, type, peer, atMs, body, resendOf } : { ...to, type: "nothing", resendOf },
      );
    }
    if (unavailable.length > 0) orders.push({ ...to, type: "unavailable", envelopes: unavailable });
    counters.count("repairsAnswered");
    const resending = ordering(() => orders.map((order) => outbox.queue(order)));
    return {
      // Too much waits to be sent: whoever asks will ask again.
      build: () => (outbox.room < orders.length ? [] : [...counted, ...resending.build()]),
      after: resending.after,
    };
  }
}
