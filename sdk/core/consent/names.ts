/** What people are called at the host: what they claim is worth nothing until the relay says the same. */

import { type AccountId, SottoError } from "@sotto/protocol";
import { isFatal } from "../fatal.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Relay } from "../relay.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** What confirming works with. */
export interface NameParts {
  readonly store: SealedStore;
  readonly peers: Peers;
  readonly locks: KeyedLock;
  readonly relay: { readonly device: Pick<Relay["device"], "state" | "request"> };
}

/** Confirms names. */
export class Names {
  constructor(private readonly parts: NameParts) {}

  /** The host's name of an account, if it is known or the relay confirms the one that was claimed; `undefined` offline. */
  async confirmed(account: AccountId): Promise<string | undefined> {
    const { peers, relay, locks, store } = this.parts;
    const { userId, claimedUserId } = await peers.get(account);
    if (userId !== undefined) return userId;
    if (claimedUserId === undefined || relay.device.state !== "ready") return undefined;
    try {
      const resolved = await relay.device.request({ type: "resolve", userId: claimedUserId });
      if (resolved.account !== account) return undefined;
    } catch (error) {
      if (isFatal(error) && !(error instanceof SottoError)) throw error;
      return undefined;
    }
    const { durable } = await locks.run(account, async () => ({
      durable: store.commit(peers.remember(await peers.get(account), claimedUserId)),
    }));
    await durable;
    return claimedUserId;
  }
}
