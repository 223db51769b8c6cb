/** From a registered account to a running client. */

import { SottoError } from "@sotto/protocol";
import { closeParts } from "../compose/close-parts.js";
import { compose } from "../compose/compose.js";
import type { ClientParts, Ingredients } from "../compose/parts.js";
import type { AbortSignalLike } from "../ports.js";
import { Client } from "./client.js";

/**
 * Composes the parts of a registered account and begins to connect. With `told` it answers the client once another device
 * told this one who the contacts are, if one does soon.
 *
 * @throws aborted if the signal aborted meanwhile; then everything but the store is closed.
 */
export async function startClient(ingredients: Ingredients, until: "started" | "told"): Promise<Client> {
  const { platform, options } = ingredients;
  const client = new Client(platform.log);
  const parts = await compose(ingredients, client.hooks);
  if (hasAborted(options.signal)) {
    await closeParts(parts);
    throw new SottoError("aborted");
  }
  if (parts.account.current.owing !== undefined) {
    rotateOnceKnown(parts).catch((error: unknown) => client.hooks.failed(error));
  }
  client.start(parts);
  closeOnAbort(client, options.signal);
  if (until === "told") await parts.firstState.known();
  if (!hasAborted(options.signal)) return client;
  await client.close();
  throw new SottoError("aborted");
}

/**
 * The device that this one took the place of knows the profile key, so there is a new one as soon as it is known whom to
 * tell: the other devices, and the contacts. Owed until it is durable, over any number of runs.
 */
async function rotateOnceKnown({ devices, firstState, access, account, store }: ClientParts): Promise<void> {
  await devices.known();
  await firstState.known();
  const { build, after } = await access.rotate();
  await store.commit([...build(), account.change({ owing: undefined })]);
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
