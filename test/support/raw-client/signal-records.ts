/** libsignal's five stores in memory, for one device that has no SDK. Trusts every identity: it is the attacker's own. */

import {
  IdentityChange,
  type IdentityKeyPair,
  type IdentityKeyStore,
  type KyberPreKeyRecord,
  type KyberPreKeyStore,
  type PreKeyRecord,
  type PreKeyStore,
  type PrivateKey,
  type ProtocolAddress,
  type PublicKey,
  SessionRecord,
  type SessionStore,
  type SignedPreKeyRecord,
  type SignedPreKeyStore,
} from "@signalapp/libsignal-client";

/** What the device published. */
export interface OwnPrekeys {
  readonly signed: SignedPreKeyRecord;
  readonly lastResort: KyberPreKeyRecord;
}

/** All five stores. */
export class SignalRecords implements SessionStore, IdentityKeyStore, PreKeyStore, SignedPreKeyStore, KyberPreKeyStore {
  private readonly sessions = new Map<string, Uint8Array<ArrayBuffer>>();
  private readonly identities = new Map<string, PublicKey>();

  constructor(
    private readonly identity: IdentityKeyPair,
    private readonly registrationId: number,
    private readonly prekeys: OwnPrekeys,
  ) {}

  async saveSession(name: ProtocolAddress, record: SessionRecord): Promise<void> {
    this.sessions.set(name.toString(), record.serialize());
  }
  async getSession(name: ProtocolAddress): Promise<SessionRecord | null> {
    const record = this.sessions.get(name.toString());
    return record === undefined ? null : SessionRecord.deserialize(record);
  }
  async getExistingSessions(): Promise<SessionRecord[]> {
    return [];
  }

  async getIdentityKey(): Promise<PrivateKey> {
    return this.identity.privateKey;
  }
  async getIdentityKeyPair(): Promise<IdentityKeyPair> {
    return this.identity;
  }
  async getLocalRegistrationId(): Promise<number> {
    return this.registrationId;
  }
  async saveIdentity(name: ProtocolAddress, key: PublicKey): Promise<IdentityChange> {
    this.identities.set(name.toString(), key);
    return IdentityChange.NewOrUnchanged;
  }
  async isTrustedIdentity(): Promise<boolean> {
    return true;
  }
  async getIdentity(name: ProtocolAddress): Promise<PublicKey | null> {
    return this.identities.get(name.toString()) ?? null;
  }

  async getPreKey(): Promise<PreKeyRecord> {
    throw new Error("this device published no one-time key");
  }
  async getSignedPreKey(): Promise<SignedPreKeyRecord> {
    return this.prekeys.signed;
  }
  async getKyberPreKey(): Promise<KyberPreKeyRecord> {
    return this.prekeys.lastResort;
  }
  async markKyberPreKeyUsed(): Promise<void> {}
  async savePreKey(): Promise<void> {}
  async removePreKey(): Promise<void> {}
  async saveSignedPreKey(): Promise<void> {}
  async saveKyberPreKey(): Promise<void> {}
}
