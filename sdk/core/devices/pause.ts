/** Waiting, on the platform's clock and until somebody loses interest. */

import { SottoError } from "@sotto/protocol";
import type { AbortSignalLike, Clock } from "../ports.js";

/**
 * Resolves after a time.
 *
 * @throws aborted as soon as the signal aborts.
 */
export function pause(clock: Clock, delayMs: number, signal: AbortSignalLike): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) throw new SottoError("aborted");
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      timer.cancel();
      reject(new SottoError("aborted"));
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}

/**
 * What a promise resolves with.
 *
 * @throws aborted as soon as the signal aborts; what becomes of the promise is then nobody's concern.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignalLike): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(new SottoError("aborted"));
    const abort = () => reject(new SottoError("aborted"));
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
