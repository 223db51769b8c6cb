/** libsignal's stores in memory: the least a program can do around the library. */

import {
  type Direction,
  IdentityChange,
  type IdentityKeyPair,
  IdentityKeyStore,
  type KyberPreKeyRecord,
  KyberPreKeyStore,
  type PreKeyRecord,
  PreKeyStore,
  type PrivateKey,
  type ProtocolAddress,
  type PublicKey,
  SenderKeyRecord,
  SenderKeyStore,
  SessionRecord,
  SessionStore,
  type SignedPreKeyRecord,
  SignedPreKeyStore,
} from "@signalapp/libsignal-client";

/** Sessions, kept as the bytes that a commit writes. */
export class MemorySessions extends SessionStore {
  private readonly records = new Map<string, Uint8Array<ArrayBuffer>>();

  async saveSession(name: ProtocolAddress, record: SessionRecord): Promise<void> {
    this.records.set(name.toString(), record.serialize());
  }

  async getSession(name: ProtocolAddress): Promise<SessionRecord | null> {
    const bytes = this.records.get(name.toString());
    return bytes === undefined ? null : SessionRecord.deserialize(bytes);
  }

  async getExistingSessions(names: ProtocolAddress[]): Promise<SessionRecord[]> {
    return names.map((name) => SessionRecord.deserialize(this.bytesOf(name)));
  }

  /** The bytes of one session. */
  bytesOf(name: ProtocolAddress): Uint8Array<ArrayBuffer> {
    const bytes = this.records.get(name.toString());
    if (bytes === undefined) throw new Error("no session");
    return bytes;
  }
}

/** One identity that trusts whom it meets. */
export class MemoryIdentity extends IdentityKeyStore {
  private readonly peers = new Map<string, PublicKey>();

  constructor(
    private readonly pair: IdentityKeyPair,
    private readonly registrationId: number,
  ) {
    super();
  }

  override async getIdentityKeyPair(): Promise<IdentityKeyPair> {
    return this.pair;
  }

  async getIdentityKey(): Promise<PrivateKey> {
    return this.pair.privateKey;
  }

  async getLocalRegistrationId(): Promise<number> {
    return this.registrationId;
  }

  async saveIdentity(name: ProtocolAddress, key: PublicKey): Promise<IdentityChange> {
    this.peers.set(name.toString(), key);
    return IdentityChange.NewOrUnchanged;
  }

  async isTrustedIdentity(_name: ProtocolAddress, _key: PublicKey, _direction: Direction): Promise<boolean> {
    return true;
  }

  async getIdentity(name: ProtocolAddress): Promise<PublicKey | null> {
    return this.peers.get(name.toString()) ?? null;
  }
}

/** Sender keys, kept as the bytes that a commit writes. */
export class MemorySenderKeys extends SenderKeyStore {
  private readonly records = new Map<string, Uint8Array<ArrayBuffer>>();

  async saveSenderKey(sender: ProtocolAddress, distribution: string, record: SenderKeyRecord): Promise<void> {
    this.records.set(`${sender.toString()}/${distribution}`, record.serialize());
  }

  async getSenderKey(sender: ProtocolAddress, distribution: string): Promise<SenderKeyRecord | null> {
    const bytes = this.records.get(`${sender.toString()}/${distribution}`);
    return bytes === undefined ? null : SenderKeyRecord.deserialize(bytes);
  }
}

class Records<Row> {
  private readonly rows = new Map<number, Row>();

  save(id: number, record: Row): void {
    this.rows.set(id, record);
  }

  get(id: number): Row {
    const row = this.rows.get(id);
    if (row === undefined) throw new Error(`no prekey ${id}`);
    return row;
  }
}

/** One-time prekeys. */
export class MemoryPrekeys extends PreKeyStore {
  private readonly records = new Records<PreKeyRecord>();

  async savePreKey(id: number, record: PreKeyRecord): Promise<void> {
    this.records.save(id, record);
  }

  async getPreKey(id: number): Promise<PreKeyRecord> {
    return this.records.get(id);
  }

  async removePreKey(): Promise<void> {}
}

/** Signed prekeys. */
export class MemorySignedPrekeys extends SignedPreKeyStore {
  private readonly records = new Records<SignedPreKeyRecord>();

  async saveSignedPreKey(id: number, record: SignedPreKeyRecord): Promise<void> {
    this.records.save(id, record);
  }

  async getSignedPreKey(id: number): Promise<SignedPreKeyRecord> {
    return this.records.get(id);
  }
}

/** Kyber prekeys. */
export class MemoryKyberPrekeys extends KyberPreKeyStore {
  private readonly records = new Records<KyberPreKeyRecord>();

  async saveKyberPreKey(id: number, record: KyberPreKeyRecord): Promise<void> {
    this.records.save(id, record);
  }

  async getKyberPreKey(id: number): Promise<KyberPreKeyRecord> {
    return this.records.get(id);
  }

  async markKyberPreKeyUsed(): Promise<void> {}
}
