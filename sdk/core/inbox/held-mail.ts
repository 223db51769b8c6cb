/**
 * What was said in a group further on in its log than this device has read: kept, acknowledged, and judged once the log was
 * read that far. Nothing of it is shown before.
 */

import type { AccountId, ConversationId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/**
 * What waits at once: a relay that withholds logs must not fill the disk, and a member that claims to have read what nobody
 * wrote must not leave others without room. What is beyond a bound is asked for again.
 */
export const MAX_HELD = { ofOne: 256, ofGroup: 2_048, together: 8_192 } as const;

/** The rows of one client. Whoever changes those of a group holds its conversation's lock. */
export class HeldMail {
  /** How much is held: for each group, and in it for each sender. */
  private readonly counts = new Map<ConversationId, Map<AccountId, number>>();
  private together = 0;

  constructor(private readonly store: SealedStore) {}

  /** Counts what an earlier run held. */
  async load(): Promise<void> {
    for await (const { value } of eachRow(this.store, keys.heldAll)) this.add(decodeRow("held", value), 1);
  }

  /** The groups that something is held for. */
  groups(): readonly ConversationId[] {
    return [...this.counts.keys()];
  }

  /**
   * The change that keeps one, for the turn that commits it; `undefined` if there is no room. The same sender's of the same
   * envelope is replaced.
   */
  async holding(row: Row<"held">): Promise<(() => StoreChange) | undefined> {
    const key = this.key(row);
    const isHere = (await this.store.get(key)) !== undefined;
    if (!isHere && !this.hasRoom(row)) return undefined;
    return () => {
      if (!isHere) this.add(row, 1);
      return { key, value: encodeRow("held", row) };
    };
  }

  /** Everything held for a group, in the order in which the relay accepted it. */
  async *of(group: ConversationId): AsyncGenerator<Row<"held">> {
    if (!this.counts.has(group)) return;
    const found: { readonly key: string; readonly acceptedMs: number }[] = [];
    for await (const { key, value } of eachRow(this.store, keys.heldOf(this.store, group))) {
      found.push({ key, acceptedMs: decodeRow("held", value).acceptedMs });
    }
    found.sort((one, other) => one.acceptedMs - other.acceptedMs);
    for (const { key } of found) {
      const stored = await this.store.get(key);
      if (stored !== undefined) yield decodeRow("held", stored);
    }
  }

  /** The change that lets one go, for the turn that commits it. */
  drop(row: Row<"held">): StoreChange {
    this.add(row, -1);
    return { key: this.key(row), value: undefined };
  }

  private hasRoom({ group, sender }: Row<"held">): boolean {
    const senders = this.counts.get(group) ?? new Map<AccountId, number>();
    const ofGroup = [...senders.values()].reduce((sum, count) => sum + count, 0);
    const ofOne = senders.get(sender) ?? 0;
    return ofOne < MAX_HELD.ofOne && ofGroup < MAX_HELD.ofGroup && this.together < MAX_HELD.together;
  }

  private add({ group, sender }: Row<"held">, count: number): void {
    const senders = this.counts.get(group) ?? new Map<AccountId, number>();
    const held = (senders.get(sender) ?? 0) + count;
    if (held > 0) senders.set(sender, held);
    else senders.delete(sender);
    if (senders.size > 0) this.counts.set(group, senders);
    else this.counts.delete(group);
    this.together += count;
  }

  private key({ group, sender, envelope }: Row<"held">): string {
    return keys.held(this.store, group, { sender, envelope });
  }
}
