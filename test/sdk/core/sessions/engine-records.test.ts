import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import type { EngineChange } from "../../../../sdk/core/ports.js";
import { eachRow, keys } from "../../../../sdk/core/rows.js";
import { CollectedRecords } from "../../../../sdk/core/sessions/engine-records.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { ownRow } from "../outbox/fixture.js";
import { device, me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const address = { account: peer, device };
const [one, other] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
const key = (distribution: Uint8Array, record: string): EngineChange => ({
  kind: "senderKey",
  address,
  distribution,
  record: new TextEncoder().encode(record),
});
const read = (record: Uint8Array | undefined) => record && new TextDecoder().decode(record);

async function fixture() {
  const store = await openSealed();
  const records = () => new CollectedRecords(store, OwnAccount.create(ownRow()), new Peers(store));
  const commit = async (...changes: readonly EngineChange[]) => {
    const collected = records();
    collected.collect(changes);
    await store.commit(collected.takeChanges());
  };
  return { store, records, commit };
}

describe("sender keys in the engine's records", () => {
  it("are read as they were collected, and from the store once committed", async () => {
    const { store, records } = await fixture();
    const collecting = records();
    expect(await collecting.senderKey(address, one)).toBeUndefined();
    collecting.collect([key(one, "first")]);
    collecting.collect([key(one, "second")]);
    expect(read(await collecting.senderKey(address, one))).toBe("second");
    expect(await records().senderKey(address, one)).toBeUndefined();
    await store.commit(collecting.takeChanges());
    expect(read(await records().senderKey(address, one))).toBe("second");
  });

  it("stand apart by device and distribution", async () => {
    const { records, commit } = await fixture();
    await commit(key(one, "one"), key(other, "other"));
    const reading = records();
    expect(read(await reading.senderKey(address, one))).toBe("one");
    expect(read(await reading.senderKey(address, other))).toBe("other");
    expect(await reading.senderKey({ account: me, device }, one)).toBeUndefined();
  });

  it("are found by their device, so that they can be deleted with it, and name nobody", async () => {
    const { store, records, commit } = await fixture();
    await commit(key(one, "one"), key(other, "other"));
    const found: string[] = [];
    for await (const row of eachRow(store, keys.senderKeysOf(store, peer, device))) found.push(row.key);
    expect(found.sort()).toEqual([one, other].map((id) => keys.senderKey(store, peer, device, id)).sort());
    // Whole ids: names are blinded to random digits, among which a few are there by chance.
    for (const name of found) expect(name).not.toMatch(/ffeeddcc-?bbaa-?9988|(01){16}|(02){16}/);
    await store.commit(found.map((name) => ({ key: name, value: undefined })));
    expect(await records().senderKey(address, one)).toBeUndefined();
  });
});
