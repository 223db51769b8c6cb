/** Chance from Node's crypto, drawn in blocks: a nonce for every stored row would be a system call each. */

import { randomFillSync } from "node:crypto";
import type { Random } from "../core/ports.js";

const BLOCK_BYTES = 4_096;
/** Up to this size requests share a block: nonces and ids, which are no secrets. Keys are drawn on their own. */
const MAX_SHARED_BYTES = 16;

let block = new Uint8Array(0);
let used = 0;

/** Cryptographically secure random bytes, each handed out once. */
export const systemRandom: Random = {
  bytes(size) {
    if (size > MAX_SHARED_BYTES) return randomFillSync(new Uint8Array(size));
    if (used + size > block.length) {
      block = randomFillSync(new Uint8Array(BLOCK_BYTES));
      used = 0;
    }
    used += size;
    return block.slice(used - size, used);
  },
};
