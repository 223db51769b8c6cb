/** Why a connection ended, as the error a program sees, and what the link does about it. */

import { closeCodes, type FailureCode, type Frame, failureFromWire, SottoError } from "@sotto/protocol";
import { type DeviceEntry, entryOf, type ListedDevice } from "../devices/device-entry.js";
import type { DeviceNames } from "../devices/device-names.js";

/** The longest `retryAfterMs` an error repeats from a relay: an hour. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * The account has as many devices as the relay allows. `devices` are all of them: one has to go, revoked by another
 * device, or replaced by the new one with `replaces` or `onDeviceLimit`.
 */
export class DeviceLimitError extends SottoError {
  readonly devices: readonly DeviceEntry[];
  readonly #listed: readonly ListedDevice[];

  constructor(listed: readonly ListedDevice[], names?: DeviceNames) {
    super("deviceLimit");
    this.#listed = listed;
    this.devices = listed.map((device) => entryOf(device, undefined, names));
  }

  /** The same with the devices' names, for who can open them. */
  named(names: DeviceNames): DeviceLimitError {
    return new DeviceLimitError(this.#listed, names);
  }
}

/** The error that a `failed` or `refused` frame spells. A failure number that no row has is `badRelay`. */
export function errorFromFrame(frame: Frame<"failed" | "refused">): SottoError {
  const code = failureFromWire(frame.failure);
  if (code === undefined) return new SottoError("badRelay", { detail: `unknown failure ${frame.failure}` });
  if (code === "deviceLimit" && frame.type === "refused") {
    // The names are views of the frame.
    return new DeviceLimitError(frame.devices.map((device) => ({ ...device, name: device.name?.slice() })));
  }
  return new SottoError(
    code,
    frame.retryAfterMs === undefined ? {} : { retryAfterMs: Math.min(frame.retryAfterMs, MAX_RETRY_AFTER_MS) },
  );
}

/** How far a connection had come when it closed: its answer to the challenge unsent, sent, or accepted. */
export type Progress = "greeting" | "proving" | "live";

const codeOfClose = new Map<number, FailureCode>([
  // RFC 6455 §7.4.1: broken framing, text, broken UTF-8, too large. Whoever says it, the relay's side is broken: a link
  // sends binary frames below the limit only.
  [1002, "badRelay"],
  [1003, "badRelay"],
  [1007, "badRelay"],
  [1009, "badRelay"],
  [closeCodes.badFrame, "badFrame"],
  [closeCodes.revoked, "badCredentials"],
  [closeCodes.displaced, "displaced"],
  [closeCodes.silent, "timeout"],
  [closeCodes.flooding, "tooManyRequests"],
  [closeCodes.internal, "internal"],
  [closeCodes.unavailable, "busy"],
]);

/**
 * The error behind a WebSocket close code; `offline` for every code that is not the relay's own.
 *
 * 4401 behind the device's proof means that the proof was refused; on a live connection it asks for a new greeting.
 */
export function errorFromClose(closeCode: number, progress: Progress): SottoError {
  const isProofRefused = closeCode === closeCodes.unauthenticated && progress === "proving";
  const code = isProofRefused ? "badCredentials" : (codeOfClose.get(closeCode) ?? "offline");
  return new SottoError(code, { detail: `the connection closed with ${closeCode}` });
}

/** What a link does after a loss: dial again soon, dial again slowly, or stop for good. */
export type Verdict = "soon" | "slow" | "end";

/**
 * What to do about the error that ended a connection.
 *
 * Only what no later connection of this program can mend ends the link. Another root does not: the right relay may be
 * back after a captive portal, a wrong DNS answer or a restore.
 */
export function verdictOn(code: FailureCode): Verdict {
  switch (code) {
    case "badCredentials":
    case "displaced":
    case "unsupportedVersion":
    case "rootRequired":
      return "end";
    case "offline":
    case "timeout":
    case "busy":
    case "internal":
    case "badRelay":
    case "badFrame":
    case "tooManyRequests":
      return "soon";
    default:
      return "slow";
  }
}
