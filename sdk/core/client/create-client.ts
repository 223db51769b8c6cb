/** From options to a client: store opened, account registered, parts composed, connection begun. */

import { SottoError } from "@sotto/protocol";
import { OwnAccount } from "../account/own-account.js";
import { createAccount, type RegistrationShell, register } from "../account/registration.js";
import { type CheckedOptions, type ClientOptions, checkOptions } from "../options.js";
import type { Platform } from "../ports.js";
import { SealedStore } from "../storage/sealed-store.js";
import { RootPin } from "../trust/root-pin.js";
import type { Client } from "./client.js";
import { hasAborted, startClient } from "./start-client.js";

/**
 * Opens or registers an account's device and answers its client, which connects by itself from then on.
 *
 * The first time, the relay has to be reached; later it works offline at once and catches up. If it rejects, the store
 * is closed again and what was there before is unchanged.
 *
 * @throws invalidArgument, engineMissing, storeInUse, wrongKey, storeVersion, storeCorrupt, wrongAccount; and at the
 *   first time badToken, registrationClosed, accountExists, wrongRoot, rootRequired, offline; and DeviceLimitError for a
 *   store that `linkDevice` left behind unregistered, for which `replaces` names the device to replace.
 */
export async function createClient(platform: Platform, options: ClientOptions): Promise<Client> {
  const checked = checkOptions(options);
  if (hasAborted(checked.signal)) throw new SottoError("aborted");
  const engine = await platform.engine();
  const store = await SealedStore.open(checked.store, platform);
  try {
    const found = await loadAccount(store, checked);
    const rootPin = new RootPin(checked.relayRoot, found?.current.root, platform.log);
    const shell: RegistrationShell = { platform, options: checked, store, engine, rootPin };
    const account = found ?? (await createAccount(shell));
    if (!account.isRegistered) await register(shell, account, checked);
    return await startClient({ ...shell, account }, "started");
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * The account of the store. One that was to be the first device and never got registered binds it to nothing, and is made
 * anew for another relay or user; what an old device handed over is not thrown away like that.
 */
async function loadAccount(store: SealedStore, options: CheckedOptions): Promise<OwnAccount | undefined> {
  const found = await OwnAccount.load(store);
  if (found === undefined) return undefined;
  try {
    assertSame(found, options);
    return found;
  } catch (error) {
    if (found.isRegistered || found.current.mode === "add") throw error;
    return undefined;
  }
}

/** A store belongs to one user at one relay; opening it as another would mix two people's messages. */
function assertSame({ current }: OwnAccount, { url, userId }: CheckedOptions): void {
  if (current.relay !== url) throw new SottoError("wrongAccount", { detail: "the store was made for another relay" });
  if (userId !== undefined && current.userId !== undefined && current.userId !== userId) {
    throw new SottoError("wrongAccount", { detail: "the store was made for another user" });
  }
}
