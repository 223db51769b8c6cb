/** What happens when a peer's identity key is another than before: it is stored, said, and told in the timeline. */

import type { AccountId } from "@sotto/protocol";
import { holdsProfileKey } from "../consent/relations.js";
import type { Conversations } from "../conversations/conversations.js";
import type { Clock, StoreChange } from "../ports.js";
import { keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** An identity change on its way into the store. `build` takes a timeline place: commit its changes without an await. */
export interface IdentityChange {
  readonly row: Row<"peer">;
  /** `seenMs`: the relay's clock when what shows the new key was accepted or fetched. */
  build(seenMs: number): readonly StoreChange[];
  /** Shows the timeline item and raises the event once the commit is durable. */
  announceAfter(durable: Promise<void>): void;
}

/** Replaces identities, always visibly. */
export class IdentityChanges {
  constructor(
    private readonly parts: {
      readonly store: SealedStore;
      readonly conversations: Conversations;
      readonly clock: Clock;
      keyChanged(account: AccountId): void;
    },
  ) {}

  /**
   * Trusts a new identity key for a peer. Old sessions and the delivery key go; a verified peer becomes `changed`, and
   * nothing is sent to it until the user trusts the new key. The caller holds the peer's lock.
   *
   * It is told of people the user writes with. Of others there is nothing to compare, and a stranger with many keys would
   * fill a timeline that nobody reads.
   */
  async replace(row: Row<"peer">, identityKey: Uint8Array): Promise<IdentityChange> {
    const { store, conversations, clock, keyChanged } = this.parts;
    const { account, verification, devices } = row;
    const isTold = holdsProfileKey(row.relation) || verification !== "unverified";
    const { timeline } = await conversations.of(account);
    let sequence = 0;
    return {
      row: {
        ...row,
        identityKey,
        profileKey: undefined,
        devices: [],
        verification: verification === "verified" ? "changed" : verification,
      },
      build: (seenMs) => {
        const sessions = devices.map((device) => ({ key: keys.session(store, account, device), value: undefined }));
        if (!isTold) return sessions;
        const placed = timeline.append({
          shape: "keychange",
          from: account,
          atMs: clock.now(),
          acceptedMs: seenMs,
          content: new Uint8Array(0),
          status: "received",
          reactions: [],
        });
        sequence = placed.sequence;
        return [...sessions, ...placed.changes];
      },
      announceAfter(durable) {
        if (!isTold) return;
        durable.then(
          () => {
            timeline.announce(sequence);
            keyChanged(account);
          },
          () => undefined, // a failed commit ends the client, which says so itself
        );
      },
    };
  }
}
