import { createClient } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { otherCode } from "../sdk/core/devices/fixture.js";
import { codeOf } from "../sdk/core/link/fixture.js";
import { Linker, sharedCode } from "../support/linking.js";
import { itemsUntil, nextEvent, World } from "../support/world.js";

let world: World;
let linker: Linker;
beforeEach(async () => {
  world = await World.open({ deviceLimit: 3 });
  linker = new Linker(world);
});
afterEach(async () => {
  await linker.close();
  await world.close();
});

describe("linking a device", () => {
  it("makes it a second device of the account, once the code was compared", async () => {
    const old = await world.client("alice", { deviceName: "laptop" });
    const link = await old.devices.createLink();
    const changed = nextEvent(old, "devices");
    const { shown, client } = linker.begin(link.uri.toUpperCase(), "phone");
    expect((await link.joined).deviceName).toBe("phone");
    expect(link.state).toBe("joined");
    const device = await link.confirm(await shown);
    const phone = await client;
    await changed;
    expect(device).toMatchObject({ device: phone.deviceId, name: "phone", current: "other" });
    expect([phone.accountId, phone.deviceId === old.deviceId]).toEqual([old.accountId, false]);
    for (const [one, names] of [
      [old, ["laptop this", "phone other"]],
      [phone, ["laptop other", "phone this"]],
    ] as const) {
      const listed = await one.devices.list();
      expect(listed.map(({ name, current }) => `${name} ${current}`)).toEqual(names);
    }
  });

  it("works from the new device on, and gives its store a normal client the next time", async () => {
    const old = await world.client("alice");
    const phone = await linker.link(old, "phone");
    const third = await linker.link(phone, "tablet");
    await third.close();
    const again = await createClient({ relay: world.url, userId: "alice", store: linker.storeOf("tablet") });
    linker.keep(again);
    expect((await again.devices.list()).length).toBe(3);
  });

  it("is refused to a second new device; the first one goes on", async () => {
    const old = await world.client("alice");
    const link = await old.devices.createLink();
    const first = linker.begin(link.uri, "phone");
    await link.joined;
    expect(await codeOf(linker.begin(link.uri, "thief").client)).toBe("linkUsed");
    await link.confirm(await first.shown);
    await first.client;
    expect(await codeOf(linker.begin(link.uri, "late").client)).toMatch(/^link(Used|Expired)$/);
    expect((await old.devices.list()).length).toBe(2);
  });

  it("ends at a wrong code: no device, and the link is gone", async () => {
    const old = await world.client("alice");
    const link = await old.devices.createLink();
    const { shown, client } = linker.begin(link.uri, "phone");
    expect(await codeOf(link.confirm(otherCode(await sharedCode(link, shown))))).toBe("wrongCode");
    expect(await codeOf(client)).toBe("linkExpired");
    expect(await codeOf(link.confirm(await shown))).toBe("wrongCode");
    expect((await old.devices.list()).length).toBe(1);
    // The store stayed empty: it serves for the next link.
    const next = await old.devices.createLink();
    const again = linker.begin(next.uri, "phone");
    await next.confirm(await sharedCode(next, again.shown));
    await again.client;
  });

  it("ends when the new device's user says no", async () => {
    const old = await world.client("alice");
    const link = await old.devices.createLink();
    const { shown, client } = linker.begin(link.uri, "phone", { confirm: () => false });
    expect(await codeOf(client)).toBe("linkDeclined");
    expect(await codeOf(link.confirm(await shown).then(() => undefined))).toBe("linkDeclined");
    expect((await old.devices.list()).length).toBe(1);
  });

  it("ends for whoever waits when the old device cancels it or its client closes", async () => {
    const old = await world.client("alice");
    const link = await old.devices.createLink();
    const { client } = linker.begin(link.uri, "phone", { confirm: () => true });
    await link.joined;
    await link.cancel();
    expect(await codeOf(client)).toBe("linkExpired");
    const second = await old.devices.createLink();
    await old.close();
    expect(await codeOf(second.joined)).toMatch(/^(aborted|closed)$/);
  });

  it("is finished by createClient after a crash behind the hand-over", async () => {
    const old = await world.client("alice");
    const link = await old.devices.createLink();
    const failing = linker.begin(link.uri, "phone", { auth: () => Promise.reject(new Error("killed")) });
    const confirmed = link.confirm(await sharedCode(link, failing.shown));
    await expect(failing.client).rejects.toThrow("killed");
    expect(await codeOf(linker.begin(link.uri, "phone").client)).toBe("wrongAccount");
    const phone = await createClient({ relay: world.url, userId: "alice", store: linker.storeOf("phone") });
    linker.keep(phone);
    expect((await confirmed).device).toBe(phone.deviceId);
    expect(phone.accountId).toBe(old.accountId);
  });

  it("brings the history along if the old device wants that", async () => {
    const { alice, toAlice } = await world.pair();
    // What she said herself just now, her devices would be told anyway.
    await toAlice.send({ text: "long ago" }).delivered;
    const link = await alice.devices.createLink({ history: "all" });
    const { shown, client } = linker.begin(link.uri, "phone");
    await link.confirm(await sharedCode(link, shown));
    const toBobFromPhone = await (await client).openDM({ userId: "bob" });
    const isIt = (item: { readonly kind: string; readonly text?: string | undefined }) => item.text === "long ago";
    expect((await itemsUntil(toBobFromPhone, isIt)).length).toBeGreaterThan(0);
  });

  it("keeps a store that holds an account as it is", async () => {
    const old = await world.client("alice");
    const bob = await world.client("bob");
    await bob.close();
    const link = await old.devices.createLink();
    expect(await codeOf(linker.begin(link.uri, "bob").client)).toBe("wrongAccount");
    expect(link.state).toBe("waiting");
  });

  it("is refused to another user of the host", async () => {
    const old = await world.client("alice");
    const link = await old.devices.createLink();
    const { shown, client } = linker.begin(link.uri, "phone", { userId: "mallory" });
    link.confirm(await sharedCode(link, shown)).catch(() => undefined);
    expect(await codeOf(client)).toBe("wrongAccount");
    expect((await old.devices.list()).length).toBe(1);
  });
});
