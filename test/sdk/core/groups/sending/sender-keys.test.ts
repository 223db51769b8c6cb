import type { AccountId, ConversationId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { GroupSnapshot } from "../../../../../sdk/core/groups/log/group-logs.js";
import type { Plan } from "../../../../../sdk/core/inbox/plan.js";
import { eachRow, keys } from "../../../../../sdk/core/rows.js";
import { device, me } from "../../people.js";
import { rowFor, sendingFixture } from "./fixture.js";
import { accountOf, group, snapshotOf } from "./snapshots.js";

const [bob, cleo] = [accountOf(2), accountOf(3)] as const;
const elsewhere = "ffffffffffffffffffffffffffffffff" as ConversationId;
const DAY_MS = 24 * 3_600_000;

async function fixture() {
  const it = await sendingFixture([bob, cleo]);
  const commit = async (planned: Promise<Plan>) => it.store.commit((await planned).build());
  const key = (number: number) => new Uint8Array(16).fill(number);
  const handOver = (from: AccountId, number: number, to: ConversationId = group) =>
    commit(
      it.senderKeys.take(
        { account: from, device },
        { group: { id: to }, body: { distribution: key(number), message: Uint8Array.of(number) } },
      ),
    );
  const groupOf = (from: AccountId, number: number) => it.senderKeys.groupOf({ account: from, device }, key(number));
  const rowsUnder = async (prefix: string) => {
    const found: string[] = [];
    for await (const row of eachRow(it.store, prefix)) found.push(row.key);
    return found;
  };
  const moved = (members: readonly AccountId[]) =>
    commit(
      it.senderKeys.forget(
        changed(
          it.log.read,
          snapshotOf(
            group,
            members.map((account) => ({ account })),
          ),
        ),
      ),
    );
  return { ...it, commit, handOver, groupOf, rowsUnder, moved };
}

const changed = (before: GroupSnapshot, after: GroupSnapshot) => ({ before, after, applied: [] });

describe("another device's sender key", () => {
  it("is bound to the group it was handed over for, and known for no other device's", async () => {
    const it = await fixture();
    await it.handOver(bob, 1);
    expect(await it.groupOf(bob, 1)).toBe(group);
    expect(await it.groupOf(cleo, 1)).toBeUndefined();
    expect(await it.rowsUnder(keys.senderKeysOf(it.store, bob, device))).toHaveLength(1);
  });

  it("is never bound to another group afterwards", async () => {
    const it = await fixture();
    await it.handOver(bob, 1);
    await it.handOver(bob, 1, elsewhere);
    expect(await it.groupOf(bob, 1)).toBe(group);
    expect(it.counters.snapshot()).toMatchObject({ senderKeysRefused: 1 });
  });

  it("is not taken if the engine takes it for none", async () => {
    const it = await fixture();
    const body = { distribution: new Uint8Array(16), message: new Uint8Array(0) };
    await it.commit(it.senderKeys.take({ account: bob, device }, { group: { id: group }, body }));
    expect(await it.groupOf(bob, 0)).toBeUndefined();
    expect(it.counters.snapshot()).toMatchObject({ senderKeysRefused: 1 });
  });

  it("pushes the oldest out beyond five of its device for its group, with all there is of it", async () => {
    const it = await fixture();
    await it.handOver(bob, 100, elsewhere);
    await it.handOver(cleo, 101);
    for (let number = 1; number <= 7; number++) {
      await it.handOver(bob, number);
      await it.clock.advance(1);
    }
    const known = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((number) => it.groupOf(bob, number)));
    expect(known).toEqual([undefined, undefined, group, group, group, group, group]);
    expect(await it.groupOf(bob, 100)).toBe(elsewhere);
    expect(await it.groupOf(cleo, 101)).toBe(group);
    expect(await it.rowsUnder(keys.senderKeysOf(it.store, bob, device))).toHaveLength(6);
  });

  it("opens for a month what its account said before it left, and is gone then", async () => {
    const it = await fixture();
    await it.handOver(bob, 1);
    await it.handOver(bob, 2, elsewhere);
    await it.handOver(cleo, 3);
    await it.moved([me, cleo]);
    await it.senderKeys.load();
    expect(await it.groupOf(bob, 1)).toBe(group);
    await it.clock.advance(32 * DAY_MS);
    await it.senderKeys.load();
    expect(await it.groupOf(bob, 1)).toBeUndefined();
    expect(await it.groupOf(bob, 2)).toBe(elsewhere);
    expect(await it.groupOf(cleo, 3)).toBe(group);
    expect(await it.rowsUnder(keys.senderKeysOf(it.store, bob, device))).toHaveLength(1);
  });

  it("stays for good if its account came back and handed it over anew", async () => {
    const it = await fixture();
    await it.handOver(bob, 1);
    await it.moved([me, cleo]);
    await it.handOver(bob, 1);
    await it.clock.advance(32 * DAY_MS);
    await it.senderKeys.load();
    expect(await it.groupOf(bob, 1)).toBe(group);
  });
});

describe("this device's sender key", () => {
  async function used() {
    const it = await fixture();
    it.relay.add(bob, [1, 11]);
    it.relay.add(cleo, [1, 21]);
    await it.send(rowFor(1));
    return it;
  }

  it("goes at once when this account leaves, with who holds it", async () => {
    const it = await used();
    expect(await it.rowsUnder(keys.sharedOf(it.store, group))).toHaveLength(2);
    await it.moved([bob, cleo]);
    const left = [keys.distributions, keys.sharedOf(it.store, group), keys.senderKeysOf(it.store, me, device)];
    for (const prefix of left) expect(await it.rowsUnder(prefix)).toEqual([]);
  });

  it("is handed to an account anew with the next word, once that asked for it", async () => {
    const it = await used();
    await it.store.commit([it.senderKeys.again(group, bob)]);
    await it.send(rowFor(2));
    expect(it.handed(2)).toMatchObject([{ to: bob, distribution: it.said().distribution, iteration: 1 }]);
  });

  it("is never used again in a state that may be older than the newest", async () => {
    const it = await used();
    const { distribution } = it.said();
    await it.senderKeys.retire();
    expect(await it.rowsUnder(keys.senderKeysOf(it.store, me, device))).toEqual([]);
    await it.send(rowFor(2));
    expect(it.said().distribution).not.toBe(distribution);
    expect(it.handed(2)).toHaveLength(2);
  });

  it("is made anew where its record is lost, and the word still leaves", async () => {
    const it = await used();
    const [record] = await it.rowsUnder(keys.senderKeysOf(it.store, me, device));
    await it.store.commit([{ key: record ?? "", value: undefined }]);
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "accepted" });
    expect(it.handed(2)).toHaveLength(2);
  });

  it("waits for sessions that ran out to be opened", async () => {
    const it = await used();
    await it.store.commit([{ key: keys.session(it.store, bob, device), value: undefined }]);
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "accepted" });
    expect(it.said().to).toEqual(["00000002.1/11", "00000003.1/21"]);
    expect(it.relay.of("fetchBundles").at(-1)).toMatchObject({ account: bob });
  });
});
