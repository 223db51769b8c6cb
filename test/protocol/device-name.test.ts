import { hkdfSync } from "node:crypto";
import { deriveDeviceNameKey, deviceNameContext, limits, padDeviceName, unpadDeviceName } from "@sotto/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { refusal } from "./refusal.js";

const { value: most } = limits.deviceNameBytes;
const names = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: most })
  .filter((name) => new TextEncoder().encode(name).length <= most);

test("a name of any allowed length is padded to one length and comes back", () => {
  fc.assert(
    fc.property(names, (name) => {
      const padded = padDeviceName(name);
      expect(padded).toHaveLength(64);
      expect(unpadDeviceName(padded)).toBe(name);
    }),
  );
});

test("no name, too long a name and broken text are refused", () => {
  for (const name of ["", "x".repeat(most + 1), "é".repeat(32), "\ud800", undefined as unknown as string]) {
    expect(refusal(() => padDeviceName(name))).toBe("invalidArgument");
  }
});

test("bytes that hold no name are none", () => {
  const wrong = [
    new Uint8Array(64),
    Uint8Array.of(0x80, ...new Uint8Array(63)),
    padDeviceName("x").subarray(0, 63),
    new Uint8Array(64).fill(0x41),
    Uint8Array.of(0xff, 0x80, ...new Uint8Array(62)),
  ];
  for (const padded of wrong) expect(unpadDeviceName(padded)).toBeUndefined();
});

test("the key comes from the identity, and the context from the registration id", () => {
  const identity = new Uint8Array(32).fill(3);
  const expected = hkdfSync("sha256", identity, new Uint8Array(0), "sotto/device-name/1", 32);
  expect(Buffer.from(deriveDeviceNameKey(identity))).toEqual(Buffer.from(expected));
  expect(deviceNameContext(0x1234)).not.toEqual(deviceNameContext(0x1235));
  expect([...deviceNameContext(0x1234).slice(-2)]).toEqual([0x12, 0x34]);
});
