/** Two people with their devices at a real relay, to whom the events of a schedule happen one after the other. */

import { join } from "node:path";
import { type AccountId, type DeviceId, type MessageId, SottoError } from "@sotto/protocol";
import { type Client, createClient } from "@sotto/sdk";
import { World } from "../world.js";
import { type Birth, ChaosDevice, type Common } from "./chaos-device.js";
import { type ChaosEvent, type DeviceName, inWords, type Side, sides } from "./events.js";
import type { KeyWatch } from "./key-watch.js";
import { Ledger, unborn } from "./ledger.js";
import { linkFrom } from "./linking.js";
import { sideOf } from "./model.js";
import { pause, within } from "./patience.js";
import { Movement, untilQuiet } from "./quiet.js";
import { change, isChange, type Said, say } from "./talking.js";

/** One event may take this long. */
const EVENT_MS = 30_000;
/** After a saying, its device gets this long to have it accepted, so that most traffic flows and some piles up. */
const BREATH_MS = 15;
/** Before a device hands over its history, or is revoked at rest. */
const REST_MS = 5_000;
const FIRST_QUIET_MS = 10_000;

type Played = "played" | "skipped";
type Of<Kind extends ChaosEvent["kind"]> = Extract<ChaosEvent, { kind: Kind }>;

/** The world of one run. */
export class ChaosWorld {
  readonly ledger = new Ledger();
  readonly movement = new Movement();
  /** What was wrong at once. */
  readonly wrong: string[] = [];
  private readonly devices = new Map<DeviceName, ChaosDevice>();
  private readonly common: Common;

  private constructor(
    private readonly world: World,
    watch: KeyWatch,
  ) {
    this.common = {
      relay: world.url,
      watch,
      sides: new Map<AccountId, Side>(),
      ledger: this.ledger,
      moved: this.movement.moved,
      wrong: (what) => this.wrong.push(what),
    };
  }

  /** A relay, and two people with one device each who are in touch. */
  static async open(watch: KeyWatch): Promise<ChaosWorld> {
    const world = new ChaosWorld(await World.open(), watch);
    try {
      for (const side of sides) await world.join(world.unborn(side, { name: `${side}-1`, at: -1 }), founding("refuse"));
      for (const device of world.live) await device.meet();
      await world.live[0]?.on?.conversation.requestContact();
      const moving = await world.untilQuiet(FIRST_QUIET_MS);
      if (moving !== undefined) throw new Error(`two people who do not get in touch: ${moving.join(", ")}`);
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  /** Devices that are registered now. */
  get live(): readonly ChaosDevice[] {
    return this.ledger.live().map(({ name }) => this.device(name));
  }

  /** Plays one event. `skipped` if it cannot happen, because an earlier one was left out or failed. */
  async play(event: ChaosEvent, at: number): Promise<Played> {
    try {
      return await within(EVENT_MS, `event ${at}`, this.happen(event, at));
    } catch (error) {
      this.wrong.push(`event ${at} (${inWords(event)}): ${told(error)}`);
      return "played";
    }
  }

  /** Brings everybody online. */
  async gather(): Promise<void> {
    for (const device of this.live) {
      device.rejoin();
      if (device.on !== undefined) continue;
      await device.open();
      await device.meet();
    }
    await Promise.all(this.live.map((device) => device.ready()));
  }

  /** Says one text on every device. */
  async sayGoodbye(at: number): Promise<void> {
    for (const device of this.live) {
      await this.breathe(device, say(this.ledger, device, { at, words: 1 }));
      // Who began anew is a stranger until a word of the other side is there, however slow the machine is.
      if (this.ledger.resets.length > 0) await this.untilQuiet(REST_MS);
    }
  }

  /** Nothing, or what still moves after the limit. */
  untilQuiet(limitMs: number): Promise<readonly string[] | undefined> {
    return untilQuiet(this.live, this.movement, limitMs);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.devices.values()].map((device) => device.leave()));
    await this.world.close();
  }

  private async happen(event: ChaosEvent, at: number): Promise<Played> {
    switch (event.kind) {
      case "relayRestart":
        await this.world.stopRelay();
        await this.world.startRelay();
        return "played";
      case "reset":
        return this.reset(event, at);
      case "link":
        return this.link(event, at);
      case "revoke":
        return this.revoke(event, at);
      default: {
        const device = this.devices.get(event.device);
        if (device === undefined || device.biography.endedAt !== undefined) return "skipped";
        return this.happenTo(device, event, at);
      }
    }
  }

