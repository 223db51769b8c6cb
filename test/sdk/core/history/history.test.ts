import { decodeOwnBody, encodeOwnBody, parseDeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { History, type TransferProgress } from "../../../../sdk/core/history/history.js";
import { nothing } from "../../../../sdk/core/inbox/plan.js";
import type { Order } from "../../../../sdk/core/outbox/order.js";
import { keys } from "../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { me } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const phone = parseDeviceId(2);
const PARTS = 20;

async function fixture(store?: SealedStore) {
  const sealed = store ?? (await openSealed());
  const clock = manualClock();
  const queued: Order[] = [];
  const progress: TransferProgress[] = [];
  const world = { room: 1_000, devices: [phone] };
  const history = new History({
    store: sealed,
    me,
    clock,
    random: nodePlatform.random,
    outbox: {
      get room() {
        return world.room;
      },
      queue(order: Order) {
        queued.push(order);
        return { order: queued.length, changes: [], sent: () => undefined };
      },
    },
    exporter: {
      count: async () => PARTS,
      step: async ({ after }) => {
        const end = after + 1 === PARTS ? "yes" : "no";
        return { parts: [[]], messages: 1, position: { conversation: undefined, after: after + 1 }, end };
      },
    },
    importer: { plan: async () => nothing },
    still: (work) => work(),
    isOwn: (device) => world.devices.includes(device),
    transfer: (one) => progress.push(one),
    failed: (error) => {
      throw error;
    },
  });
  await history.load();
  const run = async () => {
    for (let turn = 0; turn < 200; turn++) {
      clock.advance(1);
      await settled();
    }
  };
  const parts = () => queued.map(({ body }) => decodeOwnBody("archive", body ?? new Uint8Array()));
  const acknowledge = async (part: number) => {
    const transfer = parts().at(-1)?.transfer ?? new Uint8Array(16);
    const plan = await history.acknowledged(encodeOwnBody("archived", { transfer, part }), phone);
    await sealed.commit(plan.build());
    for (const work of plan.after) work();
  };
  return { store: sealed, history, queued, progress, world, run, parts, acknowledge };
}

describe("a transfer of history", () => {
  it("has at most eight parts unacknowledged, and ends with the acknowledgement of the last", async () => {
    const { store, history, run, parts, acknowledge, progress } = await fixture();
    await history.start(phone, 0);
    await run();
    expect(parts().map(({ part }) => part)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (let part = 1; part < PARTS; part++) {
      await acknowledge(part);
      await run();
      expect(parts().length).toBe(Math.min(part + 8, PARTS));
    }
    expect(parts().map(({ last }) => last)).toEqual([...Array.from({ length: PARTS - 1 }, () => "no"), "yes"]);
    expect(await store.get(keys.transfer(phone))).toBeDefined();
    await acknowledge(PARTS);
    expect(await store.get(keys.transfer(phone))).toBeUndefined();
    expect(progress.map(({ done }) => done)).toEqual(Array.from({ length: PARTS }, (_, index) => index + 1));
  });

  it("goes on where it was in the next run, and sends no part twice", async () => {
    const first = await fixture();
    await first.history.start(phone, 0);
    await first.run();
    first.history.close();
    const next = await fixture(first.store);
    next.history.wake();
    await next.run();
    expect(next.parts().map(({ part }) => part)).toEqual([9, 10, 11, 12, 13, 14, 15, 16]);
    expect(next.parts()[0]?.transfer).toEqual(first.parts()[0]?.transfer);
  });

  it("wished for a device that is not there yet begins when it joins, also in a later run, and once", async () => {
    const first = await fixture();
    await first.history.wish(77);
    await first.history.joined(phone, 78);
    await first.run();
    expect(first.queued).toEqual([]);
    first.history.close();
    const next = await fixture(first.store);
    await next.history.joined(phone, 77);
    expect(await next.store.get(keys.transfer(phone))).toBeDefined();
    await next.run();
    expect(next.parts().length).toBe(8);
    await next.history.joined(phone, 77);
    await next.run();
    expect(next.parts().length).toBe(8);
  });

  it("waits while the outbox is full", async () => {
    const { history, run, world, queued } = await fixture();
    world.room = 0;
    await history.start(phone, 0);
    await run();
    expect(queued).toEqual([]);
  });

  it("begins anew, from the earliest time asked for, for a device that lost what it had", async () => {
    const { store, history, run, parts } = await fixture();
    await history.start(phone, 500);
    await run();
    const before = parts().length;
    const plan = await history.missed(phone, 900);
    await store.commit(plan.build());
    for (const work of plan.after) work();
    await run();
    expect(parts()[before]?.part).toBe(1);
    expect(parts()[before]?.transfer).not.toEqual(parts()[0]?.transfer);
  });

  it("is given up when its device was removed", async () => {
    const { store, history, run, world } = await fixture();
    await history.start(phone, 0);
    await run();
    world.devices = [];
    history.wake();
    await run();
    expect(await store.get(keys.transfer(phone))).toBeUndefined();
  });
});

describe("history that arrives", () => {
  const part = (number: number, done: number) =>
    encodeOwnBody("archive", {
      transfer: new Uint8Array(16).fill(1),
      part: number,
      last: "no",
      done,
      total: 100,
      entries: [],
    });

  it("is acknowledged part by part, and its progress never goes back", async () => {
    const { store, history, queued, progress } = await fixture();
    for (const [number, done] of [
      [1, 10],
      [3, 30],
      [2, 20],
    ] as const) {
      const plan = await history.take(part(number, done), phone);
      await store.commit(plan.build());
      for (const work of plan.after) work();
    }
    expect(progress.map(({ done }) => done)).toEqual([10, 30, 30]);
    const acknowledged = queued.map(({ body }) => decodeOwnBody("archived", body ?? new Uint8Array()).part);
    expect(acknowledged).toEqual([1, 3, 2]);
  });

  it("that does not parse changes nothing", async () => {
    const { history } = await fixture();
    expect(await history.take(Uint8Array.of(1, 2, 3), phone)).toBe(nothing);
    expect(await history.acknowledged(Uint8Array.of(9), phone)).toBe(nothing);
  });
});
