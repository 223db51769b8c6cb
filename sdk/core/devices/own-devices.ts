/** The other devices of this account: who they are, what a new one is owed, and that a gone one is encrypted to no more. */

import type { DeviceId, Frame } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { FormerSessions } from "../sessions/former-sessions.js";
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
  readonly former: Pick<FormerSessions, "aside">;
  /** The relay's clock. */
  nowMs(): number;
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
 * Of lists that come while one is being taken only the newest is kept: each says all there is.
 */
export class OwnDevices {
  private known: readonly OwnDevice[] | undefined;
  private present: readonly DeviceId[] = [];
  private listed: readonly DeviceId[] = [];
  private left: Row<"ownDevices">["left"] = [];
  /** When this run first heard a list, by the relay's clock. */
  private firstHeardMs = 0;
  private latest: readonly OwnDevice[] = [];
  private newest: readonly OwnDevice[] | undefined;
  private tail: Promise<void> = Promise.resolve();

  constructor(private readonly parts: OwnDeviceParts) {}

  /** Reads what an earlier run knew. */
  async load(): Promise<void> {
    const { store, account, peers } = this.parts;
    const stored = await store.get(keys.ownDevices);
    if (stored !== undefined) ({ devices: this.known, left: this.left } = decodeRow("ownDevices", stored));
    this.present = (await peers.get(account.id)).devices;
  }

  /** The other devices, as far as this one knows. */
  get others(): readonly DeviceId[] {
    return this.present;
  }

  /**
   * Whether a device was this account's when the relay took mail of it: the last list names it, or it was gone only after
   * that, as far as this device can know. From then on what comes from it is nobody's. None before the first list.
   */
  isHeard(device: DeviceId, acceptedMs: number): boolean {
    if (this.listed.includes(device)) return true;
    // One that came and went while this device was away was never on a list here.
    const untilMs = this.left.find((gone) => gone.device === device)?.untilMs ?? this.firstHeardMs;
    return acceptedMs <= untilMs;
  }

  /** When this device was added, by the relay's clock; 0 before the relay told it. */
  get addedMs(): number {
    return this.known?.find(({ device }) => device === this.parts.account.device)?.addedMs ?? 0;
  }

  /** The relay said which devices there are. Lists are taken one after the other. */
  heard(devices: readonly OwnDevice[]): void {
    const { account } = this.parts;
    const { registrationId } = account.current;
    // A list without this device is none of ours.
    if (!devices.some((one) => one.device === account.device && one.registrationId === registrationId)) return;
    this.leave(devices.map(({ device }) => device));
    const isWaiting = this.newest !== undefined;
    this.latest = devices;
    this.newest = devices;
    if (isWaiting) return;
    this.tail = this.tail.then(() => this.takeNewest()).catch((error: unknown) => this.parts.failed(error));
  }

  /** This device removed another one, which the relay tells everybody but this device. */
  removed(device: DeviceId): void {
    this.heard(this.latest.filter((one) => one.device !== device));
  }

  /** Settles when everything heard so far was taken. */
  async settled(): Promise<void> {
    await this.tail;
  }

  /** Notes until when what gone devices told counts; stored with the list. */
  private leave(listed: readonly DeviceId[]): void {
    const nowMs = this.parts.nowMs();
    if (this.firstHeardMs === 0) this.firstHeardMs = nowMs;
    const wereThere = new Set([...this.listed, ...(this.known ?? []).map(({ device }) => device)]);
    const gone = [...wereThere].filter((device) => !listed.includes(device));
    const leaving = gone.map((device) => this.left.find((one) => one.device === device) ?? { device, untilMs: nowMs });
    const before = this.left.filter(({ device }) => !listed.includes(device) && !gone.includes(device));
    this.left = [...leaving, ...before];
    this.listed = listed;
  }

  private async takeNewest(): Promise<void> {
    const { newest } = this;
    this.newest = undefined;
    if (newest !== undefined) await this.take(newest);
  }

  private async take(devices: readonly OwnDevice[]): Promise<void> {
    const { serve, onChanged } = this.parts;
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
    const { store, account, peers, locks, former } = this.parts;
    const { durable } = await locks.run(account.id, async () => {
      const row = await peers.get(account.id);
      const others = devices.map(({ device }) => device).filter((device) => device !== account.device);
      const sorted = others.sort((one, other) => one - other);
      // What a gone device told before may still wait in the mailbox.
      const sessions = await former.aside(
        account.id,
        gone.map(({ device }) => device),
      );
      this.known = served;
      this.present = sorted;
      const me: Row<"peer"> = { ...row, identityKey: account.identity.publicKey, devices: sorted };
      return { durable: store.commit([...sessions, peers.change(me), this.row(served)]) };
    });
    await durable;
  }

  private row(devices: readonly OwnDevice[]): StoreChange {
    return { key: keys.ownDevices, value: encodeRow("ownDevices", { devices: [...devices], left: this.left }) };
  }
}

/** A device that was registered anew under an id is another one. */
function isSame(one: OwnDevice, other: OwnDevice): boolean {
  return one.device === other.device && one.registrationId === other.registrationId;
}
