/** What a client does in its groups by itself: publishes own keys that changed, begins epochs and leaves checkpoints. */

import type { ConversationId, GroupState } from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import { isFatal } from "../../fatal.js";
import type { Clock } from "../../ports.js";
import { Rounds } from "../../rounds.js";
import { isAdmin, memberOf } from "../state/permissions.js";
import type { Checkpoints } from "./checkpoints.js";
import { type GroupRows, hasAccepted, type KeptGroup } from "./group-rows.js";
import type { Wish } from "./log-writer.js";
import type { OwnKeys } from "./own-keys.js";

/** What follows from one change comes together; several admins' clients seldom act in the same moment. */
const DELAY_MS = 250;
/** What failed is not tried again for so long, unless the relay is reached anew. */
const REST_MS = 60_000;
/** Own keys, a new epoch and its checkpoint, and once more where somebody was faster. */
const MAX_STEPS = 6;

/** What upkeep works with. */
export interface UpkeepParts {
  readonly account: OwnAccount;
  readonly clock: Clock;
  readonly rows: GroupRows;
  readonly keys: OwnKeys;
  readonly checkpoints: Checkpoints;
  /** Whether the relay holds the delivery key of the present profile key: before that, nobody is told of it. */
  isKeyOut(): boolean;
  append(id: ConversationId, wish: Wish): Promise<KeptGroup>;
  failed(error: unknown): void;
}

/** Does it in the background; what fails is tried again when the relay is next reached, or the log moves later on. */
export class Upkeep {
  private readonly due = new Set<ConversationId>();
  /** Until when a group is left alone, because something failed. */
  private readonly resting = new Map<ConversationId, number>();
  private readonly rounds: Rounds;

  constructor(private readonly parts: UpkeepParts) {
    const { clock, failed } = parts;
    this.rounds = new Rounds({ clock, delayMs: DELAY_MS, work: () => this.work(), failed });
  }

  /** Looks at a group soon. */
  wake(id: ConversationId): void {
    const kept = this.parts.rows.get(id);
    if (kept === undefined || this.stepDue(kept) === undefined) return;
    if (this.parts.clock.now() < (this.resting.get(id) ?? 0)) return;
    this.due.add(id);
    this.rounds.wake();
  }

  /** The relay was reached: what failed may go now. */
  rested(): void {
    this.resting.clear();
  }

  /** Begins nothing more. Idempotent. */
  close(): void {
    this.rounds.close();
    this.due.clear();
  }

  private async work(): Promise<void> {
    const due = [...this.due];
    this.due.clear();
    for (const id of due) {
      try {
        await this.keep(id);
      } catch (error) {
        if (isFatal(error)) throw error;
        this.resting.set(id, this.parts.clock.now() + REST_MS);
      }
    }
  }

  private async keep(id: ConversationId): Promise<void> {
    for (let done = 0; done < MAX_STEPS; done++) {
      const kept = this.parts.rows.get(id);
      const step = kept === undefined ? undefined : this.stepDue(kept);
      if (step === undefined) return;
      await step();
    }
  }

  /** Own keys first: the new epoch's secret is not to be sealed to a key that a revoked device knows. */
  private stepDue(kept: KeptGroup): (() => Promise<unknown>) | undefined {
    const { append, checkpoints } = this.parts;
    const { group, state } = kept;
    if (state === undefined) return undefined;
    if (this.areKeysDue(kept, state))
      return () =>
        append(group, (now) =>
          this.areKeysDue(kept, now) ? { kind: "keys", ...this.parts.keys.published() } : undefined,
        );
    if (this.isRotationDue(kept, state))
      return () => append(group, (now) => (this.isRotationDue(kept, now) ? { kind: "rotate" } : undefined));
    return checkpoints.isDue(kept) ? () => checkpoints.leave(group) : undefined;
  }

  private areKeysDue({ status }: KeptGroup, state: GroupState): boolean {
    const { keys, isKeyOut } = this.parts;
    return hasAccepted(status) && isKeyOut() && !keys.arePublished(state);
  }

  private isRotationDue({ group }: KeptGroup, state: GroupState): boolean {
    const { rows, account } = this.parts;
    const role = memberOf(state, account.id)?.role;
    if (state.rotation !== "due" || role === undefined || !isAdmin(role)) return false;
    return rows.get(group)?.secrets.find(({ epoch }) => epoch === state.epoch)?.adminSecret !== undefined;
  }
}
