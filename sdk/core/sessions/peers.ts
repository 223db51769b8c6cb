/** What is known of other accounts: identity, verification, devices, profile and delivery key. */

import { type AccountId, type DeviceId, equalBytes, type Relation } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** What an opened envelope shows of its sender. */
export interface Learnt {
  readonly device: DeviceId;
  readonly identityKey: Uint8Array;
  readonly profileKey: Uint8Array | undefined;
  /** What the sender says its name at the host is. */
  readonly claimedUserId: string | undefined;
  /** Present if the sender said what it wants to be called, and may. */
  readonly named: { readonly name: string | undefined } | undefined;
  readonly relation: Relation;
}

/** A peer's row with what an envelope showed; the same object if that was known. */
export function withLearnt(row: Row<"peer">, learnt: Learnt): Row<"peer"> {
  const { device, identityKey, profileKey, claimedUserId, named, relation } = learnt;
  const isKnown =
    named === undefined &&
    relation === row.relation &&
    row.identityKey !== undefined &&
    row.devices.includes(device) &&
    (claimedUserId === undefined || row.userId !== undefined || claimedUserId === row.claimedUserId) &&
    (profileKey === undefined || (row.profileKey !== undefined && equalBytes(profileKey, row.profileKey)));
  if (isKnown) return row;
  const devices = row.devices.includes(device)
    ? row.devices
    : [...row.devices, device].sort((one, other) => one - other);
  return {
    ...row,
    identityKey,
    devices,
    relation,
    profileKey: profileKey?.slice() ?? row.profileKey,
    claimedUserId: row.userId === undefined ? (claimedUserId ?? row.claimedUserId) : undefined,
    name: named === undefined ? row.name : named.name,
  };
}

/** Reads peer rows and builds their changes. Callers that read and then change one hold the peer's lock. */
export class Peers {
  constructor(private readonly store: SealedStore) {}

  /** The row of an account; an empty one before the first contact. */
  async get(account: AccountId): Promise<Row<"peer">> {
    const stored = await this.store.get(keys.peer(this.store, account));
    if (stored !== undefined) return decodeRow("peer", stored);
    return {
      account,
      relation: "none",
      relationVersion: 0,
      verification: "unverified",
      devices: [],
      formerIdentities: [],
    };
  }

  /** Everybody who may write to this account and to whom it may write. */
  async contacts(): Promise<readonly AccountId[]> {
    const contacts: AccountId[] = [];
    for await (const { value } of eachRow(this.store, keys.peers)) {
      const { account, relation } = decodeRow("peer", value);
      if (relation === "accepted") contacts.push(account);
    }
    return contacts;
  }

  /** The change that stores a row. */
  change(row: Row<"peer">): StoreChange {
    return { key: keys.peer(this.store, row.account), value: encodeRow("peer", row) };
  }

  /** The account a host user was resolved to earlier. */
  async accountOf(userId: string): Promise<AccountId | undefined> {
    const stored = await this.store.get(keys.userId(this.store, userId));
    return stored === undefined ? undefined : decodeRow("peer", stored).account;
  }

  /** The changes that remember a resolved host user. */
  remember(row: Row<"peer">, userId: string): readonly StoreChange[] {
    const named = { ...row, userId };
    return [this.change(named), { key: keys.userId(this.store, userId), value: encodeRow("peer", named) }];
  }
}
