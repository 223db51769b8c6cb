/** How an account's keys are asked for: with its delivery key, as a fellow member of a group, or as ourselves. */

import {
  type AccountId,
  accessTag,
  type DeviceId,
  deriveDeliveryKey,
  type Frame,
  fetchContext,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Relay } from "../relay.js";
import type { Peers } from "./peers.js";

/** What the log of a group says of one who shares it: nothing is encrypted to another identity on its behalf. */
export interface Fellow {
  readonly identityKey: Uint8Array;
  /** Hashes that may be that of its delivery key, the likeliest first: they let its keys be asked for without a name. */
  readonly deliveryKeyHashes: readonly Uint8Array[];
}

/** What fetching works with. */
interface FetchParts {
  readonly account: OwnAccount;
  readonly peers: Pick<Peers, "get">;
  readonly relay: {
    readonly device: Pick<Relay["device"], "request">;
    readonly anonymous: Pick<Relay["anonymous"], "request">;
  };
}

/**
 * The bundles of the listed devices of an account, or of all it has if the list is empty. Of a fellow they are asked for
 * without a name, or not at all: the relay is not told who shares a group with whom.
 *
 * @throws notAllowed, offline and the like.
 */
export async function fetchBundles(
  parts: FetchParts,
  account: AccountId,
  { devices, fellow }: { readonly devices: readonly DeviceId[]; readonly fellow: Fellow | undefined },
): Promise<Frame<"bundles">> {
  const { relay, peers, account: own } = parts;
  if (account === own.id) return relay.device.request({ type: "fetchBundles", account, devices });
  if (fellow !== undefined) return fetchAsFellow(relay.anonymous, { account, devices }, fellow);
  const { profileKey } = await peers.get(account);
  if (profileKey !== undefined) {
    try {
      const deliveryKey = deriveDeliveryKey(profileKey);
      return await relay.anonymous.request({ type: "fetchBundles", account, devices, deliveryKey });
    } catch (error) {
      // The key may have been rotated; as ourselves we may still ask.
      if (!isRefused(error)) throw error;
    }
  }
  return relay.device.request({ type: "fetchBundles", account, devices });
}

async function fetchAsFellow(
  anonymous: FetchParts["relay"]["anonymous"],
  asked: { readonly account: AccountId; readonly devices: readonly DeviceId[] },
  { deliveryKeyHashes }: Fellow,
): Promise<Frame<"bundles">> {
  for (const hash of deliveryKeyHashes) {
    try {
      const shown = accessTag(fetchContext, asked.account, hash);
      return await anonymous.request({ type: "fetchBundles", ...asked, accessTag: shown });
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
  }
  throw new SottoError("notAllowed", { detail: "no delivery key of this member that is known is good" });
}

function isRefused(error: unknown): boolean {
  return error instanceof SottoError && error.code === "notAllowed";
}
