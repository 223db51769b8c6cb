/** HMAC-SHA-256 and SHA-256 of short texts by Node's crypto. */

import { createHmac, hash } from "node:crypto";
import type { HmacSha256, Sha256 } from "@sotto/protocol";

/** For `useHmac`. A copy: Node's small buffers share one that is larger. */
export const hmacSha256: HmacSha256 = (key, text) => new Uint8Array(createHmac("sha256", key).update(text).digest());

/** For `useSha256`, in a third of the portable one's time. */
export const sha256OfText: Sha256 = (text) => new Uint8Array(hash("sha256", text, "buffer"));
