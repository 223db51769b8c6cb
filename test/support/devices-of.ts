/** Devices that can be crashed, copied and put back, over a real relay; every message key they use is watched. */

import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { decodeFrame } from "@sotto/protocol";
import { type Client, createClient, type DirectConversation, type Item } from "@sotto/sdk";
import { KeyWatch } from "./chaos/key-watch.js";
import { Life } from "./chaos/life.js";
import { linkFrom } from "./chaos/linking.js";
import { nextEvent, World } from "./world.js";

/** One device's folder and its present life. */
export class WatchedDevice {
  /** Bundles that were asked for in the present life. */
  bundleFetches = 0;
  private life: Life | undefined;
  private running: Client | undefined;

  constructor(
    private readonly world: World,
    private readonly watch: KeyWatch,
    private readonly name: string,
    private readonly userId: string,
  ) {}

  get client(): Client {
    if (this.running === undefined) throw new Error(`${this.name} is not open`);
    return this.running;
  }

  /** Opens what lies in the folder, or registers. Resolves once it is connected. */
  async open(): Promise<Client> {
    const life = this.begin();
    return this.ready(
      await createClient(this.platformOf(life), { relay: this.world.url, userId: this.userId, store: life.choice }),
    );
  }

  /** Joins the account of another device. */
  async joinFrom(donor: Client, history: "none" | "all"): Promise<Client> {
    const life = this.begin();
    const options = { store: life.choice, userId: this.userId };
    return this.ready(await linkFrom(donor, history, { platform: this.platformOf(life), options }));
  }

  /** Ends as an app should. */
  async close(): Promise<void> {
    await this.running?.close();
    this.running = undefined;
  }

  /** Ends without a word. */
  async crash(): Promise<void> {
    this.running = undefined;
    this.life?.die();
    await this.life?.store.bury();
  }

  /** Keeps a copy of the folder, which is closed. */
  async copy(): Promise<void> {
    await rm(this.kept, { recursive: true, force: true });
    await cp(this.folder, this.kept, { recursive: true });
  }

  /** Puts the copy in the place of the folder, which is closed. */
  async restore(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    await cp(this.kept, this.folder, { recursive: true });
  }

  private get folder(): string {
    return join(this.world.folder, "devices", this.name);
  }

  private get kept(): string {
    return `${this.folder}.kept`;
  }

  private begin(): Life {
    this.bundleFetches = 0;
    const nobody = () => undefined;
    this.life = new Life({ folder: this.folder, watch: this.watch, moved: nobody, warned: nobody, accepted: nobody });
    return this.life;
  }

  private platformOf({ platform }: Life): Life["platform"] {
    return {
      ...platform,
      dial: (url, events) => {
        const socket = platform.dial(url, events);
        return {
          ...socket,
          send: (bytes) => {
            if (decodeFrame(bytes, "toRelay").type === "fetchBundles") this.bundleFetches += 1;
            socket.send(bytes);
          },
        };
      },
    };
  }

  private async ready(client: Client): Promise<Client> {
    this.running = client;
    if (client.state !== "ready") {
      await nextEvent<{ state: string }>(client, "state", ({ state }) => state === "ready");
    }
    return client;
  }
}

/** A relay, devices at it, and the watch over the keys they use. */
export class WatchedWorld {
  private readonly watch = new KeyWatch();
  private readonly devices: WatchedDevice[] = [];

  private constructor(private readonly world: World) {}

  /** Starts a relay without devices. */
  static async open(): Promise<WatchedWorld> {
    return new WatchedWorld(await World.open());
  }

  /** A device of a user, which registers or joins when it is opened. */
  device(name: string, userId = name): WatchedDevice {
    const made = new WatchedDevice(this.world, this.watch, name, userId);
    this.devices.push(made);
    return made;
  }

  /** The keys that were used more than once: none. */
  async repeatedKeys(): Promise<readonly unknown[]> {
    return (await this.watch.findings()).repeated;
  }

  /** Ends the devices, then the relay. */
  async close(): Promise<void> {
    for (const device of this.devices) await device.close();
    await this.world.close();
  }
}

/** Items that are read at once. */
const PAGE = 1_000;

/** What a conversation shows, one line for each item that is a message, in its canonical order. */
export async function shownIn(conversation: DirectConversation): Promise<readonly string[]> {
  let items: readonly Item[] = [];
  for (;;) {
    const page = await conversation.latest(PAGE, { before: items[0]?.order });
    items = [...page, ...items];
    // A page may be short: what shows nothing is left out of it.
    if (page.length === 0) break;
  }
  return items.filter((item) => item.kind !== "keychange" && item.kind !== "profile").map(lineOf);
}

function lineOf(item: Item): string {
  const reactions = "reactions" in item ? item.reactions.map(({ emoji }) => emoji).join("") : "";
  const text = "text" in item ? item.text : "";
  return [item.direction, item.kind, text, reactions].filter((part) => part !== "").join(" ");
}

/** Looks again until it is so; says what it saw last if it never is. */
export async function eventually<T>(look: () => Promise<T>, isSo: (seen: T) => boolean, withinMs = 20_000): Promise<T> {
  const endMs = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    if (Date.now() > endMs) throw new Error(`it never came to be; last seen: ${JSON.stringify(seen).slice(0, 4_000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
