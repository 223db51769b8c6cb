/** What the bench and its generator processes say to each other, over the channel of `child_process.fork`. */

import type { Faults } from "./pair.js";

/** Which relay's language to speak. */
export type DialectName = "minimal" | "sotto";

/** One generator's share of a workload. */
export type Workload =
  /** Every pair keeps `window` messages under way. */
  | { readonly kind: "closed"; readonly pairs: number; readonly window: number }
  /** Poisson arrivals over all pairs, whatever the relay does. */
  | { readonly kind: "open"; readonly pairs: number; readonly perSecond: number }
  /** Fills one mailbox while its owner is away. */
  | { readonly kind: "drain"; readonly messages: number }
  /** Connections that say nothing. `greeting`: whether they authenticate as devices. */
  | { readonly kind: "idle"; readonly connections: number; readonly greeting: "authenticate" | "none" };

/** From the bench to a generator. */
export type Order =
  | {
      readonly kind: "prepare";
      readonly dialect: DialectName;
      readonly port: number;
      readonly generator: number;
      readonly workload: Workload;
    }
  | { readonly kind: "start" }
  /** The warm-up is over: count from here. */
  | { readonly kind: "mark" }
  /** Stop counting, offer nothing more, finish what is under way. */
  | { readonly kind: "end" };

/** What one generator measured between `mark` and `end`. */
export interface Measured {
  readonly completed: number;
  readonly seconds: number;
  /** CPU of the generator itself, as a share of one core: near 1 in a closed loop, the generator was the limit. */
  readonly generatorLoad: number;
  /** From the intended send time, unsorted; of a long run an even sample. */
  readonly deliveryMs: readonly number[];
  readonly acceptMs: readonly number[];
  readonly faults: Faults;
}

/** How a mailbox was drained. */
export interface Drained {
  readonly messages: number;
  /** From the owner's first byte to the last message. */
  readonly seconds: number;
  /** Mail that came again after everything was acknowledged. */
  readonly leftBehind: number;
  readonly faults: Faults;
}

/** From a generator to the bench. */
export type Report =
  | { readonly kind: "ready" }
  | { readonly kind: "measured"; readonly measured: Measured }
  | { readonly kind: "drained"; readonly drained: Drained }
  | { readonly kind: "failed"; readonly reason: string };
