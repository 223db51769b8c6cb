/** The library's five stores, made anew for one call: they read through the port and collect what should change. */

import type {
  IdentityKeyPair,
  IdentityKeyStore,
  KyberPreKeyRecord,
  KyberPreKeyStore,
  PreKeyRecord,
  PreKeyStore,
  PrivateKey,
  ProtocolAddress,
  PublicKey,
  SessionRecord,
  SessionStore,
  SignedPreKeyRecord,
  SignedPreKeyStore,
} from "@signalapp/libsignal-client";
import { equalBytes } from "@sotto/protocol";
import {
  type Address,
  type EngineChange,
  type EngineRecords,
  EngineRefusal,
  type EngineRefusalReason as Reason,
} from "../../core/ports.js";
import { capArchived } from "./archive.js";
import { heldIdentity } from "./held-identity.js";
import { type Libsignal, plain } from "./library.js";
import { reasonOf, stored } from "./refusal.js";

/** What one call works on. */
export interface Call {
  readonly lib: Libsignal;
  readonly records: EngineRecords;
  readonly own: IdentityKeyPair;
  /** The one peer's device this call is about; the library is given no other. */
  readonly peer: Address;
  /** The identity key the sender's certificate names, where a message is being opened. */
  readonly certified?: Uint8Array;
}

/**
 * All five stores of one call.
 *
 * What a callback throws reaches the caller of the library without its class, so reasons are kept aside here: `run` gives
 * them back. Nothing is changed but `changes`, and those count only if the call succeeds.
 */
export class CallStores implements SessionStore, IdentityKeyStore, PreKeyStore, SignedPreKeyStore, KyberPreKeyStore {
  readonly #call: Call;
  readonly #changes: EngineChange[] = [];
  #session: Uint8Array | undefined;
  #identity: Uint8Array | undefined;
  #aside: unknown;

  constructor(call: Call) {
    this.#call = call;
  }

  /** What the call wants changed, to be committed together. */
  get changes(): readonly EngineChange[] {
    if (this.#session === undefined) return this.#changes;
    return [...this.#changes, { kind: "session", address: this.#call.peer, record: capArchived(this.#session) }];
  }

  /**
   * Runs one operation of the library over these stores.
   *
   * @throws EngineRefusal with the reason set aside by a callback, else the library's own, else `otherwise`; or, as it
   *   was, whatever the records threw: a failing disk must not look like a bad message.
   */
  async run<T>(otherwise: Reason | (() => Reason), operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      if (this.#aside !== undefined) throw this.#aside;
      throw new EngineRefusal(reasonOf(error, typeof otherwise === "string" ? otherwise : otherwise()));
    }
  }

  // ── Sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async getSession(): Promise<SessionRecord | null> {
    return this.#reading(async () => {
      const record = this.#session ?? (await this.#call.records.session(this.#call.peer));
      return record === undefined ? null : stored(() => this.#call.lib.SessionRecord.deserialize(plain(record)));
    });
  }

  async saveSession(_name: ProtocolAddress, record: SessionRecord): Promise<void> {
    this.#session = record.serialize();
  }

  /** Asked for by the multi-recipient form only, which has stores of its own. */
  async getExistingSessions(): Promise<SessionRecord[]> {
    return this.#refuse("noSession");
  }

  // ── Identities ───────────────────────────────────────────────────────────────────────────────────────────────────

  async getIdentityKey(): Promise<PrivateKey> {
    return this.#call.own.privateKey;
  }

  async getIdentityKeyPair(): Promise<IdentityKeyPair> {
    return this.#call.own;
  }

  async getLocalRegistrationId(): Promise<number> {
    return this.#call.records.own().registrationId;
  }

  async getIdentity(): Promise<PublicKey | null> {
    const key = await this.#held();
    return key === undefined ? null : stored(() => this.#call.lib.PublicKey.deserialize(plain(key)));
  }

  /** Asked before an identity is used, in either direction. A received message must be of the identity its certificate names. */
  async isTrustedIdentity(_name: ProtocolAddress, key: PublicKey): Promise<boolean> {
    const used = key.serialize();
    const { certified } = this.#call;
    if (certified !== undefined && !equalBytes(certified, used)) return this.#refuse("invalidMessage");
    const held = await this.#held();
    if (held !== undefined && !equalBytes(held, used)) return this.#refuse("untrustedIdentity");
    return true;
  }

  async saveIdentity(_name: ProtocolAddress, key: PublicKey): Promise<number> {
    const { NewOrUnchanged } = this.#call.lib.IdentityChange;
    if ((await this.#held()) !== undefined) return NewOrUnchanged;
    this.#identity = key.serialize();
    this.#changes.push({ kind: "peerIdentity", account: this.#call.peer.account, key: this.#identity });
    return NewOrUnchanged;
  }

  // ── Prekeys ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async getPreKey(id: number): Promise<PreKeyRecord> {
    return this.#reading(async () => {
      const record = (await this.#call.records.curvePrekey(id)) ?? this.#refuse("noPrekey");
      return stored(() => this.#call.lib.PreKeyRecord.deserialize(plain(record)));
    });
  }

  async removePreKey(id: number): Promise<void> {
    this.#changes.push({ kind: "curvePrekeyUsed", id });
  }

  async getSignedPreKey(id: number): Promise<SignedPreKeyRecord> {
    return this.#reading(async () => {
      const record = (await this.#call.records.signedPrekey(id)) ?? this.#refuse("noPrekey");
      return stored(() => this.#call.lib.SignedPreKeyRecord.deserialize(plain(record)));
    });
  }

  async getKyberPreKey(id: number): Promise<KyberPreKeyRecord> {
    return this.#reading(async () => {
      const { record } = (await this.#call.records.kyberPrekey(id)) ?? this.#refuse("noPrekey");
      return stored(() => this.#call.lib.KyberPreKeyRecord.deserialize(plain(record)));
    });
  }

  /**
   * A one-time key goes. A last-resort key stays, but opens no first message twice: once the session row is gone, this is
   * all that keeps a replay out. The reason is `noPrekey`, as for a spent one-time key, and not `duplicate`: other messages
   * of the same start may never have been opened, and acknowledging one of those would lose it.
   */
  async markKyberPreKeyUsed(kyberPrekeyId: number, signedPrekeyId: number, baseKey: PublicKey): Promise<void> {
    await this.#reading(async () => {
      const prekey = await this.#call.records.kyberPrekey(kyberPrekeyId);
      if (prekey?.use === "oneTime") {
        this.#changes.push({ kind: "kyberPrekeyUsed", id: kyberPrekeyId });
        return;
      }
      const use = { kyberPrekeyId, signedPrekeyId, baseKey: baseKey.serialize() };
      if (await this.#call.records.lastResortUsed(use)) this.#refuse("noPrekey");
      this.#changes.push({ kind: "lastResortUsed", ...use });
    });
  }

  // Prekeys are stored by the shell when they are generated; the library never does.
  async savePreKey(): Promise<void> {}
  async saveSignedPreKey(): Promise<void> {}
  async saveKyberPreKey(): Promise<void> {}

  /** The identity the peer must have. */
  async #held(): Promise<Uint8Array | undefined> {
    const { peer, records } = this.#call;
    return this.#reading(async () => this.#identity ?? (await heldIdentity(records, peer.account)));
  }

  #refuse(reason: Reason): never {
    this.#aside ??= new EngineRefusal(reason);
    throw this.#aside;
  }

  async #reading<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#aside ??= error;
      throw error;
    }
  }
}
