/** What the devices of one account tell each other through a relay: a device with the history, and one that died on its way. */

import { decodeLinkUri, deriveDeliveryKey } from "@sotto/protocol";
import { type Client, type LinkOptions, levelStore, linkDevice, nodePlatform } from "@sotto/sdk/node";
import { OwnAccount } from "../../../sdk/core/account/own-account.js";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { nextEvent } from "../../support/world.js";
import { Needle } from "./needle.js";

/** A device on its way into an account. */
export interface NewDevice {
  readonly deviceName: string;
  /** The folder of its store. */
  readonly folder: string;
  readonly auth: NonNullable<LinkOptions["auth"]>;
}

/** A link's parts: what only its URI holds, and by what the relay knows it. */
export interface LinkNeedles {
  readonly secret: Needle;
  readonly id: Needle;
}

/** Links a device and sends it the whole history; resolves once all of it is durable there. */
export async function linkWithHistory(
  old: Client,
  device: NewDevice,
): Promise<{ readonly client: Client; readonly link: LinkNeedles }> {
  const { link, joining } = await join(old, "all", device);
  const client = await joining;
  await nextEvent<{ direction: string; done: number; total: number }>(
    client,
    "transfer",
    ({ direction, done, total }) => direction === "receiving" && done === total,
  );
  return { client, link };
}

/**
 * Hands the account over to a device that dies before it registers: until the link's ten minutes are over, all its steps
 * lie at the relay.
 */
export async function handOverInVain(old: Client, device: Omit<NewDevice, "auth">): Promise<LinkNeedles> {
  const dead = new Error("dead before it registered");
  const { link, joining } = await join(old, "none", { ...device, auth: () => Promise.reject(dead) });
  const outcome = await joining.catch((error: unknown) => error);
  if (outcome !== dead) throw new Error("the device should have died", { cause: outcome });
  return link;
}

async function join(old: Client, history: "none" | "all", { folder, ...rest }: NewDevice) {
  const link = await old.devices.createLink({ history });
  const offer = decodeLinkUri(link.uri);
  const joining = linkDevice(link.uri, {
    ...rest,
    store: levelStore(folder),
    confirm: async (code) => {
      await link.joined;
      // Whoever waits for the device hears how it went; this only types.
      link.confirm(code).catch(() => undefined);
      return true;
    },
  });
  const needles = {
    secret: Needle.ofBytes("a link's secret", offer.secret),
    id: Needle.ofText("a link's id", Buffer.from(offer.link).toString("hex")),
  };
  return { link: needles, joining };
}

/** The private keys in the store of a client that closed. */
export interface Keys {
  /** What no relay ever hears. */
  readonly secret: readonly Needle[];
  /** What others show the relay to write to this account, and it may keep nowhere. */
  readonly deliveryKey: Needle;
}

/** Reads the keys of a closed client; `who` names them. */
export async function keysOf(who: string, folder: string): Promise<Keys> {
  const store = await SealedStore.open(levelStore(folder), nodePlatform);
  try {
    const account = await OwnAccount.load(store);
    if (account === undefined) throw new Error("nobody registered in this store");
    const { identityPrivate, devicePrivate, profileKey, resume } = account.current;
    if (resume === undefined) throw new Error(`the client of ${who} was not closed in peace`);
    return {
      secret: [
        Needle.ofBytes(`the identity key of ${who}`, identityPrivate),
        Needle.ofBytes(`the device key of ${who}`, devicePrivate),
        Needle.ofBytes(`the profile key of ${who}`, profileKey),
        Needle.ofBytes(`the token that ${who} comes back with`, resume),
      ],
      deliveryKey: Needle.ofBytes(`the delivery key of ${who}`, deriveDeliveryKey(profileKey)),
    };
  } finally {
    await store.close();
  }
}

/** Resolves once everything a client has to send was taken by the relay. */
export async function outboxEmpty(client: Client): Promise<void> {
  while ((await client.debugBundle()).outboxSize > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}
