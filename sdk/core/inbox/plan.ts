/** What one envelope will change, decided before anything is written. */

import type { Queued } from "../outbox/order.js";
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

/** Several plans as one, in their order. */
export function both(...plans: readonly Plan[]): Plan {
  return { build: () => plans.flatMap((plan) => plan.build()), after: plans.flatMap(({ after }) => after) };
}

/** Orders of the outbox as a plan: queued in the turn that commits them, looked at once they are durable. */
export function ordering(queue: () => readonly Queued[]): Plan {
  let queued: readonly Queued[] = [];
  return {
    build: () => {
      queued = queue();
      return queued.flatMap(({ changes }) => changes);
    },
    after: [
      () => {
        for (const one of queued) one.sent();
      },
    ],
  };
}
