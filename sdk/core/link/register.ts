/** Registers a device on a connection of its own. */

import { type Frame, SottoError } from "@sotto/protocol";
import type { AbortSignalLike, Clock, Dial } from "../ports.js";
import { type Plaintext, relayAddress } from "./address.js";
import { Connection } from "./connection.js";
import type { CheckRoot, Registration } from "./greeting.js";

/** What a registration needs of its platform and of the app. */
export interface RegistrationParts {
  readonly url: string;
  readonly plaintext?: Plaintext;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly checkRoot: CheckRoot;
  readonly signal?: AbortSignalLike | undefined;
}

/**
 * Registers a device: dials, checks the root, sends what `build` makes of the challenge, and closes behind the welcome,
 * after which a device's link can start. One attempt; the caller decides about the next.
 *
 * `build` has `limits.greetingMs` less one round trip: whatever takes longer (the host's token) is fetched before.
 *
 * @throws what the relay refused with (`deviceLimit` as DeviceLimitError, its names still sealed); wrongRoot, rootRequired, unsupportedVersion;
 *   offline or timeout, after which the device may be registered; badRelay; aborted; invalidArgument for the address.
 */
export function registerDevice(
  parts: RegistrationParts,
  build: (challenge: Frame<"challenge">) => Promise<Registration>,
): Promise<Frame<"welcome">> {
  return new Promise((resolve, reject) => {
    const { url, plaintext, signal } = parts;
    if (signal?.aborted) throw new SottoError("aborted");
    const settle = (act: () => void) => {
      signal?.removeEventListener("abort", abort);
      act();
    };
    const connection = new Connection({
      ...parts,
      address: relayAddress(url, plaintext),
      opening: { kind: "register", build },
      ready: (welcome) => {
        connection.close();
        settle(() => resolve(welcome));
      },
      frame: () => undefined,
      lost: (error) => settle(() => reject(error)),
    });
    const abort = () => connection.drop(new SottoError("aborted"));
    signal?.addEventListener("abort", abort, { once: true });
    connection.open();
  });
}
