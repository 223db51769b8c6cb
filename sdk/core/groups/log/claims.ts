/**
 * What others say to have read of a log, and this device was not shown: asked for again for a while, for words may be faster
 * than the log. What does not come then is withheld, or this device was shut out.
 */

import type { ConversationId } from "@sotto/protocol";
import type { Clock } from "../../ports.js";

/** How long the relay has to show what others have read. */
const GRACE_MS = 60_000;

/** Entries that somebody has read, and that this device cannot. */
export interface LogGap {
  readonly group: ConversationId;
  /** The last entry that is known to be there. */
  readonly revision: number;
}

/** What claims work with. */
export interface ClaimParts {
  readonly clock: Clock;
  /** How far the group's log was read; `undefined` if this account is not in it any more. */
  readSeq(group: ConversationId): number | undefined;
  /** Reads the log once more; never rejects. Answers whether the relay could be asked. */
  ask(group: ConversationId): Promise<"asked" | "offline">;
  gap(gap: LogGap): void;
}

/** Waits for what is claimed. */
export class Claims {
  private readonly claimed = new Map<ConversationId, { revision: number; readonly timer: { cancel(): void } }>();
  /** Told once in a run, up to which entry. */
  private readonly told = new Map<ConversationId, number>();

  constructor(private readonly parts: ClaimParts) {}

  /** The log has at least so many entries; if it is not read that far in time, the app is told. */
  expect(group: ConversationId, revision: number): void {
    const present = this.claimed.get(group);
    if (present !== undefined) {
      present.revision = Math.max(present.revision, revision);
      return;
    }
    this.claimed.set(group, { revision, timer: this.parts.clock.after(GRACE_MS, () => void this.judge(group)) });
  }

  /** Waits for nothing any more. Idempotent. */
  close(): void {
    for (const { timer } of this.claimed.values()) timer.cancel();
    this.claimed.clear();
  }

  private async judge(group: ConversationId): Promise<void> {
    const due = this.claimed.get(group)?.revision ?? 0;
    const asked = this.isMissing(group, due) ? await this.parts.ask(group) : "asked";
    const claim = this.claimed.get(group);
    this.claimed.delete(group);
    if (claim === undefined) return;
    // What was claimed while the relay was asked has its own time. A relay that cannot be asked withholds nothing.
    const isLater = asked === "offline" || claim.revision > due;
    if (isLater && this.isMissing(group, claim.revision)) this.expect(group, claim.revision);
    if (asked === "offline" || !this.isMissing(group, due) || (this.told.get(group) ?? 0) >= due) return;
    this.told.set(group, due);
    this.parts.gap({ group, revision: due });
  }

  private isMissing(group: ConversationId, revision: number): boolean {
    const readSeq = this.parts.readSeq(group);
    return readSeq !== undefined && readSeq < revision;
  }
}
