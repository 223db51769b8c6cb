/**
 * Draws a schedule: the same seed gives the same events, and a shorter schedule is the beginning of a longer one. It
 * depends on nothing that happens while it is played, so a failed run is replayed by its seed and length.
 */

import { type SeededRandom, seededRandom } from "../crash/seeded-random.js";
import type { ChaosEvent, Side } from "./events.js";
import { after, beginning, MAX_DEVICES, type Model, type ModelDevice, nextName } from "./model.js";

/** How often each kind is drawn, in parts of their sum; events that cannot happen are drawn again. */
const weights = {
  send: 480,
  edit: 60,
  delete: 25,
  react: 60,
  unreact: 15,
  read: 60,
  open: 90,
  close: 35,
  cut: 30,
  rejoin: 45,
  crash: 25,
  restore: 14,
  link: 22,
  revoke: 9,
  relayRestart: 5,
  reset: 4,
} as const satisfies Record<ChaosEvent["kind"], number>;

type Kind = ChaosEvent["kind"];

/** Batches a crash lets through at most. */
const MAX_WRITES_BEFORE_CRASH = 6;
/** Texts are this many words long at most. */
const MAX_WORDS = 40;

/** The first `count` events of a seed. */
export function schedule(seed: number, count: number): readonly ChaosEvent[] {
  const random = seededRandom(seed);
  const events: ChaosEvent[] = [];
  let model: Model = beginning;
  while (events.length < count) {
    const event = draw(model, kindOf(random), random);
    if (event === undefined) continue;
    events.push(event);
    model = after(model, event);
  }
  return events;
}

function kindOf(random: SeededRandom): Kind {
  const kinds = Object.entries(weights) as [Kind, number][];
  let at = random.below(kinds.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [kind, weight] of kinds) {
    if (at < weight) return kind;
    at -= weight;
  }
  return "send";
}

/** An event of a kind, or nothing if no device is fit for it. */
function draw(model: Model, kind: Kind, random: SeededRandom): ChaosEvent | undefined {
  const pick = <T>(from: readonly T[]): T | undefined => from[random.below(Math.max(from.length, 1))];
  const which = (fits: (device: ModelDevice) => boolean) => pick(model.devices.filter(fits));
  const half = <A, B>(one: A, two: B) => (random.below(2) === 0 ? one : two);
  const isOn = ({ power }: ModelDevice) => power === "on";
  const isReachable = ({ power, net }: ModelDevice) => power === "on" && net === "up";
  const devicesOf = (side: Side) => model.devices.filter((device) => device.side === side);

  switch (kind) {
    case "send": {
      const device = which(isOn)?.name;
      return device === undefined ? undefined : { kind, device, words: 1 + random.below(MAX_WORDS) };
    }
    case "edit":
    case "delete":
    case "react":
    case "unreact":
    case "read": {
      const device = which(isOn)?.name;
      return device === undefined ? undefined : { kind, device, chance: random.below(1_000) / 1_000 };
    }
    case "link": {
      const donor = which((device) => isReachable(device) && devicesOf(device.side).length < MAX_DEVICES);
      if (donor === undefined) return undefined;
      return { kind, donor: donor.name, device: nextName(model, donor.side), history: half("none", "all") };
    }
    case "revoke": {
      const by = which((device) => isReachable(device) && devicesOf(device.side).length > 1);
      if (by === undefined) return undefined;
      const device = pick(devicesOf(by.side).filter((one) => one !== by));
      return device === undefined
        ? undefined
        : { kind, by: by.name, device: device.name, manner: half("settled", "abrupt") };
    }
    case "close": {
      const device = which(isOn)?.name;
      return device === undefined ? undefined : { kind, device, copy: half("kept", "none") };
    }
    case "crash": {
      const device = which(isOn)?.name;
      if (device === undefined) return undefined;
      const afterWrites = random.below(MAX_WRITES_BEFORE_CRASH);
      return { kind, device, afterWrites, lastWrite: half("kept", "lost"), copy: half("kept", "none") };
    }
    case "open": {
      const device = which(({ power }) => power === "off")?.name;
      return device === undefined ? undefined : { kind, device };
    }
    case "cut": {
      const device = which(isReachable)?.name;
      return device === undefined ? undefined : { kind, device };
    }
    case "rejoin": {
      const device = which(({ power, net }) => power === "on" && net === "cut")?.name;
      return device === undefined ? undefined : { kind, device };
    }
    case "restore": {
      const device = which(({ power, copy }) => power === "off" && copy === "kept")?.name;
      return device === undefined ? undefined : { kind, device };
    }
    case "relayRestart":
      return { kind };
    case "reset": {
      const side = half<Side, Side>("alice", "bob");
      return { kind, side, device: nextName(model, side) };
    }
    default:
      return kind satisfies never;
  }
}
