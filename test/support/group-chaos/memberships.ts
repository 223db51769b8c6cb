/** Who was in the group when, by the word of its log: from one entry to another, and by the relay's clock. */

import type { AccountId } from "@sotto/protocol";
import type { Passage } from "./traffic.js";
import type { ShownEntry } from "./view.js";

/** One stay in the group; without an end it lasts. */
interface Stay {
  readonly fromSeq: number;
  readonly fromMs: number;
  untilSeq: number;
  untilMs: number;
}

/**
 * How somebody stands to a message. `owed`: it was in the group when the relay accepted it. `unseen`: it was not. `open`: an
 * answer was lost and the repeat sealed anew for others, so that either may be.
 */
type Claim = "owed" | "unseen" | "open";

/** The stays of everybody. */
export class Memberships {
  private readonly stays = new Map<AccountId, Stay[]>();

  /** From all entries there are, in their order. */
  constructor(entries: readonly Pick<ShownEntry, "seq" | "acceptedMs" | "change">[]) {
    for (const { seq, acceptedMs, change } of entries) {
      if (change.kind === "created") this.begin(change.by, seq, acceptedMs);
      if (change.kind === "joined") this.begin(change.account, seq, acceptedMs);
      if (change.kind === "left" || change.kind === "removed") this.end(change.account, seq, acceptedMs);
    }
  }

  /** Whether somebody was in the group and is not any more. */
  isFormer(account: AccountId): boolean {
    const last = this.of(account).at(-1);
    return last !== undefined && last.untilSeq !== Number.POSITIVE_INFINITY;
  }

  /** Whether somebody was out of the group at a time when it might have said something in it. */
  wasOut(account: AccountId): boolean {
    const stays = this.of(account);
    return stays.length === 0 || stays.some(({ untilSeq }) => untilSeq !== Number.POSITIVE_INFINITY);
  }

  /** By the numbers of the log that its tries were sealed at. */
  bySeq(account: AccountId, { tries }: Passage): Claim {
    const candidates = tries.filter(({ outcome }) => outcome !== "refused");
    const within = candidates.filter(({ revision }) =>
      this.of(account).some(({ fromSeq, untilSeq }) => fromSeq <= revision && revision < untilSeq),
    );
    if (within.length === 0) return "unseen";
    return within.length === candidates.length ? "owed" : "open";
  }

  /** By the relay's clock; within the millisecond of a change it says nothing. */
  byClock(account: AccountId, acceptedMs: number): Claim {
    const stays = this.of(account);
    if (stays.some(({ fromMs, untilMs }) => fromMs < acceptedMs && acceptedMs < untilMs)) return "owed";
    return stays.some(({ fromMs, untilMs }) => fromMs <= acceptedMs && acceptedMs <= untilMs) ? "open" : "unseen";
  }

  private of(account: AccountId): readonly Stay[] {
    return this.stays.get(account) ?? [];
  }

  private begin(account: AccountId, fromSeq: number, fromMs: number): void {
    const open = { untilSeq: Number.POSITIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };
    this.stays.set(account, [...this.of(account), { fromSeq, fromMs, ...open }]);
  }

  private end(account: AccountId, untilSeq: number, untilMs: number): void {
    const last = this.stays.get(account)?.at(-1);
    if (last !== undefined) Object.assign(last, { untilSeq, untilMs });
  }
}
