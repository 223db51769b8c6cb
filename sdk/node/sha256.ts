/** SHA-256 by Node's crypto. */

import { createHash } from "node:crypto";
import type { Hashing } from "../core/ports.js";

/** Begins to hash. */
export function sha256(): Hashing {
  const hash = createHash("sha256");
  return {
    update: (bytes) => void hash.update(bytes),
    soFar: () => new Uint8Array(hash.copy().digest()),
    digest: () => new Uint8Array(hash.digest()),
  };
}
