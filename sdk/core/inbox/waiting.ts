/** Envelopes that did not open: the place each keeps until what it held comes again, and who is asked for it. */

import type { AccountId } from "@sotto/protocol";
import type { Thread } from "../conversations/conversations.js";
import { hidden } from "../conversations/incoming.js";
import { cursorOf } from "../conversations/items.js";
import type { Clock, StoreChange } from "../ports.js";
import { decodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { nothing, type Plan } from "./plan.js";

/** An envelope that is waited for no more, because what it held, or word of it, came. */
export interface Resolution {
  /** The place it kept; `undefined` if none was kept here. */
  readonly resolves: number | undefined;
  /** The relay's clock when it accepted the envelope that did not open. */
  readonly acceptedMs: number | undefined;
  /** Forgets the envelope. */
  readonly changes: readonly StoreChange[];
  /** Tells who waits, once that is durable. */
  settle(): void;
}

const unknown: Resolution = { resolves: undefined, acceptedMs: undefined, changes: [], settle: () => undefined };

/** The rows of what did not open. */
export class Waiting {
  constructor(private readonly parts: { readonly store: SealedStore; readonly clock: Clock }) {}

  /**
   * What an answer to `envelope` resolves; only its own sender resolves one, and a place only where it is. `thread` is absent
   * for own devices. Without a place it may have been said anywhere: where, the answer alone tells.
   */
  async resolution(
    envelope: Uint8Array | undefined,
    sender: AccountId,
    thread: Thread | undefined,
  ): Promise<Resolution> {
    const row = envelope === undefined ? undefined : await this.row(envelope);
    if (envelope === undefined || row?.sender !== sender) return unknown;
    const { sequence, acceptedMs } = row;
    if (sequence !== undefined && row.conversation !== thread?.timeline.id) return unknown;
    // It may have come by itself while it was being asked for: then the place holds it, and the answer is a repetition.
    const place = sequence === undefined ? undefined : await thread?.timeline.row(sequence);
    return {
      resolves: place?.shape === "undecryptable" ? sequence : undefined,
      acceptedMs,
      changes: [{ key: keys.undecryptable(envelope), value: undefined }],
      settle() {
        if (thread === undefined || sequence === undefined) return;
        thread.timeline.settle(sequence);
        thread.tell({ type: "changed", detail: { cursor: cursorOf(sequence) } });
      },
    };
  }

  /** Whether an envelope of this sender keeps a place in a conversation. */
  async hasPlace(envelope: Uint8Array, sender: AccountId, { timeline }: Thread): Promise<boolean> {
    const row = await this.row(envelope);
    return row?.sender === sender && row.sequence !== undefined && row.conversation === timeline.id;
  }

  /** Empties the place of an envelope that held nothing to show. */
  async emptied(envelope: Uint8Array | undefined, sender: AccountId, thread: Thread | undefined): Promise<Plan> {
    return this.empty(thread, sender, await this.resolution(envelope, sender, thread));
  }

  /** Empties the place of a resolution, if it kept one. */
  async empty(thread: Thread | undefined, sender: AccountId, { resolves, changes, settle }: Resolution): Promise<Plan> {
    if (changes.length === 0) return nothing;
    const before = resolves === undefined ? undefined : await thread?.timeline.row(resolves);
    const moved = () => {
      if (resolves === undefined || thread === undefined) return [];
      return thread.timeline.move(resolves, before, hidden(sender, this.parts.clock.now()));
    };
    return { build: () => [...changes, ...moved()], after: [settle] };
  }

  private async row(envelope: Uint8Array): Promise<Row<"undecryptable"> | undefined> {
    const stored = await this.parts.store.get(keys.undecryptable(envelope));
    return stored === undefined ? undefined : decodeRow("undecryptable", stored);
  }
}

/** How long senders keep what they sent, and a day for clocks: what is sent again is no older. */
const KEPT_MS = 8 * 24 * 3_600_000;

/**
 * When the relay accepted a content that came in an envelope accepted at `acceptedMs`. Of one that is sent again its sender
 * says so; that is taken within the time it may have kept it, so that nobody writes itself into an older past.
 */
export function acceptance(acceptedMs: number, saidMs: number | undefined): number {
  if (saidMs === undefined || saidMs > acceptedMs) return acceptedMs;
  return Math.max(saidMs, acceptedMs - KEPT_MS);
}
