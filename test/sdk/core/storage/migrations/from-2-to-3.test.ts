import { directConversationId, parseAccountId, parseDeviceId } from "@sotto/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeRow, eachRow, encodeRow, keys, type Row, type rows } from "../../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../../sdk/core/storage/sealed-store.js";
import { FORMAT, HEADER_KEY } from "../../../../../sdk/core/storage/store-header.js";
import { openSealed } from "../fixture.js";
import { UnsafeMemoryStore } from "../unsafe-memory-store.js";
import { type OldStore, oldStore, placeOf } from "./old-store.js";
import { expectSurvivesPowerLoss } from "./power-loss.js";

/** Written by the code of format 2: what waits of every kind, and more kept sends than one page of a migration. */
let fixture: OldStore<"me" | "bob" | "carol">;
beforeAll(async () => {
  fixture = await oldStore(2);
});

const oldPlace = () => placeOf(fixture);

const named: readonly (readonly [string, keyof typeof rows])[] = [
  [keys.peers, "peer"],
  ["user/", "peer"],
  [keys.conversations, "conversation"],
  ["timeline/", "item"],
  ["message/", "messageIndex"],
  [keys.outboxAll, "outbox"],
  [keys.sentAll, "sent"],
];

/** Every row of the store in its present shape, as text. */
async function everyRow(store: SealedStore): Promise<readonly string[]> {
  const all: string[] = [];
  for (const [prefix, name] of named) {
    for await (const { key, value } of eachRow(store, prefix))
      all.push(`${key} ${JSON.stringify(decodeRow(name, value))}`);
  }
  const account = await store.get(keys.account);
  if (account !== undefined) all.push(`account ${JSON.stringify(decodeRow("account", account))}`);
  return all;
}

async function rowsOf<Name extends "outbox" | "sent">(store: SealedStore, prefix: string, name: Name) {
  const found: Row<Name>[] = [];
  for await (const { value } of eachRow(store, prefix)) found.push(decodeRow(name, value));
  return found;
}

describe("a store of format 2", () => {
  it("opens with every row in its present shape, and is of the present format then", async () => {
    const place = oldPlace();
    expect(place.rows.get(HEADER_KEY)?.[5]).toBe(2);
    const store = await openSealed(new UnsafeMemoryStore(place));
    const rest = Object.keys(fixture.rows).filter((key) => key !== HEADER_KEY && !key.startsWith("order/"));
    expect(await everyRow(store)).toHaveLength(rest.length);
    expect(place.rows.get(HEADER_KEY)?.[5]).toBe(FORMAT);
    await store.close();
  });

  it("keeps what waits, in its order, with all it said and to whom; none of it is for a group", async () => {
    const store = await openSealed(new UnsafeMemoryStore(oldPlace()));
    const { me, bob, carol } = fixture.ids;
    const orders = await rowsOf(store, keys.outboxAll, "outbox");
    expect(orders.map(({ type, recipient, state }) => [type, recipient, state])).toEqual([
      ["content", bob, "queued"],
      ["content", bob, "failed"],
      ["content", bob, "queued"],
      ["contact", bob, "queued"],
      ["retry", carol, "queued"],
      ["missed", carol, "queued"],
      ["sent", me, "queued"],
      ["state", me, "queued"],
    ]);
    expect(orders.map(({ envelope }) => envelope[0])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const conversation = directConversationId(parseAccountId(me), parseAccountId(bob));
    expect(orders[0]).toMatchObject({ conversation, sequence: 1, createdMs: 1_001 });
    expect(orders[2]).toMatchObject({ resendOf: new Uint8Array(16).fill(99), atMs: 77 });
    expect(orders[4]?.envelopes).toHaveLength(2);
    expect(orders[6]).toMatchObject({ peer: bob, atMs: 55 });
    expect(orders[7]).toMatchObject({ device: parseDeviceId(3), body: Uint8Array.of(1, 2, 3) });
    for (const order of orders) expect([order.group, order.standing]).toEqual([undefined, undefined]);
    await store.close();
  });

  it("keeps what was sent, so that it can be sent again to whom it went", async () => {
    const store = await openSealed(new UnsafeMemoryStore(oldPlace()));
    const kept = await rowsOf(store, keys.sentAll, "sent");
    expect(kept).toHaveLength(140);
    const first = kept.find(({ acceptedMs }) => acceptedMs === 20_000);
    expect(first).toEqual({
      ...{ recipient: fixture.ids.bob, type: "content", body: Uint8Array.of(0) },
      ...{ sentMs: 10_000, acceptedMs: 20_000, resends: 0 },
    });
    const toDevice = kept.find(({ acceptedMs }) => acceptedMs === 20_003);
    expect(toDevice).toMatchObject({ recipient: fixture.ids.me, device: parseDeviceId(3), type: "archive" });
    await store.close();
  });

  it("can lose power at any write of its migration, and ends the same", () =>
    expectSurvivesPowerLoss({ oldPlace, everyRow, format: 2, moreThan: 2 }));

  it("is finished also under the header of format 1, where the way to format 2 was interrupted", async () => {
    const place = oldPlace();
    const header = place.rows.get(HEADER_KEY)?.slice() ?? new Uint8Array();
    header[5] = 1;
    place.rows.set(HEADER_KEY, header);
    const store = await openSealed(new UnsafeMemoryStore(place));
    expect(await rowsOf(store, keys.outboxAll, "outbox")).toHaveLength(8);
    expect(await rowsOf(store, keys.sentAll, "sent")).toHaveLength(140);
    await store.close();
  });

  it("is migrated once, and then holds rows for groups", async () => {
    const place = oldPlace();
    const store = await openSealed(new UnsafeMemoryStore(place));
    const group = directConversationId(parseAccountId(fixture.ids.me), parseAccountId(fixture.ids.carol));
    const [row] = await rowsOf(store, keys.outboxAll, "outbox");
    if (row === undefined) throw new Error("nothing waits");
    const { recipient: _recipient, ...whole } = row;
    const standing = { revision: 7, head: new Uint8Array(32) };
    await store.commit([{ key: keys.outbox(9), value: encodeRow("outbox", { ...whole, group, standing }) }]);
    await store.close();
    const again = new UnsafeMemoryStore(place);
    const reopened = await openSealed(again);
    expect(again.writes).toEqual([]);
    expect((await rowsOf(reopened, keys.outboxAll, "outbox")).at(-1)).toMatchObject({ group, standing });
    await reopened.close();
  });
});
