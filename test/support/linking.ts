/** Linking devices in scenarios: both users, and what each of them sees and types. */

import { join } from "node:path";
import { type Client, type DeviceLink, type LinkOptions, levelStore, linkDevice } from "@sotto/sdk/node";
import { expect } from "vitest";
import type { World } from "./world.js";

/** A new device on its way into an account. */
export interface Linking {
  /** Resolves with the code its user sees. */
  readonly shown: Promise<string>;
  readonly client: Promise<Client>;
}

/** Links devices of one world and closes them with it. */
export class Linker {
  private readonly opened = new Set<Client>();

  constructor(private readonly world: World) {}

  /** The store of a device. */
  storeOf(name: string): LinkOptions["store"] {
    return levelStore(join(this.world.folder, "clients", name));
  }

  /** Begins to link a device of alice's; its user says yes to the code, unless `over` says otherwise. */
  begin(uri: string, name: string, over: Partial<LinkOptions> = {}): Linking {
    let show: (code: string) => void = () => undefined;
    const shown = new Promise<string>((resolve) => {
      show = resolve;
    });
    const { confirm = () => true, ...rest } = over;
    const client = linkDevice(uri, {
      userId: "alice",
      store: this.storeOf(name),
      deviceName: name,
      ...rest,
      confirm: (code) => {
        show(code);
        return confirm(code);
      },
    });
    client.then(
      (created) => this.keep(created),
      () => undefined,
    );
    return { shown, client };
  }

  /** Links one more device to the account of `old`. */
  async link(old: Client, name: string, over: Partial<LinkOptions> = {}): Promise<Client> {
    const link = await old.devices.createLink();
    const { shown, client } = this.begin(link.uri, name, over);
    await link.confirm(await sharedCode(link, shown));
    return client;
  }

  /** Closes a client at the end. */
  keep(client: Client): Client {
    this.opened.add(client);
    return client;
  }

  /** Closes every device. */
  async close(): Promise<void> {
    await Promise.all([...this.opened].map((client) => client.close()));
  }
}

/** The code, once both sides show it. */
export async function sharedCode(link: DeviceLink, shown: Promise<string>): Promise<string> {
  const { code } = await link.joined;
  expect(await shown).toBe(code);
  return code;
}
