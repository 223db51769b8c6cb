/** What a link is given and what it says. */

import type { Frame, SottoError } from "@sotto/protocol";
import type { Clock, Dial, Log, Random } from "../ports.js";
import type { Plaintext } from "./address.js";
import type { CheckRoot, Greeting } from "./greeting.js";

/** Where a link stands: `waiting` between two dials, `ended` for good. */
export type LinkState = "connecting" | "ready" | "waiting" | "ended";

/** What a relay says unasked. */
export type Push = Frame<
  "deliver" | "queueEmpty" | "keysLow" | "mailboxFull" | "devicesChanged" | "deviceLimit" | "deskNews"
>;

/** What a link is made of, and whom it tells. A callback may call the link, `close()` included; what one throws is logged. */
export interface LinkParts {
  /** `https://host[:port]`; see `relayAddress`. */
  readonly url: string;
  readonly plaintext?: Plaintext;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly greeting: Greeting;
  readonly checkRoot: CheckRoot;
  readonly requestTimeoutMs?: number;
  /**
   * Done between `welcome` and `ready`: what the relay says meanwhile is heard afterwards, and no request leaves. A
   * rejection drops the connection.
   */
  beforeReady?(welcome: Frame<"welcome">): Promise<void>;
  onReady(welcome: Frame<"welcome">): void;
  /** What time it is at the relay, whenever it says so. */
  onTime?(serverTimeMs: number): void;
  onPush(frame: Push): void;
  /** `reason` is why the link waits or ended; none after `close()`. */
  onState(state: LinkState, reason?: SottoError): void;
}
