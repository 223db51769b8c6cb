import { type ContactState, decodeOwnBody, encodeOwnBody, type OwnState, parseDeviceId } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { AccountState } from "../../../../sdk/core/devices/account-state.js";
import { mergedContact } from "../../../../sdk/core/devices/merged-contact.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import type { Row } from "../../../../sdk/core/rows.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { Roles } from "../../../../sdk/core/sessions/roles.js";
import { ownRow } from "../outbox/fixture.js";
import { UnsafeOutbox } from "../outbox/unsafe-outbox.js";
import { me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const other = parseDeviceId(2);
const key = (byte: number, size = 33) => new Uint8Array(size).fill(byte);

async function fixture() {
  const store = await openSealed();
  const account = OwnAccount.create(ownRow());
  const peers = new Peers(store);
  const roles = new Roles(store);
  const outbox = new UnsafeOutbox();
  const merged: string[] = [];
  const devices = { others: [other] };
  const accountState = new AccountState({
    ...{ store, account, peers, roles, outbox, locks: new KeyedLock() },
    others: () => devices.others,
    arrivals: {
      moved: async (before, after) => ({
        changes: [],
        after: [() => merged.push(`${before.relation} ${after.relation}`)],
      }),
    },
    accessMerged: ({ profileKey }) => merged.push(`access, key ${profileKey}`),
  });
  const merge = async (own: Partial<OwnState> | undefined, contacts: readonly ContactState[] = []) => {
    const { profileKey, profileKeyVersion, name, nameVersion, policy, policyVersion } = account.current;
    const mine = { profileKey, profileKeyVersion, name, nameVersion, policy, policyVersion };
    const last = "no" as const;
    const body = { own: own === undefined ? undefined : { ...mine, ...own }, contacts: [...contacts], last };
    const after = await accountState.merge(body, async (plan) => {
      await store.commit(plan.build());
      return plan.after;
    });
    for (const work of after) work();
  };
  return { store, account, peers, roles, outbox, merged, devices, accountState, merge };
}

describe("account state", () => {
  it("is told as it is when it leaves, not as it was when it was queued", async () => {
    const it = await fixture();
    const [queued] = it.accountState.queue({ own: "own", contacts: [peer] });
    queued?.sent();
    const row = await it.peers.get(peer);
    await it.store.commit([
      it.account.change({ name: "Alice", nameVersion: 4 }),
      it.peers.change({ ...row, relation: "blocked", relationVersion: 3, identityKey: key(5) }),
    ]);
    const [order] = it.outbox.sent;
    expect(order).toMatchObject({ recipient: me, type: "state", device: undefined });
    const told = decodeOwnBody("state", await it.accountState.filled(order?.body ?? new Uint8Array(0)));
    expect(told.own).toMatchObject({ name: "Alice", nameVersion: 4 });
    expect(told.contacts).toMatchObject([{ account: peer, relation: "blocked", version: 3, identityKey: key(5) }]);
  });

  it("is told to nobody while this is the only device", async () => {
    const it = await fixture();
    it.devices.others = [];
    expect(it.accountState.queue({ own: "own", contacts: [peer] })).toEqual([]);
  });

  it("goes whole to a new device, a hundred contacts to a part, and without this account itself", async () => {
    const it = await fixture();
    for (let number = 0; number < 205; number++) {
      const account = `00000000-0000-4000-8000-${number.toString().padStart(12, "0")}` as typeof peer;
      await it.store.commit([it.peers.change({ ...(await it.peers.get(account)), relation: "accepted" })]);
    }
    await it.store.commit([it.peers.change(await it.peers.get(me))]);
    await it.accountState.serve(other);
    const parts = it.outbox.sent.map(({ body }) => decodeOwnBody("state", body ?? new Uint8Array(0)));
    expect(parts.map(({ own, contacts, last }) => [own !== undefined, contacts.length, last])).toEqual([
      [true, 100, "no"],
      [false, 100, "no"],
      [false, 5, "yes"],
    ]);
    expect(it.outbox.sent.every(({ device }) => device === other)).toBe(true);
  });

  it("is whole in the words of a device that was told everything itself, and in no others", async () => {
    const it = await fixture();
    await it.accountState.serve(other);
    const body = it.outbox.sent[0]?.body ?? new Uint8Array(0);
    expect(decodeOwnBody("state", await it.accountState.filled(body)).last).toBe("yes");
    it.account.change({ awaiting: "state" });
    expect(decodeOwnBody("state", await it.accountState.filled(body)).last).toBe("no");
  });

  it("fits into one envelope however long its contacts' names are", () => {
    const text = "n".repeat(256);
    const contacts = Array.from({ length: 100 }, () => ({
      ...({
        account: peer,
        version: 0xffff_ffff,
        relation: "accepted",
        role: "person",
        verification: "unverified",
      } as const),
      ...{ userId: text, name: text, identityKey: key(5), profileKey: key(1, 32) },
    }));
    expect(() => encodeOwnBody("state", { contacts, last: "yes" })).not.toThrow();
  });

  it("takes the later version of each setting, and of one version the greater value", async () => {
    const it = await fixture();
    await it.merge({ name: "Old", nameVersion: 0, policy: "contacts", policyVersion: 2 });
    expect(it.account.current).toMatchObject({ name: "Old", policy: "contacts", policyVersion: 2 });
    await it.merge({ name: "New", nameVersion: 1, policy: "everyone", policyVersion: 1 });
    expect(it.account.current).toMatchObject({ name: "New", nameVersion: 1, policy: "contacts" });
    expect(it.merged).toEqual(["access, key same"]);
    await it.merge({ profileKey: key(1, 32), profileKeyVersion: 0 });
    expect(it.account.current.profileKey).toEqual(key(7, 32));
    await it.merge({ profileKey: key(8, 32), profileKeyVersion: 0 });
    expect(it.account.current.profileKey).toEqual(key(8, 32));
    expect(it.merged.at(-1)).toBe("access, key other");
  });

  it("takes over contacts that were not known here, also by their names at the host", async () => {
    const it = await fixture();
    const contact = {
      account: peer,
      version: 2,
      relation: "accepted",
      verification: "verified",
      userId: "bob",
      role: "person",
    } as const;
    await it.merge(undefined, [{ ...contact, identityKey: key(5), profileKey: key(3, 32), name: "Bob" }]);
    expect(await it.peers.get(peer)).toMatchObject({ relation: "accepted", verification: "verified", name: "Bob" });
    expect(await it.peers.accountOf("bob")).toBe(peer);
    expect(it.merged).toEqual(["none accepted"]);
    await it.merge(undefined, [{ ...contact, account: me }]);
    expect(it.merged).toHaveLength(1);
  });

  it("takes over that somebody is a bot, also of a known contact, and never that they are a person after all", async () => {
    const it = await fixture();
    const contact = { account: peer, version: 2, relation: "accepted", verification: "unverified" } as const;
    await it.merge(undefined, [{ ...contact, role: "person" }]);
    await it.merge(undefined, [{ ...contact, role: "bot" }]);
    expect(await it.roles.of(peer)).toBe("bot");
    await it.merge(undefined, [{ ...contact, version: 3, role: "person" }]);
    expect(await it.roles.of(peer)).toBe("bot");
    for (const { sent } of it.accountState.queue({ contacts: [peer] })) sent();
    const row = it.outbox.sent.at(-1);
    if (row?.body === undefined) throw new Error("nobody is told");
    expect(decodeOwnBody("state", await it.accountState.filled(row.body)).contacts).toMatchObject([{ role: "bot" }]);
  });

  it("takes no identity key in the place of another, nor its verification or profile key", async () => {
    const it = await fixture();
    const row = { ...(await it.peers.get(peer)), relation: "accepted", identityKey: key(5) } as const;
    await it.store.commit([it.peers.change(row)]);
    const theirs = {
      account: peer,
      version: 9,
      relation: "accepted",
      role: "person",
      verification: "verified",
    } as const;
    await it.merge(undefined, [{ ...theirs, identityKey: key(6), profileKey: key(3, 32) }]);
    const after = await it.peers.get(peer);
    expect([after.identityKey, after.verification, after.profileKey]).toEqual([key(5), "unverified", undefined]);
  });
});

describe("a contact that two devices know", () => {
  const relation = fc.constantFrom("none", "received", "sent", "accepted", "declined", "blocked");
  const known = fc.record({
    relation,
    relationVersion: fc.nat(2),
    verification: fc.constantFrom("unverified", "verified", "changed"),
  }) as fc.Arbitrary<Pick<Row<"peer">, "relation" | "relationVersion" | "verification">>;
  const told = (row: Row<"peer">): ContactState => ({ ...row, role: "person", version: row.relationVersion });

  it("ends alike on both, in whatever order they hear of each other, and stays so", () => {
    fc.assert(
      fc.property(known, known, known, (one, two, three) => {
        const rows = [one, two, three].map(
          (part): Row<"peer"> => ({ account: peer, devices: [], formerIdentities: [], identityKey: key(5), ...part }),
        );
        const [a, b, c] = rows as [Row<"peer">, Row<"peer">, Row<"peer">];
        const left = mergedContact(mergedContact(a, told(b)), told(c));
        const right = mergedContact(mergedContact(c, told(a)), told(b));
        expect(left).toEqual(right);
        expect(mergedContact(left, told(right))).toBe(left);
      }),
    );
  });
});
