/** What a schedule knows of the devices it moves: enough to draw only events that can happen. Pure. */

import { type ChaosEvent, type DeviceName, type Side, sides } from "./events.js";

/** A device as a schedule sees it. */
export interface ModelDevice {
  readonly name: DeviceName;
  readonly side: Side;
  readonly power: "on" | "off";
  readonly net: "up" | "cut";
  readonly copy: "kept" | "none";
}

/** All live devices, and how many each side ever had. */
export interface Model {
  readonly devices: readonly ModelDevice[];
  readonly ever: Readonly<Record<Side, number>>;
}

/** Devices a side has at most at a time. */
export const MAX_DEVICES = 3;

const fresh = (side: Side, number: number): ModelDevice => ({
  name: `${side}-${number}`,
  side,
  power: "on",
  net: "up",
  copy: "none",
});

/** One device each, in touch with each other. */
export const beginning: Model = { devices: sides.map((side) => fresh(side, 1)), ever: { alice: 1, bob: 1 } };

/** The name of a side's next device. */
export function nextName({ ever }: Model, side: Side): DeviceName {
  return `${side}-${ever[side] + 1}`;
}

/** The model after an event that could happen. */
export function after(model: Model, event: ChaosEvent): Model {
  switch (event.kind) {
    case "send":
    case "edit":
    case "delete":
    case "react":
    case "unreact":
    case "read":
    case "relayRestart":
      return model;
    case "link":
      return joined(model, sideOf(event.device));
    case "reset":
      return joined({ ...model, devices: model.devices.filter(({ side }) => side !== event.side) }, event.side);
    case "revoke":
      return { ...model, devices: model.devices.filter(({ name }) => name !== event.device) };
    case "close":
    case "crash":
      return changed(model, event.device, (device) => ({
        power: "off",
        net: "up",
        copy: event.copy === "kept" ? "kept" : device.copy,
      }));
    case "open":
      return changed(model, event.device, () => ({ power: "on" }));
    case "cut":
      return changed(model, event.device, () => ({ net: "cut" }));
    case "rejoin":
      return changed(model, event.device, () => ({ net: "up" }));
    case "restore":
      return changed(model, event.device, () => ({ copy: "none" }));
    default:
      return event satisfies never;
  }
}

/** Whose device a name names. */
export function sideOf(name: DeviceName): Side {
  return name.startsWith("alice") ? "alice" : "bob";
}

function joined(model: Model, side: Side): Model {
  const number = model.ever[side] + 1;
  return { devices: [...model.devices, fresh(side, number)], ever: { ...model.ever, [side]: number } };
}

function changed(model: Model, name: DeviceName, change: (device: ModelDevice) => Partial<ModelDevice>): Model {
  return {
    ...model,
    devices: model.devices.map((device) => (device.name === name ? { ...device, ...change(device) } : device)),
  };
}