  private async happenTo(
    device: ChaosDevice,
    event: Exclude<ChaosEvent, Of<"relayRestart" | "reset" | "link" | "revoke">>,
    at: number,
  ): Promise<Played> {
    if (event.kind === "restore") return (await device.restore(at)) ? "played" : "skipped";
    if (event.kind === "open") {
      if (device.on !== undefined) return "skipped";
      await device.open();
      await device.meet();
      return "played";
    }
    if (device.on === undefined) return "skipped";
    if (isChange(event)) await this.breathe(device, await change(this.ledger, device, { at, event }));
    else if (event.kind === "send") await this.breathe(device, say(this.ledger, device, { at, words: event.words }));
    else if (event.kind === "close") await device.close(event.copy, at);
    else if (event.kind === "cut") device.cut();
    else if (event.kind === "rejoin") device.rejoin();
    else await device.crash(event, at, () => void say(this.ledger, device, { at, words: 1 }));
    return "played";
  }

  private async breathe(device: ChaosDevice, said: Said | undefined): Promise<void> {
    if (said !== undefined && device.reachable !== undefined) await Promise.race([said.settled, pause(BREATH_MS)]);
  }

  private async link({ donor: from, device: name, history }: Of<"link">, at: number): Promise<Played> {
    const donor = this.devices.get(from);
    if (donor?.reachable === undefined || donor.biography.endedAt !== undefined) return "skipped";
    await donor.ready();
    await this.rest(donor);
    const { client } = donor.reachable;
    const inherits = history === "all" ? (await donor.view()).ids : new Set<MessageId>();
    const device = this.unborn(sideOf(name), { name, at, donor: from, inherits });
    await this.join(device, ({ platform }, options) => linkFrom(client, history, { platform, options }));
    await device.meet();
    return "played";
  }

  private async revoke({ by: from, device: name, manner }: Of<"revoke">, at: number): Promise<Played> {
    const [by, device] = [this.devices.get(from), this.devices.get(name)];
    if (by?.reachable === undefined || by.biography.endedAt !== undefined) return "skipped";
    if (device === undefined || device.biography.endedAt !== undefined) return "skipped";
    if (manner === "settled") {
      await this.rest(device);
      await device.noteSynced();
    }
    await by.ready();
    device.biography.endedAt = at;
    await revoked(by.reachable.client.devices, device.id);
    await device.hearsItsEnd();
    return "played";
  }

  private async reset({ side, device: name }: Of<"reset">, at: number): Promise<Played> {
    const ended = this.ledger.live(side).map((biography) => this.device(biography.name));
    for (const { biography } of ended) biography.endedAt = at;
    this.ledger.resets.push({ side, at });
    const device = this.unborn(side, { name, at });
    await this.join(device, founding("reset"));
    await Promise.all(ended.map((one) => one.hearsItsEnd()));
    await device.meet();
    await device.on?.conversation.requestContact();
    return "played";
  }

  private unborn(
    side: Side,
    {
      donor,
      inherits = new Set(),
      ...life
    }: {
      readonly name: DeviceName;
      readonly at: number;
      readonly donor?: DeviceName;
      readonly inherits?: ReadonlySet<MessageId>;
    },
  ): ChaosDevice {
    const { name, at } = life;
    return new ChaosDevice(
      this.common,
      unborn({ name, side, joinedAt: at, donor, inherits }),
      join(this.world.folder, "clients", name),
    );
  }

  /** The device's first life begins; from its registration on it counts. */
  private async join(device: ChaosDevice, birth: Birth): Promise<void> {
    await device.open(birth);
    this.ledger.born(device.biography);
    this.devices.set(device.name, device);
  }

  /** Waits a while until a device said what it had to say, and knows what was sent to it. */
  private async rest(device: ChaosDevice): Promise<void> {
    if (device.reachable !== undefined) await untilQuiet([device], { silentMs: Number.POSITIVE_INFINITY }, REST_MS);
  }

  private device(name: DeviceName): ChaosDevice {
    const device = this.devices.get(name);
    if (device === undefined) throw new Error(`there is no ${name}`);
    return device;
  }
}

/** A first device from an empty store. */
function founding(existingAccount: "refuse" | "reset"): Birth {
  return (life, options) => createClient(life.platform, { ...options, existingAccount });
}

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? ` ${String(error.code)}` : "";
  return `${error.name}${code}: ${error.message} ${(error.stack ?? "").split("\n").slice(1, 4).join(" ")}`;
}

/** Revokes as an app does: what was lost with the connection is looked up, and asked again if it did not take effect. */
async function revoked(devices: Client["devices"], device: DeviceId): Promise<void> {
  for (;;) {
    try {
      return await devices.revoke(device);
    } catch (error) {
      if (!(error instanceof SottoError)) throw error;
      if (error.code === "unknownDevice") return;
      if (error.code !== "offline") throw error;
    }
  }
}
