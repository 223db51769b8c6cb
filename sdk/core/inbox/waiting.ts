/** Envelopes that did not open: the place each keeps until what it held comes again, and who is asked for it. */

import type { AccountId } from "@sotto/protocol";
import type { ConversationState } from "../conversations/conversations.js";
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

  /** What an answer to `envelope` resolves; only its own sender resolves one. `state` is absent for own devices. */
  async resolution(
    envelope: Uint8Array | undefined,
    sender: AccountId,
    state: ConversationState | undefined,
  ): Promise<Resolution> {
    const row = envelope === undefined ? undefined : await this.row(envelope);
    if (envelope === undefined || row?.sender !== sender) return unknown;
    const { sequence, acceptedMs } = row;
    // It may have come by itself while it was being asked for: then the place holds it, and the answer is a repetition.
    const place = sequence === undefined ? undefined : await state?.timeline.row(sequence);
    return {
      resolves: place?.shape === "undecryptable" ? sequence : undefined,
      acceptedMs,
      changes: [{ key: keys.undecryptable(envelope), value: undefined }],
      settle() {
        if (state === undefined || sequence === undefined) return;
        state.timeline.settle(sequence);
        state.tell({ type: "changed", detail: { cursor: cursorOf(sequence) } });
      },
    };
  }

  /** Empties the place of an envelope that held nothing to show. */
  async emptied(
    envelope: Uint8Array | undefined,
    sender: AccountId,
    state: ConversationState | undefined,
  ): Promise<Plan> {
    const { resolves, changes, settle } = await this.resolution(envelope, sender, state);
    if (changes.length === 0) return nothing;
    const before = resolves === undefined ? undefined : await state?.timeline.row(resolves);
    const moved = () => {
      if (resolves === undefined || state === undefined) return [];
      return state.timeline.move(resolves, before, hidden(sender, this.parts.clock.now()));
    };
    return { build: () => [...changes, ...moved()], after: [settle] };
  }

  private async row(envelope: Uint8Array): Promise<Row<"undecryptable"> | undefined> {
    const stored = await this.parts.store.get(keys.undecryptable(envelope));
    return stored === undefined ? undefined : decodeRow("undecryptable", stored);
  }
}
