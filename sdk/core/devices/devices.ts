/** The devices of this account: listing, linking, revoking, naming. */

import {
  type DeviceId,
  deriveDeliveryKey,
  digest,
  hashDeliveryKey,
  type LinkRecord,
  padDeviceName,
  parseDeviceId,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Cancellation } from "../cancellation.js";
import { deferred } from "../deferred.js";
import type { Plan } from "../inbox/plan.js";
import type { RelayLink } from "../link/relay-link.js";
import type { Cipher, Clock, Engine, Random } from "../ports.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type DeviceEntry, entryOf, type ListedDevice } from "./device-entry.js";
import { DeviceLink, type LinkedDevice } from "./device-link.js";
import { DeviceNames } from "./device-names.js";
import { pause } from "./pause.js";

/** Links that may be open at once: each asks the relay twice a second. */
const MAX_OPEN_LINKS = 4;
/** A revocation is tried so often if the relay knows the new key already. */
const MAX_TRIES = 3;
/** How often the list is looked at while a new device is awaited; news of it come sooner. */
const LOOK_EVERY_MS = 2_000;

/** What the devices part works with. */
export interface DevicesParts {
  readonly store: Pick<SealedStore, "commit">;
  readonly account: OwnAccount;
  readonly relay: Pick<RelayLink, "request">;
  readonly engine: Engine;
  readonly cipher: Cipher;
  readonly clock: Clock;
  readonly random: Random;
  /** The relay's address as the app wrote it, which the link carries on. */
  readonly address: string;
  /** Plans a new profile key and everything that hands it on. */
  rotate(): Promise<Plan>;
  /** Resolves when every list of devices that the relay told so far was taken note of. */
  noted(): Promise<void>;
  /** A device was removed from here: from now on nothing is told to it, and nothing it says counts. */
  removed(device: DeviceId): void;
  /** Sends the whole history to the device of a registration id, whenever it joins. Resolves once that is durable. */
  wishHistory(registrationId: number): Promise<void>;
}

/** This account's devices, as an app sees them: `client.devices`. */
export class Devices {
  readonly #parts: DevicesParts;
  readonly #names: DeviceNames;
  readonly #links = new Set<DeviceLink>();
  #opening = 0;
  #revoking: Promise<void> = Promise.resolve();
  #news = deferred<void>();

  constructor(parts: DevicesParts) {
    this.#parts = parts;
    this.#names = new DeviceNames(parts, parts.account.current.identityPrivate);
  }

