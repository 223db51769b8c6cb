/** A profile key that another device of this account made: whom this one wrote to with the one before is told of it. */

import type { AccountId, ConversationId } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { KeptSends } from "../outbox/kept-sends.js";
import type { Outbox } from "../outbox/outbox.js";
import { decodeRow, eachRow, keys } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** A new key reaches this device within seconds of its making, or in the backlog of its next connection. */
const RECENT_MS = 3_600_000;

/** What the handover works with. */
export interface KeyHandoverParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Pick<Peers, "get">;
  readonly outbox: Pick<Outbox, "queue" | "room">;
  readonly keptSends: Pick<KeptSends, "since">;
  /** The relay's clock. */
  nowMs(): number;
}

/**
 * Repeats a key to contacts that may have heard an older one from this device after the newer one from another.
 *
 * Each device ends its lane to a contact with the key that won, so in whatever order the lanes of several devices reach
 * the contact, the last key it hears is that one.
 */
export class KeyHandover {
  constructor(private readonly parts: KeyHandoverParts) {}

  /** Queues the key for whoever was written to lately, or is about to be. Resolves once that is durable. */
  async adopted(): Promise<void> {
    const { store, peers, outbox, account } = this.parts;
    const contacts: AccountId[] = [];
    for (const recipient of await this.writtenTo()) {
      const isContact = recipient !== account.id && (await peers.get(recipient)).relation === "accepted";
      if (isContact) contacts.push(recipient);
    }
    // Beyond what the outbox takes, contacts find the key beside the next content.
    const queued = contacts.slice(0, outbox.room).map((recipient) => outbox.queue({ recipient, type: "contact" }));
    await store.commit(queued.flatMap(({ changes }) => changes));
    for (const { sent } of queued) sent();
  }

  private async writtenTo(): Promise<ReadonlySet<AccountId>> {
    const { store, keptSends, nowMs } = this.parts;
    const found = new Set<AccountId>();
    for await (const { value } of eachRow(store, keys.outboxAll)) {
      const { type, recipient, group } = decodeRow("outbox", value);
      if (recipient !== undefined && carriesKey(type, group)) found.add(recipient);
    }
    for await (const { row } of keptSends.since(nowMs() - RECENT_MS)) {
      if (row.recipient !== undefined && carriesKey(row.type, row.group)) found.add(row.recipient);
    }
    return found;
  }
}

/** What is said in a group carries no key. */
function carriesKey(type: string, group: ConversationId | undefined): boolean {
  return group === undefined && (type === "content" || type === "contact");
}
