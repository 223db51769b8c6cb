/** What one envelope will change, decided before anything is written. */

import type { StoreChange } from "../ports.js";

/**
 * A decision. `build` takes timeline places and counters, so its changes are committed in the same turn; `after` runs once
 * they are durable.
 */
export interface Plan {
  build(): readonly StoreChange[];
  readonly after: readonly (() => void)[];
}

/** Changes nothing. */
export const nothing: Plan = { build: () => [], after: [] };