  /** This account's devices, this one included. @throws offline, timeout and the like. */
  async list(): Promise<readonly DeviceEntry[]> {
    const listed = await this.#listed();
    return listed.map((device) => entryOf(device, this.#parts.account.device, this.#names));
  }

  /**
   * Opens a link for one new device, for ten minutes. With `history: "all"` the new device is sent the whole history once
   * it is there.
   *
   * Whether there is room for one more device is known to the relay alone, which says so when the new device registers:
   * there `onDeviceLimit` chooses or `DeviceLimitError` lists the devices, here the client tells `devicelimit`.
   *
   * @throws tooManyRequests if too many links are open; offline, timeout and the like.
   */
  async createLink({ history = "none" }: { readonly history?: "none" | "all" } = {}): Promise<DeviceLink> {
    for (const link of this.#links) if (link.state === "ended" || link.state === "linked") this.#links.delete(link);
    if (this.#links.size + this.#opening >= MAX_OPEN_LINKS) {
      throw new SottoError("tooManyRequests", { detail: "cancel an open link" });
    }
    const { account, address, wishHistory } = this.#parts;
    const { root } = account.current;
    if (root === undefined) throw new SottoError("closed", { detail: "not registered yet" });
    this.#opening += 1;
    const opening = DeviceLink.open({
      ...this.#parts,
      meeting: { relay: address, root: digest(root) },
      provision: () => provisionOf(account),
      watch: async (registrationId, signal) => {
        if (history === "all") await wishHistory(registrationId);
        return this.#watch(registrationId, signal);
      },
    });
    const link = await opening.finally(() => {
      this.#opening -= 1;
    });
    this.#links.add(link);
    return link;
  }

  /**
   * Removes another device of this account: its connection is cut, its mail and keys at the relay are gone, and contacts
   * get a new profile key, since it knew the old one.
   *
   * The new key is durable here, with the orders that hand it on, before the relay is asked. Were it the other way round,
   * a crash in between would leave the relay with the hash of a key that nobody has, and the next welcome would put the
   * old key back, which the revoked device knows. As it is, a crash in between leaves a rotation too many and the device
   * in place; the next welcome tells the relay the new key, and the call is made again.
   *
   * @throws unknownDevice if the account has no such device; invalidArgument for this device itself; offline, timeout and
   *   the like: then list the devices to see whether it took effect.
   */
  async revoke(device: DeviceId): Promise<void> {
    if (parseDeviceId(device) === this.#parts.account.device) {
      throw new SottoError("invalidArgument", { detail: "a device does not revoke itself" });
    }
    // One after the other: each needs a key of its own.
    const revoking = this.#revoking.then(() => this.#revoke(device));
    this.#revoking = revoking.catch(() => undefined);
    return revoking;
  }

  /**
   * Names this device, for the account's devices to see. The relay keeps the name sealed.
   *
   * @throws invalidArgument for an empty or too long name; offline, timeout and the like.
   */
  async rename(name: string): Promise<void> {
    padDeviceName(name);
    const { account, store, relay } = this.#parts;
    await relay.request({ type: "nameDevice", name: this.#names.seal(name, account.current.registrationId) });
    await store.commit([account.change({ deviceName: name })]);
  }

  /** For the parts: the account's devices changed, or were told at a welcome. */
  heard(): void {
    this.#news.resolve();
    this.#news = deferred();
  }

  /** For the parts: resolves once the relay has told the devices, so that what is said to them reaches all. */
  async known(): Promise<void> {
    await this.#news.promise;
    await this.#parts.noted();
  }

  /** For the parts: open links end. The relay is told as far as it is there; a link that it keeps is worth nothing. */
  close(): void {
    for (const link of this.#links) void link.cancel();
  }

  async #revoke(device: DeviceId): Promise<void> {
    if (!(await this.#listed()).some((listed) => listed.device === device)) throw new SottoError("unknownDevice");
    for (let tries = 1; ; tries++) {
      try {
        return await this.#revokeUnderNewKey(device);
      } catch (error) {
        // The relay was told the new key by somebody else meanwhile, for another reason; a revocation brings its own.
        const isTold = error instanceof SottoError && error.code === "badFrame";
        if (!isTold || tries === MAX_TRIES) throw error;
      }
    }
  }

  async #revokeUnderNewKey(device: DeviceId): Promise<void> {
    const { account, store, relay, rotate } = this.#parts;
    const { build, after } = await rotate();
    const durable = store.commit(build());
    const deliveryKeyHash = hashDeliveryKey(deriveDeliveryKey(account.current.profileKey));
    await durable;
    try {
      await relay.request({ type: "revokeDevice", device, deliveryKeyHash });
      this.#parts.removed(device);
    } finally {
      // Also if it failed: what is durable is told.
      for (const tell of after) tell();
    }
  }

  async #listed(): Promise<readonly ListedDevice[]> {
    return (await this.#parts.relay.request({ type: "listDevices" })).devices;
  }

  /** Knows the devices there are before the account is handed over, so that the new one is told from them. */
  async #watch(registrationId: number, signal: Cancellation): Promise<() => Promise<LinkedDevice>> {
    const before = new Set((await this.#listed()).map(spell));
    return async () => {
      for (;;) {
        const news = this.#news.promise;
        const listed = await this.#listed().catch(orNothing);
        const found = listed.find((one) => one.registrationId === registrationId && !before.has(spell(one)));
        if (found !== undefined) return entryOf(found, this.#parts.account.device, this.#names);
        await Promise.race([news, pause(this.#parts.clock, LOOK_EVERY_MS, signal)]);
        if (signal.aborted) throw new SottoError("aborted");
      }
    };
  }
}

/** Tells a device from a later one of the same id. */
function spell({ device, registrationId, addedMs }: ListedDevice): string {
  return `${device}/${registrationId}/${addedMs}`;
}

/** What passes by itself is looked at again. */
function orNothing(error: unknown): readonly ListedDevice[] {
  if (error instanceof SottoError && error.retryable) return [];
  throw error;
}

/** What a new device needs to be one of this account. */
function provisionOf({ current, id }: OwnAccount): LinkRecord<"provision"> {
  const { userId, identityPublic, identityPrivate, profileKey, profileKeyVersion } = current;
  const { name, nameVersion, policy, policyVersion } = current;
  return {
    account: id,
    ...{ userId, identityPublic, identityPrivate, profileKey, profileKeyVersion },
    ...{ name, nameVersion, policy, policyVersion },
  };
}
