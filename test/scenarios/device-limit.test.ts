import { decodeFrame, type FrameToRelay } from "@sotto/protocol";
import { createClient, DeviceLimitError } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { codeOf } from "../sdk/core/link/fixture.js";
import { type RunningProxy, startProxy } from "../support/hostile-relay/index.js";
import { Linker, sharedCode } from "../support/linking.js";
import { nextEvent, World } from "../support/world.js";

const WAITING = { timeout: 10_000, interval: 50 };
let world: World;
let linker: Linker;
let proxy: RunningProxy;
/** What the relay heard through the proxy. */
let heard: FrameToRelay[];
beforeEach(async () => {
  world = await World.open({ deviceLimit: 3 });
  linker = new Linker(world);
  heard = [];
  proxy = await startProxy({
    upstream: world.url,
    rewrite: ({ bytes, direction }) => {
      if (direction === "toRelay") heard.push(decodeFrame(bytes.slice(), "toRelay"));
      return [bytes];
    },
  });
});
afterEach(async () => {
  await linker.close();
  await proxy.close();
  await world.close();
});

describe("an account that is full", () => {
  it("lists its devices by name to the new one, which takes the place of one of them", async () => {
    const old = await world.client("alice", { deviceName: "laptop", relay: proxy.url });
    const [phone] = [await linker.link(old, "phone"), await linker.link(old, "tablet")];
    const told = nextEvent(old, "devicelimit");
    const gone = nextEvent<{ state: string }>(phone, "state", ({ state }) => state === "revoked");
    const link = await old.devices.createLink();
    const seen: (string | undefined)[] = [];
    const { shown, client } = linker.begin(link.uri, "watch", {
      onDeviceLimit: async (devices) => {
        seen.push(...devices.map(({ name }) => name));
        return phone.deviceId;
      },
    });
    await link.confirm(await sharedCode(link, shown));
    const watch = await client;
    await Promise.all([told, gone]);
    expect(seen.sort()).toEqual(["laptop", "phone", "tablet"]);
    const names = (await watch.devices.list()).map(({ name }) => name);
    expect(names.sort()).toEqual(["laptop", "tablet", "watch"]);
    // The phone knew the profile key: the relay is told the delivery key of a new one.
    await vi.waitFor(() => expect(heard.map(({ type }) => type)).toContain("setAccess"), WAITING);
    const registration = heard.find((frame) => frame.type === "register");
    const access = heard.find((frame) => frame.type === "setAccess");
    expect(access?.deliveryKeyHash).not.toEqual(registration?.deliveryKeyHash);
  });

  it("leaves a store that createClient finishes, with a device to replace or with room", async () => {
    const old = await world.client("alice", { deviceName: "laptop" });
    const [phone] = [await linker.link(old, "phone"), await linker.link(old, "tablet")];
    const link = await old.devices.createLink();
    const { shown, client } = linker.begin(link.uri, "watch");
    link.confirm(await sharedCode(link, shown)).catch(() => undefined);
    const error = await client.catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(DeviceLimitError);
    const named = error instanceof DeviceLimitError ? error.devices.map(({ name }) => name) : [];
    expect([...named].sort()).toEqual(["laptop", "phone", "tablet"]);
    const options = { relay: world.url, userId: "alice", store: linker.storeOf("watch") };
    expect(await codeOf(createClient(options))).toBe("deviceLimit");
    const watch = await createClient({ ...options, replaces: phone.deviceId });
    linker.keep(watch);
    expect((await watch.devices.list()).length).toBe(3);
  });

  it("gets a new key once a device's place was taken, also if the new one ended before it made one", async () => {
    const old = await world.client("alice", { deviceName: "laptop", relay: proxy.url });
    const [phone] = [await linker.link(old, "phone"), await linker.link(old, "tablet")];
    const link = await old.devices.createLink();
    const { shown, client } = linker.begin(link.uri, "watch");
    link.confirm(await sharedCode(link, shown)).catch(() => undefined);
    expect(await codeOf(client)).toBe("deviceLimit");
    const options = { relay: proxy.url, userId: "alice", store: linker.storeOf("watch") };
    await (await createClient({ ...options, replaces: phone.deviceId })).close();
    const told = () => heard.filter((frame) => frame.type === "setAccess");
    expect(told()).toEqual([]);
    linker.keep(await createClient(options));
    await vi.waitFor(() => expect(told()).not.toEqual([]), WAITING);
    const registration = heard.findLast((frame) => frame.type === "register");
    expect(told()[0]?.deliveryKeyHash).not.toEqual(registration?.deliveryKeyHash);
  });

  it("has room again once one is revoked, whoever the new one was to replace", async () => {
    const old = await world.client("alice", { deviceName: "laptop" });
    const [phone] = [await linker.link(old, "phone"), await linker.link(old, "tablet")];
    const link = await old.devices.createLink();
    const { shown, client } = linker.begin(link.uri, "watch", {
      async onDeviceLimit() {
        await old.devices.revoke(phone.deviceId);
        return phone.deviceId;
      },
    });
    await link.confirm(await sharedCode(link, shown));
    const names = (await (await client).devices.list()).map(({ name }) => name);
    expect(names.sort()).toEqual(["laptop", "tablet", "watch"]);
  });
});

describe("a device that is revoked", () => {
  it("is cut off, and its account goes on without it", async () => {
    const old = await world.client("alice", { deviceName: "laptop" });
    const phone = await linker.link(old, "phone");
    const gone = nextEvent<{ state: string }>(phone, "state", ({ state }) => state === "revoked");
    await old.devices.revoke(phone.deviceId);
    await gone;
    expect((await old.devices.list()).map(({ name }) => name)).toEqual(["laptop"]);
    expect(await codeOf(old.devices.revoke(phone.deviceId))).toBe("unknownDevice");
  });

  it("may be named anew before, by itself", async () => {
    const old = await world.client("alice", { deviceName: "laptop" });
    await old.devices.rename("desk");
    expect((await old.devices.list())[0]).toMatchObject({ name: "desk", current: "this" });
  });
});

it("a new device never tells the relay to let in whom the account blocked", async () => {
  const old = await world.client("alice", { relay: proxy.url });
  await world.client("mallory");
  const mallory = await old.openDM({ userId: "mallory" });
  await mallory.block();
  const lists = () => heard.filter((frame) => frame.type === "setAccess").map(({ blocked }) => blocked.length);
  await vi.waitFor(() => expect(lists()).toContain(1), WAITING);
  heard.length = 0;
  const phone = await linker.link(old, "phone");
  await vi.waitFor(async () => expect(await phone.blocked()).toHaveLength(1), WAITING);
  await phone.setPolicy("contacts");
  await vi.waitFor(() => expect(lists()).not.toEqual([]), WAITING);
  expect(new Set(lists())).toEqual(new Set([1]));
});
