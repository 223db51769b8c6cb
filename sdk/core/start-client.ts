/** From a registered account to a running client. */

import { type DeviceId, SottoError } from "@sotto/protocol";
import { Client } from "./client.js";
import { type ClientParts, closeParts, compose, type Ingredients } from "./compose.js";
import type { AbortSignalLike } from "./ports.js";

/**
 * Composes the parts of a registered account and begins to connect.
 *
 * `replaced` is a device this one took the place of: it knew the profile key, so there is a new one as soon as the other
 * devices are known, who are told of it. Contacts find it beside the next content. A client that ends before that leaves
 * the old key; revoking any device, or blocking somebody, makes up for it.
 *
 * @throws aborted if the signal aborted meanwhile; then everything but the store is closed.
 */
export async function startClient(ingredients: Ingredients, replaced: DeviceId | undefined): Promise<Client> {
  const { platform, options } = ingredients;
  const client = new Client(platform.log);
  const parts = await compose(ingredients, hooksOf(client));
  if (hasAborted(options.signal)) {
    await closeParts(parts);
    throw new SottoError("aborted");
  }
  if (replaced !== undefined) rotateOnceKnown(parts).catch((error: unknown) => client.failed(error));
  client.start(parts);
  closeOnAbort(client, options.signal);
  return client;
}

async function rotateOnceKnown({ devices, access, store }: ClientParts): Promise<void> {
  await devices.known();
  const { build, after } = await access.rotate();
  await store.commit(build());
  for (const tell of after) tell();
}

/** Asked again after every await: the compiler would take the first answer for the last. */
export function hasAborted(signal: AbortSignalLike | undefined): boolean {
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
    transfer: (progress) => client.transferred(progress),
    restoring: () => client.restoring(),
    mailboxFull: () => client.mailboxFull(),
    asked: (account) => client.asked(account),
    contact: (account) => client.contact(account),
    requestsChanged: () => client.requestsChanged(),
    refused: (account, what) => client.refused(account, what),
    deviceLimit: () => client.deviceLimit(),
    devicesChanged: () => client.devicesChanged(),
    linkChanged: (state, reason) => client.linkChanged(state, reason),
    failed: (error) => client.failed(error),
  };
}
