import {
  type DeviceId,
  decodeLinkUri,
  deriveDeliveryKey,
  digest,
  hashDeliveryKey,
  parseAccountId,
  parseDeviceId,
  SottoError,
} from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import type { ListedDevice } from "../../../../sdk/core/devices/device-entry.js";
import { DeviceNames } from "../../../../sdk/core/devices/device-names.js";
import { Devices } from "../../../../sdk/core/devices/devices.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { codeOf } from "../link/fixture.js";
import { manualClock } from "../link/manual-clock.js";
import { openSealed } from "../storage/fixture.js";

const [here, there] = [parseDeviceId(1), parseDeviceId(2)];
const root = Uint8Array.of(5, ...new Uint8Array(32).fill(9));
const newKey = new Uint8Array(32).fill(8);
const identityPrivate = new Uint8Array(32).fill(2);
const names = new DeviceNames(nodePlatform, identityPrivate);

let store: SealedStore;
let account: OwnAccount;
let devices: Devices;
let listed: readonly ListedDevice[];
/** What happened, in order. */
let removed: DeviceId[];
let events: string[];
let asked: ({ readonly type: string } & Record<string, unknown>)[];
let failing: SottoError | undefined;

beforeEach(async () => {
  const engine = await nodePlatform.engine();
  store = await openSealed();
  account = OwnAccount.create({
    ...{ phase: "registered", mode: "first", relay: "ws://localhost:1/v1", root },
    ...{ account: parseAccountId("00112233-4455-6677-8899-aabbccddeeff"), device: here, registrationId: 5 },
    ...{ identityPublic: new Uint8Array(33), identityPrivate, devicePublic: new Uint8Array(32) },
    ...{ devicePrivate: new Uint8Array(32), profileKey: new Uint8Array(32), profileKeyVersion: 0, nameVersion: 0 },
    ...{
      policy: "everyone",
      policyVersion: 0,
      nextPrekeyId: 1,
      signedPrekeyId: 1,
      lastResortPrekeyId: 1,
      rotatedMs: 0,
    },
  });
  listed = [
    { device: here, registrationId: 5, addedMs: 10, seenDay: 1 },
    { device: there, registrationId: 6, addedMs: 20, seenDay: 2, name: names.seal("phone", 6) },
  ];
  events = [];
  removed = [];
  asked = [];
  failing = undefined;
  devices = new Devices({
    ...{ store, account, engine, cipher: nodePlatform.cipher, random: nodePlatform.random, clock: manualClock() },
    address: "http://localhost:1",
    relay: {
      request: async (frame) => {
        asked.push(frame);
        events.push(frame.type);
        if (frame.type !== "listDevices" && failing !== undefined) throw failing;
        return { type: frame.type === "listDevices" ? "deviceList" : "done", id: 1, devices: listed } as never;
      },
    },
    rotate: async () => ({
      build: () => {
        events.push("rotated");
        return [account.change({ profileKey: newKey, profileKeyVersion: 1 })];
      },
      after: [() => events.push("told")],
    }),
    noted: async () => undefined,
    removed: (device) => removed.push(device),
    wishHistory: async () => undefined,
  });
});

describe("the devices of an account", () => {
  it("are listed with their names", async () => {
    expect(await devices.list()).toMatchObject([
      { device: here, name: undefined, current: "this" },
      { device: there, name: "phone", current: "other", addedMs: 20 },
    ]);
  });

  it("are revoked under a new key that was durable before the relay was asked, and told after", async () => {
    await devices.revoke(there);
    expect(events).toEqual(["listDevices", "rotated", "revokeDevice", "told"]);
    expect(asked[1]).toMatchObject({ device: there, deliveryKeyHash: hashDeliveryKey(deriveDeliveryKey(newKey)) });
    expect(removed).toEqual([there]);
    expect((await OwnAccount.load(store))?.current.profileKey).toEqual(newKey);
  });

  it("keep the new key, and tell it, if the relay could not be asked to revoke", async () => {
    failing = new SottoError("offline");
    expect(await codeOf(devices.revoke(there))).toBe("offline");
    expect(removed).toEqual([]);
    expect(events).toEqual(["listDevices", "rotated", "revokeDevice", "told"]);
    expect((await OwnAccount.load(store))?.current.profileKeyVersion).toBe(1);
  });

  it("are revoked one after the other, each under a key of its own", async () => {
    listed = [...listed, { device: parseDeviceId(3), registrationId: 7, addedMs: 30, seenDay: 2 }];
    await Promise.all([devices.revoke(there), devices.revoke(parseDeviceId(3))]);
    const one = ["listDevices", "rotated", "revokeDevice", "told"];
    expect(events).toEqual([...one, ...one]);
  });

  it("are revoked under yet another key if the relay was told the new one meanwhile, a few times at most", async () => {
    failing = new SottoError("badFrame");
    expect(await codeOf(devices.revoke(there))).toBe("badFrame");
    expect(events.filter((event) => event === "rotated")).toHaveLength(3);
  });

  it("are not revoked if they are not there, or if it is this one; then nothing changes", async () => {
    expect(await codeOf(devices.revoke(parseDeviceId(9)))).toBe("unknownDevice");
    expect(await codeOf(devices.revoke(here))).toBe("invalidArgument");
    expect(await codeOf(devices.revoke(0 as typeof here))).toBe("invalidArgument");
    expect(events).toEqual(["listDevices"]);
  });

  it("are named under a seal, and remember their own name", async () => {
    await devices.rename("laptop");
    const { name } = asked[0] as unknown as { name: Uint8Array };
    expect([names.open(name, 5), account.current.deviceName]).toEqual(["laptop", "laptop"]);
    expect(await codeOf(devices.rename(""))).toBe("invalidArgument");
    failing = new SottoError("offline");
    expect(await codeOf(devices.rename("other"))).toBe("offline");
    expect(account.current.deviceName).toBe("laptop");
  });

  it("are linked through a URI that names the relay and its root; a few links at once, until they end", async () => {
    const opening = Array.from({ length: 4 }, () => devices.createLink());
    expect(await codeOf(devices.createLink())).toBe("tooManyRequests");
    const links = await Promise.all(opening);
    const offer = decodeLinkUri(links[0]?.uri ?? "");
    expect([offer.relay, offer.root]).toEqual(["http://localhost:1", digest(root)]);
    expect(new Set(links.map(({ uri }) => uri)).size).toBe(4);
    expect(await codeOf(devices.createLink())).toBe("tooManyRequests");
    await links[0]?.cancel();
    const another = await devices.createLink();
    devices.close();
    expect([another.state, links[1]?.state]).toEqual(["ended", "ended"]);
  });
});
