/** The native engine: the reference implementation of the Signal protocol behind the engine port. */

import type { Engine } from "../core/ports.js";
import { groupsOf } from "./libsignal/group.js";
import { keysOf } from "./libsignal/keys.js";
import { loadLibsignal } from "./libsignal/library.js";
import { safetyNumbersOf } from "./libsignal/safety-number.js";
import { senderKeysOf } from "./libsignal/sender-keys.js";
import { sessionsOf } from "./libsignal/sessions.js";

/**
 * Loads the engine made of `@signalapp/libsignal-client`. Node and Electron only.
 *
 * A program that loads it is a combined work under AGPL-3.0.
 *
 * @throws engineMissing if the library is not installed or not made for this platform.
 */
export async function libsignalEngine(): Promise<Engine> {
  const lib = await loadLibsignal();
  const { pairOf, ...keys } = keysOf(lib);
  return {
    name: "libsignal",
    ...keys,
    ...sessionsOf(lib, { pairOf }),
    ...senderKeysOf(lib),
    ...groupsOf(lib, { pairOf }),
    ...safetyNumbersOf(lib),
  };
}
