import { type AccountId, directConversationId, parseAccountId } from "@sotto/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../../sdk/core/account/own-account.js";
import { Conversations } from "../../../../../sdk/core/conversations/conversations.js";
import { decodeRow, eachRow, keys, type rows } from "../../../../../sdk/core/rows.js";
import { Peers } from "../../../../../sdk/core/sessions/peers.js";
import type { SealedStore } from "../../../../../sdk/core/storage/sealed-store.js";
import { FORMAT, HEADER_KEY } from "../../../../../sdk/core/storage/store-header.js";
import { openSealed } from "../fixture.js";
import { UnsafeMemoryStore } from "../unsafe-memory-store.js";
import { type OldStore, oldStore, placeOf } from "./old-store.js";
import { expectSurvivesPowerLoss } from "./power-loss.js";

/** Written by the code of format 1: two people who talked, one who never answered, one to whom nothing left yet. */
let fixture: OldStore<"me" | "bob" | "carol" | "dave" | "one" | "two" | "three" | "four">;
beforeAll(async () => {
  fixture = await oldStore(1);
});

const oldPlace = () => placeOf(fixture);

async function relationTo(store: SealedStore, who: "bob" | "carol" | "dave") {
  const { relation, relationVersion } = await new Peers(store).get(parseAccountId(fixture.ids[who]));
  return [relation, relationVersion];
}

async function itemsWith(store: SealedStore, peer: AccountId) {
  const account = await OwnAccount.load(store);
  if (account === undefined) throw new Error("no account");
  const { timeline, reader } = await new Conversations(store, account).of(peer);
  const found = await timeline.latest(1_000);
  const items = await Promise.all(found.map((one) => reader.item(one)));
  return { timeline, found, items: items.filter((item) => item !== undefined) };
}

/** Every row of the store in its present shape, as text. */
async function everyRow(store: SealedStore): Promise<readonly string[]> {
  const prefixes: readonly (readonly [string, keyof typeof rows])[] = [
    [keys.peers, "peer"],
    ["user/", "peer"],
    [keys.conversations, "conversation"],
    ["timeline/", "item"],
    ["message/", "messageIndex"],
    [keys.outboxAll, "outbox"],
    [keys.sentAll, "sent"],
    [keys.undecryptables, "undecryptable"],
    [keys.owedAll, "owed"],
  ];
  const all: string[] = [];
  for (const [prefix, name] of prefixes) {
    for await (const { key, value } of eachRow(store, prefix))
      all.push(`${key} ${JSON.stringify(decodeRow(name, value))}`);
  }
  for await (const { key, value } of eachRow(store, "order/")) all.push(`${key} ${Buffer.from(value).toString("hex")}`);
  for (const [key, name] of [
    [keys.account, "account"],
    [keys.inbox, "inbox"],
    [keys.certificate, "certificate"],
  ] as const) {
    const value = await store.get(key);
    if (value !== undefined) all.push(`${key} ${JSON.stringify(decodeRow(name, value))}`);
  }
  return all;
}

describe("a store of format 1", () => {
  it("opens with every row in its present shape, and is of the present format then", async () => {
    const place = oldPlace();
    expect(place.rows.get(HEADER_KEY)?.[5]).toBe(1);
    const store = await openSealed(new UnsafeMemoryStore(place));
    expect((await everyRow(store)).length).toBeGreaterThan(20);
    expect(place.rows.get(HEADER_KEY)?.[5]).toBe(FORMAT);
    await store.close();
  });

  it("keeps conversations in the order in which they were shown, with edits, reactions and deletions", async () => {
    const store = await openSealed(new UnsafeMemoryStore(oldPlace()));
    const { found, items } = await itemsWith(store, parseAccountId(fixture.ids.bob));
    expect(found.map(({ sequence }) => sequence)).toEqual(
      [...found.map(({ sequence }) => sequence)].sort((a, b) => a - b),
    );
    const [one, two, three, four] = items;
    expect(one).toMatchObject({ kind: "text", text: "one, edited", edited: "yes", messageId: fixture.ids.one });
    expect(two).toMatchObject({ kind: "text", text: "two", status: "read", reactions: [{ emoji: "👍" }] });
    expect([three?.kind, four?.kind]).toEqual(["deleted", "deleted"]);
    expect(items.at(-1)).toMatchObject({ kind: "undecryptable" });
    const times = found.map(({ row }) => row.acceptedMs ?? 0);
    expect(new Set(times).size).toBe(times.length);
    await store.close();
  });

  it("names deleted messages again, so that they can be told to other devices", async () => {
    const store = await openSealed(new UnsafeMemoryStore(oldPlace()));
    const { found } = await itemsWith(store, parseAccountId(fixture.ids.bob));
    const names = found.filter(({ row }) => row.deletedMs !== undefined).map(({ row }) => row.messageId);
    expect(names).toEqual([fixture.ids.three, fixture.ids.four]);
    await store.close();
  });

  it("takes for contacts who ever answered, for asked who did not, and for strangers who were sent nothing", async () => {
    const store = await openSealed(new UnsafeMemoryStore(oldPlace()));
    expect(await relationTo(store, "bob")).toEqual(["accepted", 0]);
    expect(await relationTo(store, "carol")).toEqual(["sent", 0]);
    expect(await relationTo(store, "dave")).toEqual(["none", 0]);
    await store.close();
  });

  it("keeps what is on its way, and words between SDKs in their present spelling", async () => {
    const store = await openSealed(new UnsafeMemoryStore(oldPlace()));
    const orders: unknown[] = [];
    for await (const { value } of eachRow(store, keys.outboxAll)) {
      const { type, resendOf, envelopes, body } = decodeRow("outbox", value);
      orders.push([type, resendOf?.[0], envelopes.length, body.length > 0]);
    }
    expect(orders).toEqual([
      ["content", undefined, 0, true],
      ["retry", undefined, 1, false],
      ["nothing", 3, 0, false],
      ["content", 5, 0, true],
    ]);
    const { items } = await itemsWith(store, parseAccountId(fixture.ids.dave));
    expect(items).toMatchObject([{ kind: "text", text: "hello dave", status: "pending" }]);
    await store.close();
  });

  it("gives what did not open the position of its place", async () => {
    const store = await openSealed(new UnsafeMemoryStore(oldPlace()));
    const conversation = directConversationId(parseAccountId(fixture.ids.me), parseAccountId(fixture.ids.bob));
    for await (const { value } of eachRow(store, keys.undecryptables)) {
      const row = decodeRow("undecryptable", value);
      const stored = await store.get(keys.item(store, conversation, row.sequence ?? 0));
      expect(row.acceptedMs).toBe(decodeRow("item", stored ?? new Uint8Array()).acceptedMs);
    }
    await store.close();
  });

  it("can lose power at any write of its migration, and ends the same", () =>
    expectSurvivesPowerLoss({ oldPlace, everyRow, format: 1, moreThan: 5 }));

  it("is migrated once", async () => {
    const place = oldPlace();
    await (await openSealed(new UnsafeMemoryStore(place))).close();
    const again = new UnsafeMemoryStore(place);
    await (await openSealed(again)).close();
    expect(again.writes).toEqual([]);
  });
});
