import type { DeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { assertUserId, type ClientOptions, checkOptions } from "../../../sdk/core/options.js";
import { unsafePlaintextKey } from "./storage/fixture.js";
import { UnsafeMemoryStore } from "./storage/unsafe-memory-store.js";

const good: ClientOptions = {
  relay: "http://localhost:8787",
  userId: "alice",
  store: { store: new UnsafeMemoryStore(), key: unsafePlaintextKey() },
};
const without = (name: keyof ClientOptions): ClientOptions => {
  const { [name]: _left, ...rest } = good;
  return rest as ClientOptions;
};

describe("options", () => {
  it("are answered with the address of the socket", () => {
    expect(checkOptions(good).url).toBe("ws://localhost:8787/v1");
  });

  it("name what is missing, in words an app's developer understands", () => {
    expect(() => checkOptions(without("relay"))).toThrow(/relay is the address/);
    expect(() => checkOptions(without("store"))).toThrow(/store says where/);
    expect(() => checkOptions(without("userId"))).toThrow(/pass auth/);
    expect(() => checkOptions({ ...good, relay: "http://dm.example.com" })).toThrow(/invalidArgument/);
  });

  it("bound a device's name, and the device it replaces", () => {
    expect(checkOptions({ ...good, deviceName: "laptop" }).deviceName).toBe("laptop");
    for (const wrong of [{ deviceName: "" }, { deviceName: "x".repeat(64) }, { replaces: 0 as DeviceId }]) {
      expect(() => checkOptions({ ...good, ...wrong })).toThrow(/invalidArgument/);
    }
  });

  it("bound a user id by its bytes, as the relay does", () => {
    assertUserId("ü".repeat(128));
    expect(() => assertUserId("ü".repeat(129))).toThrow(/invalidArgument/);
    expect(() => assertUserId("")).toThrow(/invalidArgument/);
  });
});
