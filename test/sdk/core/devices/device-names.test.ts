import { limits } from "@sotto/protocol";
import { expect, it } from "vitest";
import { entryOf } from "../../../../sdk/core/devices/device-entry.js";
import { DeviceNames } from "../../../../sdk/core/devices/device-names.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { listedDevice } from "../link/fixture.js";

const identity = (value: number) => new Uint8Array(32).fill(value);
const names = new DeviceNames(nodePlatform, identity(1));

it("seals names to one length, never the same bytes twice, for every device of the account to open", () => {
  const sealed = ["a", "alice's other telephone", "é".repeat(31)].map((name) => names.seal(name, 7));
  expect(new Set(sealed.map(({ length }) => length))).toEqual(new Set([limits.sealedNameBytes.value]));
  expect(names.seal("a", 7)).not.toEqual(sealed[0]);
  expect(sealed.map((each) => new DeviceNames(nodePlatform, identity(1)).open(each, 7))).toEqual([
    "a",
    "alice's other telephone",
    "é".repeat(31),
  ]);
});

it("opens no name of another account, of another device, or one that was changed", () => {
  const sealed = names.seal("phone", 7);
  expect(new DeviceNames(nodePlatform, identity(2)).open(sealed, 7)).toBeUndefined();
  expect(names.open(sealed, 8)).toBeUndefined();
  for (const at of sealed.keys()) {
    const changed = sealed.map((byte, index) => (index === at ? byte ^ 1 : byte));
    expect(names.open(changed, 7), `byte ${at} changed`).toBeUndefined();
  }
  expect(names.open(new Uint8Array(92), 7)).toBeUndefined();
});

it("shows a listed device with its name, its day and which it is", () => {
  const named = { ...listedDevice, name: names.seal("phone", listedDevice.registrationId) };
  expect(entryOf(named, listedDevice.device, names)).toEqual({
    device: listedDevice.device,
    name: "phone",
    addedMs: listedDevice.addedMs,
    seenMs: listedDevice.seenDay * 86_400_000,
    current: "this",
  });
  expect(entryOf({ ...named, registrationId: 8 }, undefined, names)).toMatchObject({
    name: undefined,
    current: "other",
  });
});
