/** From options to a client: store opened, account registered, parts composed, connection begun. */

import { SottoError } from "@sotto/protocol";
import { OwnAccount } from "./account/own-account.js";
import { createAccount, type RegistrationShell, register } from "./account/registration.js";
import { Client } from "./client.js";
import { closeParts, compose } from "./compose.js";
import { type CheckedOptions, type ClientOptions, checkOptions } from "./options.js";
import type { AbortSignalLike, Platform } from "./ports.js";
import { SealedStore } from "./storage/sealed-store.js";
import { RootPin } from "./trust/root-pin.js";

/**
 * Opens or registers an account's device and answers its client, which connects by itself from then on.
 *
 * The first time, the relay has to be reached; later it works offline at once and catches up. If it rejects, the store
 * is closed again and what was there before is unchanged.
 *
 * @throws invalidArgument, engineMissing, storeInUse, wrongKey, storeVersion, storeCorrupt, wrongAccount; and at the
 *   first time badToken, registrationClosed, accountExists, deviceLimit, wrongRoot, rootRequired, offline.
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
    if (!account.isRegistered) await register(shell, account);

    const client = new Client(platform.log);
    const parts = await compose({ ...shell, account }, hooksOf(client));
    if (hasAborted(checked.signal)) {
      await closeParts(parts);
      throw new SottoError("aborted");
    }
    client.start(parts);
    closeOnAbort(client, checked.signal);
    return client;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Asked again after every await: the compiler would take the first answer for the last. */
function hasAborted(signal: AbortSignalLike | undefined): boolean {
  return signal?.aborted === true;
}

function closeOnAbort(client: Client, signal: AbortSignalLike | undefined): void {
  if (signal === undefined) return;
  const abort = () => void client.close();
  signal.addEventListener("abort", abort, { once: true });
  client.addEventListener("state", ({ state }) => state === "closed" && signal.removeEventListener("abort", abort));
}

function hooksOf(client: Client): Parameters<typeof compose>[1] {
  return {
    arrived: (state, sequence) => client.arrived(state, sequence),
    keyChanged: (account) => client.keyChanged(account),
    gap: (missed) => client.gap(missed),
    mailboxFull: () => client.mailboxFull(),
    linkChanged: (state, reason) => client.linkChanged(state, reason),
    failed: (error) => client.failed(error),
  };
}

/** The account of the store; one that never got registered binds it to nothing, and is made anew for another relay or user. */
async function loadAccount(store: SealedStore, options: CheckedOptions): Promise<OwnAccount | undefined> {
  const found = await OwnAccount.load(store);
  if (found === undefined) return undefined;
  try {
    assertSame(found, options);
    return found;
  } catch (error) {
    if (found.isRegistered) throw error;
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
