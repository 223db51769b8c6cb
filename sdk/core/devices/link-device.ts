/** From a link's URI to a client: the new device joins, is handed the account, registers, and starts. */

import { type DeviceId, decodeLinkUri, type LinkOffer, SottoError, toHex } from "@sotto/protocol";
import { OwnAccount } from "../account/own-account.js";
import { adoptAccount, type RegistrationShell, register } from "../account/registration.js";
import type { Client } from "../client/client.js";
import { startClient } from "../client/start-client.js";
import { type ClientOptions, checkOptions } from "../options.js";
import type { Platform } from "../ports.js";
import { SealedStore } from "../storage/sealed-store.js";
import { RootPin } from "../trust/root-pin.js";
import type { DeviceEntry } from "./device-entry.js";
import { join } from "./joining.js";

/** How a device is linked. The relay and its root come from the link. */
export type LinkOptions = Omit<ClientOptions, "relay" | "relayRoot" | "existingAccount" | "replaces"> & {
  /** Shows the code; answers whether the user found the same one on the old device. */
  readonly confirm: (code: string) => Promise<boolean> | boolean;
  /**
   * The account has as many devices as it may have: answers which of them this one replaces. Without it, or without an
   * answer, `linkDevice` throws DeviceLimitError, and `createClient` on the same store finishes once there is room.
   */
  readonly onDeviceLimit?: (devices: readonly DeviceEntry[]) => Promise<DeviceId | undefined>;
};

/**
 * Makes this a further device of the account that shows the link, and answers its started client, as soon as another
 * device told it who the contacts are; if none does within ten seconds, all the same.
 *
 * Until both users confirmed the code nothing is handed over, and the store stays empty. What is handed over is stored
 * before the registration: after a crash or an error from there on, `createClient` on the same store finishes it, without
 * the old device.
 *
 * @throws invalidArgument if the URI is no link; unsupportedVersion; linkUsed, linkExpired, linkInvalid, linkDeclined:
 *   make another link; wrongAccount if the store holds an account already, or the account is another user's; wrongRoot;
 *   DeviceLimitError; what `confirm` threw; and what `createClient` throws.
 */
export async function linkDevice(platform: Platform, uri: string, options: LinkOptions): Promise<Client> {
  const offer = decodeLinkUri(uri);
  const { confirm, onDeviceLimit, ...rest } = options;
  if (typeof confirm !== "function") {
    throw new SottoError("invalidArgument", { detail: "confirm shows the code and says whether it is the same" });
  }
  const checked = checkOptions({ ...rest, relay: offer.relay, relayRoot: `sha256:${toHex(offer.root)}` });
  if (checked.signal?.aborted) throw new SottoError("aborted");
  const engine = await platform.engine();
  const store = await SealedStore.open(checked.store, platform);
  try {
    await assertEmpty(store);
    const rootPin = new RootPin(checked.relayRoot, undefined, platform.log);
    const shell: RegistrationShell = { platform, options: checked, store, engine, rootPin };
    const account = await adopt(shell, offer, confirm);
    await register(shell, account, { onDeviceLimit });
    return await startClient({ ...shell, account }, "told");
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function adopt(shell: RegistrationShell, offer: LinkOffer, confirm: LinkOptions["confirm"]): Promise<OwnAccount> {
  const { platform, engine, options, rootPin } = shell;
  const { plaintext, deviceName, signal, userId } = options;
  const registrationId = engine.generateRegistrationId();
  const shared = { platform, engine, offer, plaintext, deviceName, registrationId, signal, confirm };
  const provision = await join({ ...shared, checkRoot: rootPin.check });
  if (userId !== undefined && provision.userId !== undefined && provision.userId !== userId) {
    throw new SottoError("wrongAccount", { detail: "the link belongs to another user" });
  }
  return adoptAccount(shell, provision, registrationId);
}

/** A store with an account's keys is never overwritten; one whose registration never came about holds nothing of worth. */
async function assertEmpty(store: SealedStore): Promise<void> {
  const found = await OwnAccount.load(store);
  if (found === undefined || (!found.isRegistered && found.current.mode === "first")) return;
  throw new SottoError("wrongAccount", { detail: "the store holds an account; open it with createClient" });
}
