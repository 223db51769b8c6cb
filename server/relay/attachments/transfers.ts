/** The uploads and downloads under way: how many one address may have at once, and when none is left. */

import { InFlight } from "../in-flight.js";

/** Transfers at a time of one address: one that takes its bytes slowly must not shut out the others. The transport bounds all. */
const MAX_TRANSFERS_PER_ADDRESS = 128;

/** Counts transfers. */
export class Transfers {
  private readonly inFlight = new InFlight();
  private readonly byAddress = new Map<string, number>();

  constructor(private readonly maxPerAddress = MAX_TRANSFERS_PER_ADDRESS) {}

  /**
   * Begins one, and answers what ends it, idempotent; `undefined` if the address must wait until one of its own ends. To be
   * called before anything is waited for: of those that ask in the same moment only so many may pass.
   */
  begin(address: string): (() => void) | undefined {
    const count = this.countOf(address);
    if (count >= this.maxPerAddress) return undefined;
    this.inFlight.begin();
    this.byAddress.set(address, count + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = this.countOf(address) - 1;
      if (left === 0) this.byAddress.delete(address);
      else this.byAddress.set(address, left);
      this.inFlight.end();
    };
  }

  /** Resolves when none is under way; at once if none is. */
  idle(): Promise<void> {
    return this.inFlight.idle();
  }

  private countOf(address: string): number {
    return this.byAddress.get(address) ?? 0;
  }
}
