/** An engine in memory whose writes end when a test says so. */

import type { Engine } from "../../../server/store/engine.js";
import { memoryEngine } from "../../../server/store/memory/memory-engine.js";

/** One write that has begun. */
export interface HeldWrite {
  readonly operations: number;
  /** Applies it and lets it succeed. */
  finish(): Promise<void>;
  /** Lets it fail; nothing of it is applied. */
  fail(cause: Error): void;
}

/** An engine that holds its writes while `isHolding`. */
export interface ControlledEngine extends Engine {
  isHolding: boolean;
  /** Resolves with the next write that begins. */
  nextWrite(): Promise<HeldWrite>;
  /** Point reads so far. */
  readonly gets: number;
}

/** Starts with writes that go through at once. */
export function controlledEngine(inner: Engine = memoryEngine()): ControlledEngine {
  const begun: HeldWrite[] = [];
  const waiting: ((write: HeldWrite) => void)[] = [];
  let gets = 0;
  const engine: ControlledEngine = {
    ...inner,
    isHolding: false,
    get gets() {
      return gets;
    },
    get(key) {
      gets += 1;
      return inner.get(key);
    },
    nextWrite() {
      const write = begun.shift();
      return write === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(write);
    },
    batch() {
      const batch = inner.batch();
      let operations = 0;
      return {
        put(key, value) {
          operations += 1;
          batch.put(key, value);
        },
        delete(key) {
          operations += 1;
          batch.delete(key);
        },
        write(durability) {
          if (!engine.isHolding) return batch.write(durability);
          return new Promise((resolve, reject) => {
            const held: HeldWrite = {
              operations,
              finish: () => batch.write(durability).then(resolve),
              fail: reject,
            };
            const next = waiting.shift();
            if (next === undefined) begun.push(held);
            else next(held);
          });
        },
      };
    },
  };
  return engine;
}
