/** What this process holds, without what only waits to be collected: of that other tests of the process leave much. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Bytes of buffers that somebody holds. The collector frees them behind its back, so that one look is not enough. */
export async function heldBufferBytes(): Promise<number> {
  for (let turn = 0; turn < 2; turn++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().arrayBuffers;
}

/** Bytes of the heap that somebody holds. */
export function heldHeapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
