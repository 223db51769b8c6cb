/**
 * What a linked device waits for before it takes anybody for a stranger: another device's word on who the contacts are.
 *
 * Until then a known contact looks like somebody to ask, a blocked one like nobody special, and what contacts write looks
 * like what strangers write. So decisions and first words wait here, the relay is not told whom to refuse, and mail that
 * was dropped is asked for afterwards. All of it is bounded, as the other devices may be switched off for good.
 */

import type { DeviceId } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { nothing, ordering, type Plan } from "../inbox/plan.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Clock, StoreChange } from "../ports.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** The device that linked this one is online: both users look at it. */
const PATIENCE_MS = 10_000;

/** What waiting for the first state works with. */
export interface FirstStateParts {
  readonly store: Pick<SealedStore, "commit">;
  readonly account: OwnAccount;
  readonly clock: Clock;
  readonly outbox: Pick<Outbox, "queue" | "wake">;
  /** When this device was added, by the relay's clock. */
  addedMs(): number;
  /** Everything was told, and is durable. */
  told(): void;
  failed(error: unknown): void;
}

interface Waiting {
  readonly timer: { cancel(): void };
  resolve(): void;
}

/** Whether this device was told who its contacts are. */
export class FirstState {
  private readonly waiting: Waiting[] = [];
  private isOver: boolean;
  private patience: { cancel(): void } | undefined;

  constructor(private readonly parts: FirstStateParts) {
    this.isOver = parts.account.current.awaiting === undefined;
  }

  /** Whether it may still come: then what would go out as to a stranger stays. */
  get isAwaited(): boolean {
    return !this.isOver;
  }

  /** Resolves once it is here, or after ten seconds without it. In the order of the calls. */
  known(): Promise<void> {
    if (!this.isAwaited) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.parts.clock.after(PATIENCE_MS, resolve);
      this.waiting.push({ timer, resolve });
    });
  }

  /** The relay was reached and this account has so many other devices: none that could tell, or the wait begins. */
  heard(others: number): void {
    const { store, account, clock, failed } = this.parts;
    if (!this.isAwaited) return;
    if (others === 0) {
      store.commit([account.change({ awaiting: undefined })]).then(() => this.end(), failed);
      return;
    }
    this.patience ??= clock.after(PATIENCE_MS, () => this.release());
  }

  /** For mail that is dropped as a stranger's: that it may have been a contact's is kept with its position. */
  dropped(): readonly StoreChange[] {
    const { account } = this.parts;
    return account.current.awaiting === "state" ? [account.change({ awaiting: "stateAndMail" })] : [];
  }

  /** A device told everything. Runs in the commit of its last word; it is asked for what was dropped here. */
  everything(device: DeviceId): Plan {
    const { account, outbox, addedMs } = this.parts;
    const { awaiting } = account.current;
    if (awaiting === undefined) return nothing;
    const asking =
      awaiting === "state"
        ? nothing
        : ordering(() => [outbox.queue({ recipient: account.id, device, type: "missed", atMs: addedMs() })]);
    return {
      build: () => [...asking.build(), account.change({ awaiting: undefined })],
      after: [...asking.after, () => this.end()],
    };
  }

  /** Nobody waits any longer. */
  close(): void {
    this.patience?.cancel();
    this.release();
  }

  private end(): void {
    this.patience?.cancel();
    this.parts.told();
    this.release();
  }

  /** What waited goes on, with what is known. */
  private release(): void {
    this.isOver = true;
    for (const { timer, resolve } of this.waiting.splice(0)) {
      timer.cancel();
      resolve();
    }
    this.parts.outbox.wake();
  }
}
