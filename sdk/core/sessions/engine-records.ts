/** The engine's view of the store: what it reads, and how the changes it wants become rows. */

import { type AccountId, toHex } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Address, EngineChange, EngineRecords, LastResortUse, StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Peers } from "./peers.js";

const USED = Uint8Array.of(1);

/**
 * Records of one engine call or of several under one lock: reads see the changes collected so far, and nothing reaches
 * the store until the caller commits `takeChanges()` in one batch.
 */
export class CollectedRecords implements EngineRecords {
  private readonly sessions = new Map<string, Uint8Array>();
  private readonly senderKeys = new Map<string, Uint8Array>();
  private readonly identities = new Map<AccountId, Uint8Array>();
  private readonly collected: StoreChange[] = [];

  constructor(
    private readonly store: SealedStore,
    private readonly account: OwnAccount,
    private readonly peers: Peers,
  ) {}

  own() {
    const { registrationId } = this.account.current;
    return { identity: this.account.identity, registrationId, address: this.account.address };
  }

  /** Of the own account it is the own one: no other device of it can have another. */
  async peerIdentity(account: AccountId): Promise<Uint8Array | undefined> {
    if (account === this.account.id) return this.account.identity.publicKey;
    return this.identities.get(account) ?? (await this.peers.get(account)).identityKey;
  }

  async session({ account, device }: Address): Promise<Uint8Array | undefined> {
    const key = keys.session(this.store, account, device);
    return this.sessions.get(key) ?? (await this.store.get(key));
  }

  async curvePrekey(id: number): Promise<Uint8Array | undefined> {
    return this.prekeyRecord(keys.curvePrekey(id));
  }

  async signedPrekey(id: number): Promise<Uint8Array | undefined> {
    return this.prekeyRecord(keys.signedPrekey(id));
  }

  async kyberPrekey(id: number): Promise<Row<"prekey"> | undefined> {
    const stored = await this.store.get(keys.kyberPrekey(id));
    return stored === undefined ? undefined : decodeRow("prekey", stored);
  }

  async senderKey({ account, device }: Address, distribution: Uint8Array): Promise<Uint8Array | undefined> {
    const key = keys.senderKey(this.store, account, device, distribution);
    const collected = this.senderKeys.get(key);
    if (collected !== undefined) return collected;
    const stored = await this.store.get(key);
    return stored === undefined ? undefined : decodeRow("senderKey", stored).record;
  }

  async lastResortUsed(use: LastResortUse): Promise<boolean> {
    return (await this.store.get(this.lastResortKey(use))) !== undefined;
  }

  /** Trusts another identity for the rest of these records; the caller stores it with the peer's row. */
  replaceIdentity(account: AccountId, key: Uint8Array): void {
    this.identities.set(account, key);
  }

  /** The identity key the engine saw for an account in these calls, if it saw a new one. */
  newIdentity(account: AccountId): Uint8Array | undefined {
    return this.identities.get(account);
  }

  /** Adds what an engine call wants changed. */
  collect(changes: readonly EngineChange[]): void {
    for (const change of changes) this.collectOne(change);
  }

  /** Adds a change that belongs to these calls and is none of the engine's. */
  also(change: StoreChange): void {
    this.collected.push(change);
  }

  /** Everything collected, ready for one commit. */
  takeChanges(): StoreChange[] {
    return this.collected.splice(0);
  }

  private collectOne(change: EngineChange): void {
    switch (change.kind) {
      case "session": {
        const key = keys.session(this.store, change.address.account, change.address.device);
        this.sessions.set(key, change.record);
        this.collected.push({ key, value: change.record });
        return;
      }
      case "senderKey": {
        const { address, distribution, record } = change;
        const key = keys.senderKey(this.store, address.account, address.device, distribution);
        this.senderKeys.set(key, record);
        this.collected.push({ key, value: encodeRow("senderKey", { record }) });
        return;
      }
      case "peerIdentity":
        this.identities.set(change.account, change.key);
        return;
      case "curvePrekeyUsed":
        this.collected.push({ key: keys.curvePrekey(change.id), value: undefined });
        return;
      case "kyberPrekeyUsed":
        this.collected.push({ key: keys.kyberPrekey(change.id), value: undefined });
        return;
      case "lastResortUsed":
        this.collected.push({ key: this.lastResortKey(change), value: USED });
        return;
      default:
        change satisfies never;
    }
  }

  private lastResortKey({ kyberPrekeyId, signedPrekeyId, baseKey }: LastResortUse): string {
    return keys.lastResortUsed(this.store, `${kyberPrekeyId}/${signedPrekeyId}/${toHex(baseKey)}`);
  }

  private async prekeyRecord(key: string): Promise<Uint8Array | undefined> {
    const stored = await this.store.get(key);
    return stored === undefined ? undefined : decodeRow("prekey", stored).record;
  }
}
