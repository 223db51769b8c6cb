/** The relay as the client uses it: one connection as this device, and one that names nobody for sealed sends. */

import { type AccountId, type DeviceId, type Frame, SottoError } from "@sotto/protocol";
import { deferred } from "./deferred.js";
import { isFatal } from "./fatal.js";
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
  /** This device's connection said what time it is at the relay. */
  onTime(serverTimeMs: number): void;
  /** The anonymous connection came up: what waited for it may go. */
  onAnonymousReady(): void;
}

/** Whoever needs the relay's first word waits for it as long as for an answer. */
const GREETED_MS = 15_000;

/** Both connections. The anonymous one is opened with the first sealed send, and shares nothing with the other. */
export class Relay {
  /** Authenticated: mail in, keys, certificates, first contacts. */
  readonly device: RelayLink;
  private readonly sealed: RelayLink;
  private isSealedStarted = false;
  private caps: number | undefined;
  private readonly greeted = deferred<void>();

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
      onReady: (welcome) => {
        this.told(welcome);
        parts.onReady(welcome);
      },
      onPush: parts.onPush,
      onTime: (serverTimeMs) => parts.onTime(serverTimeMs),
      onState: parts.onState,
    });
    this.sealed = new RelayLink({
      ...shared,
      greeting: { kind: "anonymous" },
      onReady: (welcome) => {
        this.told(welcome);
        parts.onAnonymousReady();
      },
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

  /**
   * Accounts that the community allows in one group, as the relay last said; waits for its first word as a request does.
   *
   * @throws offline; closed.
   */
  async groupAccounts(): Promise<number> {
    const { greeted, parts } = this;
    if (this.caps === undefined) {
      const late = deferred<never>();
      const timer = parts.clock.after(GREETED_MS, () => late.reject(new SottoError("offline")));
      await Promise.race([greeted.promise, late.promise]).finally(() => timer.cancel());
    }
    if (this.caps === undefined) throw new SottoError("offline");
    return this.caps;
  }

  /** The relay's clock as far as this device knows it. */
  nowMs(): number {
    return this.parts.clock.now() + this.device.serverTimeOffsetMs;
  }

  /** Asks the relay what time it is. Rejects only for what ends the client. */
  async askTime(): Promise<"told" | "unreached"> {
    if (this.device.state !== "ready") return "unreached";
    try {
      await this.device.askTime();
      return "told";
    } catch (error) {
      if (isFatal(error) || !(error instanceof SottoError)) throw error;
      return "unreached";
    }
  }

  /** Begins to connect. */
  start(): void {
    this.device.start();
  }

  /** Ends both connections. Idempotent. */
  close(): void {
    this.greeted.reject(new SottoError("closed"));
    this.device.close();
    this.sealed.close();
  }

  private told({ groupAccounts }: Frame<"welcome">): void {
    this.caps = groupAccounts;
    this.greeted.resolve();
  }
}
