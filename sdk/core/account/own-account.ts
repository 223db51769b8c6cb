/** This account and device as the client holds it: one stored row, read often and written rarely. */

import { type AccountId, type DeviceId, SottoError } from "@sotto/protocol";
import type { Address, IdentityKeys, StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** The largest prekey id; libsignal keeps them in 24 bits. */
const MAX_PREKEY_ID = 0xff_ffff;
/**
 * More than a device gives out between two copies of its folder. Ids never come back, so a relay that claims more is not
 * believed: it could use up all there are.
 */
const MAX_SKIPPED_IDS = 100_000;

/** The own account's row in memory, changed only together with its stored copy. */
export class OwnAccount {
  private constructor(private row: Row<"account">) {}

  /** Loads the account of a store; `undefined` in a fresh one. */
  static async load(store: SealedStore): Promise<OwnAccount | undefined> {
    const stored = await store.get(keys.account);
    return stored === undefined ? undefined : new OwnAccount(decodeRow("account", stored));
  }

  /** A new account, not yet stored. */
  static create(row: Row<"account">): OwnAccount {
    return new OwnAccount(row);
  }

  /** Everything held. */
  get current(): Row<"account"> {
    return this.row;
  }

  /** True once the relay has given this device its address. */
  get isRegistered(): boolean {
    return this.row.phase === "registered";
  }

  /** Account and device. @throws closed before registration; the client never gets that far. */
  get address(): Address {
    const { account, device } = this.row;
    if (account === undefined || device === undefined) throw new SottoError("closed", { detail: "not registered yet" });
    return { account, device };
  }

  /** The account id. */
  get id(): AccountId {
    return this.address.account;
  }

  /** The device id. */
  get device(): DeviceId {
    return this.address.device;
  }

  /** The identity key pair, shared by all devices of the account. */
  get identity(): IdentityKeys {
    return { publicKey: this.row.identityPublic, privateKey: this.row.identityPrivate };
  }

  /**
   * Changes fields and answers the stored change, which the caller commits with whatever belongs to it.
   *
   * Memory is ahead of the disk until then; a commit that fails ends the client, so the two never part for long.
   *
   * @throws invalidArgument for a field out of bounds; nothing changed then.
   */
  change(fields: Partial<Row<"account">>): StoreChange {
    const row = { ...this.row, ...fields };
    const value = encodeRow("account", row);
    this.row = row;
    return { key: keys.account, value };
  }

  /** Whether a later state of this device gave out prekey ids up to this one, as far as that can be. */
  mayHaveGivenOut(highest: number): boolean {
    const ahead = highest - this.row.nextPrekeyId;
    return ahead >= 0 && ahead < MAX_SKIPPED_IDS;
  }

  /** Whether so many prekey ids are left. */
  hasPrekeyIds(count: number): boolean {
    return this.row.nextPrekeyId + count <= MAX_PREKEY_ID;
  }

  /** Goes on behind prekey ids that a later state of this device gave out. Stored with the next reservation. */
  skipPrekeyIds(highest: number): void {
    this.row = { ...this.row, nextPrekeyId: Math.min(Math.max(this.row.nextPrekeyId, highest + 1), MAX_PREKEY_ID) };
  }

  /** Reserves prekey ids; they only ever rise, and the relay ignores any other. The caller commits the change. */
  reservePrekeyIds(count: number): { readonly ids: readonly number[]; readonly change: StoreChange } {
    const first = this.row.nextPrekeyId;
    if (!this.hasPrekeyIds(count))
      throw new SottoError("storeFailed", { detail: "out of prekey ids; reset the account" });
    const ids = Array.from({ length: count }, (_, index) => first + index);
    return { ids, change: this.change({ nextPrekeyId: first + count }) };
  }
}
