/**
 * The sender key that this device uses in each group, and which devices hold it. A key is good for one audience: whoever can
 * read with it and should not any more makes another one necessary.
 */

import { type AccountId, type ConversationId, equalBytes, fromHex } from "@sotto/protocol";
import type { Certificates } from "../../account/certificates.js";
import type { OwnAccount } from "../../account/own-account.js";
import type { Address, Engine, Random, StoreChange } from "../../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../../rows.js";
import { CollectedRecords } from "../../sessions/engine-records.js";
import type { Peers } from "../../sessions/peers.js";
import type { SealedStore } from "../../storage/sealed-store.js";

/** What distributions work with. */
export interface DistributionParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly engine: Pick<Engine, "distributeSenderKey" | "encryptToGroup">;
  readonly certificates: Pick<Certificates, "current">;
  readonly random: Random;
  /** The relay's clock. */
  nowMs(): number;
}

/** A device that holds a key, as it was registered when it got it. */
export type Holder = Row<"shared">["devices"][number];

/** What is to be encrypted to whom, under the key of a group. */
export interface GroupText {
  readonly group: ConversationId;
  readonly distribution: Uint8Array;
  /** The devices of one account stand together: the message names accounts in this order. */
  readonly recipients: readonly Address[];
  readonly plaintext: Uint8Array;
}

/** Makes keys, uses them, and remembers who holds them. Callers hold the lock `sending/<group>`. */
export class Distributions {
  constructor(private readonly parts: DistributionParts) {}

  /** The distribution id of the present key, if it was made for this audience. */
  async present(group: ConversationId, audience: number): Promise<Uint8Array | undefined> {
    const row = await this.row(group);
    return row?.audience === audience ? row.distribution : undefined;
  }

  /** Makes a new key in the place of the present one. Nobody holds it yet; resolves once it is durable. */
  async renew(group: ConversationId, audience: number): Promise<Uint8Array> {
    const { store, engine, random } = this.parts;
    const distribution = random.bytes(16);
    const records = this.records();
    const { changes } = await engine.distributeSenderKey(records, distribution);
    const dropped = await this.dropped(group);
    records.collect(changes);
    const value = encodeRow("distribution", { group, distribution, audience });
    await store.commit([...dropped, ...records.takeChanges(), { key: keys.distribution(store, group), value }]);
    return distribution;
  }

  /** What other devices take to read what is encrypted from now on. */
  async message(distribution: Uint8Array): Promise<Uint8Array> {
    const { store, engine } = this.parts;
    const records = this.records();
    const { message, changes } = await engine.distributeSenderKey(records, distribution);
    records.collect(changes);
    const collected = records.takeChanges();
    if (collected.length > 0) await store.commit(collected);
    return message;
  }

  /** The devices of an account that hold this key. */
  async holders(group: ConversationId, account: AccountId, distribution: Uint8Array): Promise<readonly Holder[]> {
    const { store } = this.parts;
    const stored = await store.get(keys.shared(store, group, account));
    if (stored === undefined) return [];
    const row = decodeRow("shared", stored);
    return equalBytes(row.distribution, distribution) ? row.devices : [];
  }

  /** The change that remembers that exactly these devices of an account hold this key. */
  held(group: ConversationId, account: AccountId, shared: Row<"shared">): StoreChange {
    const { store } = this.parts;
    return { key: keys.shared(store, group, account), value: encodeRow("shared", shared) };
  }

  /** The change after which an account is handed the key anew. */
  unheld(group: ConversationId, account: AccountId): StoreChange {
    const { store } = this.parts;
    return { key: keys.shared(store, group, account), value: undefined };
  }

  /**
   * Encrypts padded bytes once and seals them to every recipient. The message may leave only once `durable` resolved: until
   * then a crash would take the key back to where it was.
   *
   * @throws EngineRefusal noSession naming whom there is no session with; noSenderKey if the key is gone.
   */
  async encrypt({ group, distribution, recipients, plaintext }: GroupText): Promise<{
    readonly message: Uint8Array;
    readonly durable: Promise<void>;
  }> {
    const { store, engine, certificates, nowMs } = this.parts;
    const certificate = await certificates.current();
    const records = this.records();
    const { message, changes } = await engine.encryptToGroup(records, {
      ...{ distribution, recipients, plaintext, certificate },
      group: fromHex(group),
      nowMs: nowMs(),
    });
    records.collect(changes);
    return { message, durable: store.commit(records.takeChanges()) };
  }

  /** The changes that leave this device without a key for a group. */
  async dropped(group: ConversationId): Promise<readonly StoreChange[]> {
    const { store } = this.parts;
    const row = await this.row(group);
    if (row === undefined) return [];
    const gone = [keys.distribution(store, group), this.recordKey(row.distribution)];
    for await (const { key } of eachRow(store, keys.sharedOf(store, group))) gone.push(key);
    return gone.map((key) => ({ key, value: undefined }));
  }

  /**
   * Leaves this device without any key: a state that may be older than the newest one has used message keys which its later
   * self used too. Resolves once that is durable.
   */
  async dropAll(): Promise<void> {
    const { store } = this.parts;
    for await (const { value } of eachRow(store, keys.distributions)) {
      await store.commit(await this.dropped(decodeRow("distribution", value).group));
    }
  }

  private async row(group: ConversationId): Promise<Row<"distribution"> | undefined> {
    const { store } = this.parts;
    const stored = await store.get(keys.distribution(store, group));
    return stored === undefined ? undefined : decodeRow("distribution", stored);
  }

  private recordKey(distribution: Uint8Array): string {
    const { store, account } = this.parts;
    return keys.senderKey(store, account.id, account.device, distribution);
  }

  private records(): CollectedRecords {
    const { store, account, peers } = this.parts;
    return new CollectedRecords(store, account, peers);
  }
}
