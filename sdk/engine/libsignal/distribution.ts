/** Distribution ids: 16 bytes in the port, UUIDs of whatever version in the library. */

import { fromHex, toHex } from "@sotto/protocol";
import { EngineRefusal } from "../../core/ports.js";
import type { Libsignal } from "./library.js";
import { parsed } from "./refusal.js";

const DISTRIBUTION_BYTES = 16;

/** The library's form of a distribution id. @throws EngineRefusal malformed if it is not of 16 bytes. */
export function uuidOf(distribution: Uint8Array): string {
  if (distribution.length !== DISTRIBUTION_BYTES) throw new EngineRefusal("malformed");
  const hex = toHex(distribution);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The distribution id that a message under a sender key names in the open. @throws EngineRefusal invalidSealed if none. */
export function distributionOf(lib: Libsignal, message: Uint8Array<ArrayBuffer>): Uint8Array {
  const uuid = parsed("invalidSealed", () => lib.SenderKeyMessage.deserialize(message).distributionId());
  return fromHex(uuid.replaceAll("-", ""));
}
