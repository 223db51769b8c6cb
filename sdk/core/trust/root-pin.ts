/** The relay's root: pinned by the app, or on first use in development mode, and never changed silently. */

import { equalBytes, type Frame, rootFingerprint, SottoError } from "@sotto/protocol";
import type { Log } from "../ports.js";

const FINGERPRINT = /^sha256:[0-9a-f]{64}$/;

/** Checks roots against the pin and remembers the one that passed. */
export class RootPin {
  private mode: "off" | "on" = "off";

  constructor(
    /** The app's pin, `sha256:` and 64 hex digits. */
    private readonly pinned: string | undefined,
    /** The root that passed in an earlier run. */
    private known: Uint8Array | undefined,
    private readonly log: Log,
  ) {
    if (pinned !== undefined && !FINGERPRINT.test(pinned)) {
      throw new SottoError("invalidArgument", { detail: "relayRoot is written sha256: and 64 hex digits" });
    }
  }

  /** The roots that sender certificates are checked against. */
  readonly roots = (): readonly Uint8Array[] => (this.known === undefined ? [] : [this.known]);

  /** The root that passed, for storing it. */
  get root(): Uint8Array | undefined {
    return this.known;
  }

  /** Whether the relay that passed last runs in development mode. */
  get isDevelopment(): boolean {
    return this.mode === "on";
  }

  /**
   * Accepts a relay's challenge.
   *
   * @throws wrongRoot if it is not the pinned root; rootRequired without a pin, except in development mode, where the
   *   first root seen is trusted from then on.
   */
  readonly check = ({ root, development }: Frame<"challenge">): void => {
    if (this.pinned !== undefined) {
      if (rootFingerprint(root) !== this.pinned) throw new SottoError("wrongRoot");
      this.known = root.slice();
      this.mode = development;
      return;
    }
    if (this.known !== undefined) {
      if (!equalBytes(root, this.known)) throw new SottoError("wrongRoot");
      this.mode = development;
      return;
    }
    if (development === "off") throw new SottoError("rootRequired");
    this.log("warn", "trusting the relay's root on first use: for development only, pass relayRoot in production");
    this.known = root.slice();
    this.mode = development;
  };
}
