/** Multi-recipient messages by libsignal, and libsignal's own splitting of them: what ours is compared with. */

import { randomInt, randomUUID } from "node:crypto";
import {
  Aci,
  ContentHint,
  groupEncrypt,
  IdentityChange,
  IdentityKeyPair,
  IdentityKeyStore,
  KEMKeyPair,
  PreKeyBundle,
  PrivateKey,
  ProtocolAddress,
  type PublicKey,
  processPreKeyBundle,
  SenderCertificate,
  SenderKeyDistributionMessage,
  type SenderKeyRecord,
  SenderKeyStore,
  ServerCertificate,
  type SessionRecord,
  SessionStore,
  sealedSenderMultiRecipientEncrypt,
  UnidentifiedSenderMessageContent,
} from "@signalapp/libsignal-client";
import SealedSenderMultiRecipientMessage from "@signalapp/libsignal-client/dist/SealedSenderMultiRecipientMessage.js";
import type { AccountId } from "@sotto/protocol";

/** A message split: for each account its devices and what they get, in hex, in the order of account ids. */
export type SplitByAccount = readonly {
  readonly account: string;
  readonly devices: readonly { readonly device: number; readonly registrationId: number }[];
  readonly received: string;
}[];

/** What libsignal makes of a message; `undefined` if it refuses it, or would leave somebody out. */
export function splitBySignal(message: Uint8Array): SplitByAccount | undefined {
  try {
    const parsed = new SealedSenderMultiRecipientMessage(Uint8Array.from(message));
    const recipients = Object.entries(parsed.recipientsByServiceIdString());
    if (parsed.excludedRecipientServiceIdStrings().length > 0) return undefined;
    return recipients
      .map(([account, recipient]) => ({
        account,
        devices: recipient.deviceIds.map((device, index) => ({
          device,
          registrationId: recipient.registrationIds[index] ?? 0,
        })),
        received: Buffer.from(parsed.messageForRecipient(recipient)).toString("hex"),
      }))
      .sort((one, other) => (one.account < other.account ? -1 : 1));
  } catch {
    return undefined;
  }
}

/** Somebody with sessions to many devices and a sender key. */
export class SignalSender {
  private readonly identity = PrivateKey.generate();
  private readonly aci = Aci.fromUuid(randomUUID());
  private readonly own = ProtocolAddress.new(this.aci, 1);
  private readonly sessions = new Sessions();
  private readonly identities = new Identities(this.identity);
  private readonly senderKeys = new SenderKeys();
  private readonly distribution = randomUUID();

  /** Starts a session with every device of a fresh account; answers their addresses. */
  async meet(
    devices: number,
  ): Promise<{ readonly account: AccountId; readonly addresses: readonly ProtocolAddress[] }> {
    const account = randomUUID() as AccountId;
    const identity = PrivateKey.generate();
    const addresses: ProtocolAddress[] = [];
    for (let device = 1; device <= devices; device++) {
      const address = ProtocolAddress.new(Aci.fromUuid(account), device);
      await processPreKeyBundle(bundleOf(identity, device), address, this.own, this.sessions, this.identities);
      addresses.push(address);
    }
    return { account, addresses };
  }

  /** One message to all these addresses. */
  async encrypt(addresses: readonly ProtocolAddress[], excluded: readonly AccountId[] = []): Promise<Uint8Array> {
    const root = PrivateKey.generate();
    const server = PrivateKey.generate();
    const serverCertificate = ServerCertificate.new(1, server.getPublicKey(), root);
    const key = this.identity.getPublicKey();
    const inADay = Date.now() + 86_400_000;
    const certificate = SenderCertificate.new(this.aci, null, 1, key, inADay, serverCertificate, server);
    await SenderKeyDistributionMessage.create(this.own, this.distribution, this.senderKeys);
    const text = Uint8Array.from(Buffer.from("hello, everybody"));
    const ciphertext = await groupEncrypt(this.own, this.distribution, this.senderKeys, text);
    return sealedSenderMultiRecipientEncrypt({
      content: UnidentifiedSenderMessageContent.new(ciphertext, certificate, ContentHint.Resendable, null),
      recipients: [...addresses],
      excludedRecipients: excluded.map((account) => Aci.fromUuid(account)),
      identityStore: this.identities,
      sessionStore: this.sessions,
    });
  }
}

function bundleOf(identity: PrivateKey, device: number): PreKeyBundle {
  const signed = PrivateKey.generate().getPublicKey();
  const kyber = KEMKeyPair.generate().getPublicKey();
  const sign = (key: { serialize(): Uint8Array<ArrayBuffer> }) => identity.sign(key.serialize());
  const registrationId = randomInt(1, 0x4000);
  return PreKeyBundle.new(
    registrationId,
    device,
    null,
    null,
    1,
    signed,
    sign(signed),
    identity.getPublicKey(),
    2,
    kyber,
    sign(kyber),
  );
}

class Sessions extends SessionStore {
  private readonly records = new Map<string, SessionRecord>();

  async saveSession(name: ProtocolAddress, record: SessionRecord): Promise<void> {
    this.records.set(name.toString(), record);
  }

  async getSession(name: ProtocolAddress): Promise<SessionRecord | null> {
    return this.records.get(name.toString()) ?? null;
  }

  async getExistingSessions(addresses: ProtocolAddress[]): Promise<SessionRecord[]> {
    return addresses.map((address) => {
      const record = this.records.get(address.toString());
      if (record === undefined) throw new Error(`no session with ${address.toString()}`);
      return record;
    });
  }
}

class Identities extends IdentityKeyStore {
  private readonly known = new Map<string, PublicKey>();

  constructor(private readonly own: PrivateKey) {
    super();
  }

  async getIdentityKey(): Promise<PrivateKey> {
    return this.own;
  }

  override async getIdentityKeyPair(): Promise<IdentityKeyPair> {
    return new IdentityKeyPair(this.own.getPublicKey(), this.own);
  }

  async getLocalRegistrationId(): Promise<number> {
    return 1;
  }

  async saveIdentity(name: ProtocolAddress, key: PublicKey): Promise<IdentityChange> {
    this.known.set(name.toString(), key);
    return IdentityChange.NewOrUnchanged;
  }

  async isTrustedIdentity(): Promise<boolean> {
    return true;
  }

  async getIdentity(name: ProtocolAddress): Promise<PublicKey | null> {
    return this.known.get(name.toString()) ?? null;
  }
}

class SenderKeys extends SenderKeyStore {
  private readonly records = new Map<string, SenderKeyRecord>();

  async saveSenderKey(sender: ProtocolAddress, distribution: string, record: SenderKeyRecord): Promise<void> {
    this.records.set(`${sender.toString()} ${distribution}`, record);
  }

  async getSenderKey(sender: ProtocolAddress, distribution: string): Promise<SenderKeyRecord | null> {
    return this.records.get(`${sender.toString()} ${distribution}`) ?? null;
  }
}
