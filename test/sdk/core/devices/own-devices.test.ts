import { parseDeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { type OwnDevice, OwnDevices } from "../../../../sdk/core/devices/own-devices.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { keys } from "../../../../sdk/core/rows.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { ownRow } from "../outbox/fixture.js";
import { me } from "../people.js";
import { openSealed } from "../storage/fixture.js";

/** A device as the relay lists it; 1 is this one. */
const listed = (device: number, registrationId = device): OwnDevice => ({
  device: parseDeviceId(device),
  registrationId,
  addedMs: 1_000 * device,
});

async function fixture(store?: SealedStore) {
  const sealed = store ?? (await openSealed());
  const account = OwnAccount.create(ownRow());
  const peers = new Peers(sealed);
  const served: number[] = [];
  const failures: unknown[] = [];
  const trouble = { isCrashing: false, nowMs: 1_000 };
  let changes = 0;
  const ownDevices = new OwnDevices({
    ...{ store: sealed, account, peers, locks: new KeyedLock() },
    former: {
      aside: async (account, devices) =>
        devices.map((device) => ({ key: keys.session(sealed, account, device), value: undefined })),
    },
    nowMs: () => trouble.nowMs,
    async serve({ device }) {
      if (trouble.isCrashing) throw new Error("crashed");
      served.push(device);
    },
    onChanged: () => {
      changes += 1;
    },
    failed: (error) => failures.push(error),
  });
  await ownDevices.load();
  const hear = async (...devices: OwnDevice[]) => {
    ownDevices.heard(devices);
    await ownDevices.settled();
  };
  return { store: sealed, peers, ownDevices, served, failures, trouble, hear, changed: () => changes };
}

describe("own devices", () => {
  it("are known to this one at first, and told nothing", async () => {
    const it = await fixture();
    await it.hear(listed(1), listed(3), listed(2));
    expect(it.ownDevices.others).toEqual([2, 3]);
    expect(it.served).toEqual([]);
    expect(await it.peers.get(me)).toMatchObject({ devices: [2, 3], identityKey: ownRow().identityPublic });
  });

  it("count for what the relay took of them before they were gone, also after a restart, and for nothing later", async () => {
    const it = await fixture();
    await it.hear(listed(1), listed(2));
    expect(it.ownDevices.isHeard(parseDeviceId(2), 9_000)).toBe(true);
    it.trouble.nowMs = 2_000;
    await it.hear(listed(1));
    const next = await fixture(it.store);
    next.trouble.nowMs = 5_000;
    await next.hear(listed(1));
    for (const { ownDevices } of [it, next]) {
      expect(ownDevices.isHeard(parseDeviceId(2), 2_000)).toBe(true);
      expect(ownDevices.isHeard(parseDeviceId(2), 2_001)).toBe(false);
    }
    // One that came and went while nobody here listened.
    expect(next.ownDevices.isHeard(parseDeviceId(3), 5_000)).toBe(true);
    expect(next.ownDevices.isHeard(parseDeviceId(3), 5_001)).toBe(false);
  });

  it("are served once when they are new, also if they take the place of a former one", async () => {
    const it = await fixture();
    await it.hear(listed(1));
    await it.hear(listed(1), listed(2));
    await it.hear(listed(1), listed(2));
    await it.hear(listed(1), listed(2, 99));
    expect(it.served).toEqual([2, 2]);
    expect(it.changed()).toBe(3);
  });

  it("lose their session when they are gone, and are encrypted to no more", async () => {
    const it = await fixture();
    await it.hear(listed(1), listed(2), listed(3));
    const session = (device: number) => keys.session(it.store, me, device);
    const value = Uint8Array.of(1);
    await it.store.commit([
      { key: session(2), value },
      { key: session(3), value },
    ]);
    await it.hear(listed(1), listed(3));
    expect(it.ownDevices.others).toEqual([3]);
    expect(await it.store.get(session(2))).toBeUndefined();
    expect(await it.store.get(session(3))).toEqual(value);
  });

  it("are served by the next run if this one crashed on the way", async () => {
    const first = await fixture();
    await first.hear(listed(1));
    first.trouble.isCrashing = true;
    await first.hear(listed(1), listed(2));
    expect(first.failures).toHaveLength(1);
    const second = await fixture(first.store);
    expect(second.ownDevices.others).toEqual([2]);
    await second.hear(listed(1), listed(2));
    expect(second.served).toEqual([2]);
  });

  it("are taken from the newest of the lists that come at once, so that a flood of them holds nothing", async () => {
    const it = await fixture();
    await it.hear(listed(1));
    for (let turn = 2; turn < 100; turn++) it.ownDevices.heard([listed(1), listed(9, turn)]);
    await it.hear(listed(1), listed(2));
    expect(it.served).toEqual([2]);
    expect(it.changed()).toBe(2);
  });

  it("that this one removed are gone at once: the relay tells all others, and not this one", async () => {
    const it = await fixture();
    await it.hear(listed(1), listed(2), listed(3));
    it.ownDevices.removed(parseDeviceId(2));
    expect(it.ownDevices.isHeard(parseDeviceId(2), it.trouble.nowMs + 1)).toBe(false);
    await it.ownDevices.settled();
    expect(it.ownDevices.others).toEqual([3]);
  });

  it("are none of ours in a list that lacks this device", async () => {
    const it = await fixture();
    await it.hear(listed(1), listed(2));
    await it.hear();
    await it.hear(listed(2), listed(3));
    await it.hear(listed(1, 77), listed(3));
    expect(it.ownDevices.others).toEqual([2]);
    expect(it.served).toEqual([]);
  });
});
