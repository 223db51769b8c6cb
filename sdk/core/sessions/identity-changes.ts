/** What happens when a peer's identity key is another than before: it is stored, said, and told in the timeline. */

import { type AccountId, equalBytes } from "@sotto/protocol";
import { holdsProfileKey } from "../consent/relations.js";
import type { Conversations } from "../conversations/conversations.js";
import type { Clock, StoreChange } from "../ports.js";
import { MAX_FORMER_IDENTITIES, type Row } from "../rows.js";
import type { FormerSessions } from "./former-sessions.js";

/** An identity change on its way into the store. `build` takes a timeline place: commit its changes without an await. */
export interface IdentityChange {
  readonly row: Row<"peer">;
  build(): readonly StoreChange[];
  /** Shows the timeline item and raises the event once the commit is durable. */
  announceAfter(durable: Promise<void>): void;
}

/** What an old device had on its way when its account started over may take this long. */
const GRACE_MS = 60_000;

/** Replaces identities, always visibly. */
export class IdentityChanges {
  constructor(
    private readonly parts: {
      readonly conversations: Conversations;
      readonly clock: Clock;
      readonly former: Pick<FormerSessions, "aside">;
      keyChanged(account: AccountId): void;
    },
  ) {}

  /**
   * Trusts a new identity key for a peer. The delivery key goes; old sessions encrypt no more, and what the relay accepted
   * under the old identity before `seenMs` still opens. A verified peer becomes `changed`, and nothing is sent to it until
   * the user trusts the new key. The caller holds the peer's lock. `seenMs`: the relay's clock when what shows the new key was
   * accepted or fetched.
   *
   * It is told of people the user writes with. Of others there is nothing to compare, and a stranger with many keys would
   * fill a timeline that nobody reads.
   */
  async replace(row: Row<"peer">, identityKey: Uint8Array, seenMs: number): Promise<IdentityChange> {
    const { conversations, clock, former, keyChanged } = this.parts;
    const { account, verification, devices } = row;
    const isTold = holdsProfileKey(row.relation) || verification !== "unverified";
    const { timeline } = await conversations.of(account);
    const sessions = await former.aside(account, devices, row.identityKey);
    const left = row.identityKey === undefined ? [] : [{ key: row.identityKey, untilMs: seenMs + GRACE_MS }];
    const others = row.formerIdentities.filter(({ key }) => !equalBytes(key, identityKey));
    let sequence = 0;
    return {
      row: {
        ...row,
        identityKey,
        formerIdentities: [...left, ...others].slice(0, MAX_FORMER_IDENTITIES),
        profileKey: undefined,
        devices: [],
        verification: verification === "verified" ? "changed" : verification,
      },
      build: () => {
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
