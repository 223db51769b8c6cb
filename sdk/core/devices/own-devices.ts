/** The other devices of this account: who they are, what a new one is owed, and that a gone one is encrypted to no more. */

import type { DeviceId, Frame } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** One device of this account, as the relay lists it. */
export type OwnDevice = Frame<"devicesChanged">["devices"][number];

/** What own devices work with. */
export interface OwnDeviceParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly locks: KeyedLock;
  /** Queues everything a new device missed. Resolves once that is durable; may come again for the same device. */
  serve(device: OwnDevice): Promise<void>;
  /** The list is another than before. */
  onChanged(): void;
  failed(error: unknown): void;
}

/**
 * Follows the relay's list of this account's devices.
 *
 * The stored row names only devices that were served: a crash in between serves a new one again, which it does not notice.
 * What the relay adds to the list by itself has no keys of this account's identity, so no session with it opens.
 */
export class OwnDevices {
  private known: readonly OwnDevice[] | undefined;
  private present: readonly DeviceId[] = [];
  private tail: Promise<void> = Promise.resolve();

  constructor(private readonly parts: OwnDeviceParts) {}

  /** Reads what an earlier run knew. */
  async load(): Promise<void> {
    const { store, account, peers } = this.parts;
    const stored = await store.get(keys.ownDevices);
    if (stored !== undefined) this.known = decodeRow("ownDevices", stored).devices;
    this.present = (await peers.get(account.id)).devices;
  }

  /** The other devices, as far as this one knows. */
  get others(): readonly DeviceId[] {
    return this.present;
  }

  /** The relay said which devices there are. Lists are taken one after the other. */
  heard(devices: readonly OwnDevice[]): void {
    this.tail = this.tail.then(() => this.take(devices)).catch((error: unknown) => this.parts.failed(error));
  }

  /** Settles when everything heard so far was taken. */
  async settled(): Promise<void> {
    await this.tail;
  }

  private async take(devices: readonly OwnDevice[]): Promise<void> {
    const { account, serve, onChanged } = this.parts;
    const { registrationId } = account.current;
    // A list without this device is none of ours.
    if (!devices.some((one) => one.device === account.device && one.registrationId === registrationId)) return;
    const { known } = this;
    const gone = (known ?? []).filter((one) => !devices.some((other) => isSame(one, other)));
    // The first list of a device's life: whoever is on it is no newer than this device.
    const added = known === undefined ? [] : devices.filter((one) => !known.some((other) => isSame(one, other)));
    const isChanged = known === undefined || gone.length > 0 || added.length > 0;
    if (!isChanged) return;

    const served = devices.filter((one) => !added.includes(one));
    await this.store(devices, served, gone);
    onChanged();
    for (const device of added) {
      await serve(device);
      this.known = [...(this.known ?? []), device];
      await this.parts.store.commit([this.row(this.known)]);
    }
  }

  /** The list and the devices encrypted to change together, so that nothing is missed in between. */
  private async store(
    devices: readonly OwnDevice[],
    served: readonly OwnDevice[],
    gone: readonly OwnDevice[],
  ): Promise<void> {
    const { store, account, peers, locks } = this.parts;
    const { durable } = await locks.run(account.id, async () => {
      const row = await peers.get(account.id);
      const others = devices.map(({ device }) => device).filter((device) => device !== account.device);
      const sorted = others.sort((one, other) => one - other);
      const sessions = gone.map(({ device }) => ({ key: keys.session(store, account.id, device), value: undefined }));
      this.known = served;
      this.present = sorted;
      const me: Row<"peer"> = { ...row, identityKey: account.identity.publicKey, devices: sorted };
      return { durable: store.commit([...sessions, peers.change(me), this.row(served)]) };
    });
    await durable;
  }

  private row(devices: readonly OwnDevice[]): StoreChange {
    return { key: keys.ownDevices, value: encodeRow("ownDevices", { devices: [...devices] }) };
  }
}

/** A device that was registered anew under an id is another one. */
function isSame(one: OwnDevice, other: OwnDevice): boolean {
  return one.device === other.device && one.registrationId === other.registrationId;
}
