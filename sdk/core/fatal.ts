/** Which errors end a client, and which only end a call. */

import { SottoError } from "@sotto/protocol";

/** True for a failed store and for bugs: after them the client's memory and its disk may differ, so it must not go on. */
export function isFatal(error: unknown): boolean {
  if (!(error instanceof SottoError)) return true;
  return error.code === "storeFailed" || error.code === "storeCorrupt";
}
