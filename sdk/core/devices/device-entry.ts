/** A device of the account as its owner sees it. */

import type { DeviceId, Frame } from "@sotto/protocol";
import type { DeviceNames } from "./device-names.js";

const DAY_MS = 24 * 3_600_000;

/** A device of the account, as the relay lists it. */
export type ListedDevice = Frame<"deviceList">["devices"][number];

/** A device of the account. */
export interface DeviceEntry {
  readonly device: DeviceId;
  /** What its owner called it; none if it has no name, or one that this device cannot open. */
  readonly name: string | undefined;
  /** When it was registered, by the relay's clock. */
  readonly addedMs: number;
  /** The beginning of the day it was last connected; the relay keeps nothing finer. */
  readonly seenMs: number;
  readonly current: "this" | "other";
}

/** The entry of a listed device; its name is opened where the keys are at hand. */
export function entryOf(listed: ListedDevice, own: DeviceId | undefined, names: DeviceNames | undefined): DeviceEntry {
  const { device, registrationId, addedMs, seenDay, name } = listed;
  return {
    device,
    name: name === undefined ? undefined : names?.open(name, registrationId),
    addedMs,
    seenMs: seenDay * DAY_MS,
    current: device === own ? "this" : "other",
  };
}
