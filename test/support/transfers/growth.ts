/** How much memory a process takes beyond what it had at first. */

const EVERY_MS = 10;
/** What is not worth a word. */
const STEP_BYTES = 524_288;
/** Collections by which what is not held must be gone. */
const MOST_COLLECTIONS = 8;
/** What transfers may hold. */
export const MOST_HELD_BYTES = 67_108_864;

/** Bytes of the heap and of what buffers hold, beyond what there were at first. */
export interface Growth {
  /** With garbage, of which V8 leaves some tens of MiB before it looks. */
  readonly taken: number;
  /** Without it; looked at only where `taken` is more than may be held. */
  readonly held: number;
}

/** Tells each new peak. */
export function watchGrowth(tell: (growth: Growth) => void): void {
  globalThis.gc?.();
  const all = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const base = all();
  let told = 0;
  const look = async () => {
    const taken = all() - base;
    if (taken < told + STEP_BYTES) return;
    told = taken;
    let held = taken;
    // More than once: buffers are let go of beside a collection, and those that are being written only behind it.
    for (let turn = 0; held > MOST_HELD_BYTES && turn < MOST_COLLECTIONS; turn++) {
      globalThis.gc?.();
      await new Promise(setImmediate);
      held = Math.min(held, all() - base);
    }
    tell({ taken, held });
  };
  setInterval(look, EVERY_MS).unref();
}
