/** The relay as the client uses it: one connection as this device, and one that names nobody for sealed sends. */

import type { AccountId, DeviceId, Frame, SottoError } from "@sotto/protocol";
import type { Plaintext } from "./link/address.js";
import { type CheckRoot, type LinkState, type Push, RelayLink } from "./link/relay-link.js";
import type { Clock, DeviceKeys, Dial, Log, Random } from "./ports.js";

/** What the connections need. */
export interface RelayParts {
  readonly url: string;
  readonly plaintext: Plaintext;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly deviceKeys: DeviceKeys;
  readonly checkRoot: CheckRoot;
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly devicePrivate: Uint8Array;
  /** The token to show at the next greeting of this device's connection. */
  resume(): Promise<Uint8Array | undefined>;
  /** Done before anything is sent. */
  beforeReady(welcome: Frame<"welcome">): Promise<void>;
  onReady(welcome: Frame<"welcome">): void;
  onPush(frame: Push): void;
  onState(state: LinkState, reason?: SottoError): void;
  /** The anonymous connection came up: what waited for it may go. */
  onAnonymousReady(): void;
}

/** Both connections. The anonymous one is opened with the first sealed send, and shares nothing with the other. */
export class Relay {
  /** Authenticated: mail in, keys, certificates, first contacts. */
  readonly device: RelayLink;
  private readonly sealed: RelayLink;
  private isSealedStarted = false;

  constructor(private readonly parts: RelayParts) {
    const { url, plaintext, dial, clock, random, log, checkRoot, account, device, devicePrivate, deviceKeys } = parts;
    const shared = { url, plaintext, dial, clock, random, log, checkRoot };
    this.device = new RelayLink({
      ...shared,
      greeting: {
        kind: "device",
        account,
        device,
        sign: (text) => deviceKeys.sign(devicePrivate, text),
        resume: () => parts.resume(),
      },
      beforeReady: (welcome) => parts.beforeReady(welcome),
      onReady: parts.onReady,
      onPush: parts.onPush,
      onState: parts.onState,
    });
    this.sealed = new RelayLink({
      ...shared,
      greeting: { kind: "anonymous" },
      onReady: parts.onAnonymousReady,
      onPush: () => undefined,
      onState: () => undefined,
    });
  }

  /** The anonymous connection. */
  get anonymous(): RelayLink {
    if (!this.isSealedStarted) {
      this.isSealedStarted = true;
      this.sealed.start();
    }
    return this.sealed;
  }

  /** The relay's clock as far as this device knows it. */
  nowMs(): number {
    return this.parts.clock.now() + this.device.serverTimeOffsetMs;
  }

  /** Begins to connect. */
  start(): void {
    this.device.start();
  }

  /** Ends both connections. Idempotent. */
  close(): void {
    this.device.close();
    this.sealed.close();
  }
}
