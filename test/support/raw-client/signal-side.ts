/** The Signal side of a device without an SDK: libsignal itself, with every step open to be done wrong on purpose. */

import {
  Aci,
  CiphertextMessageType,
  IdentityKeyPair,
  KEMKeyPair,
  KEMPublicKey,
  KyberPreKeyRecord,
  PreKeyBundle,
  PreKeySignalMessage,
  PrivateKey,
  ProtocolAddress,
  PublicKey,
  processPreKeyBundle,
  SignalMessage,
  SignedPreKeyRecord,
  sealedSenderDecryptToUsmc,
  sealedSenderEncrypt,
  signalDecrypt,
  signalDecryptPreKey,
  signalEncrypt,
  UnidentifiedSenderMessageContent,
} from "@signalapp/libsignal-client";
import { type AccountId, type DeviceId, decodePayload, type Frame, type Payload } from "@sotto/protocol";
import { type OwnPrekeys, SignalRecords } from "./signal-records.js";

/** One device of one account. */
export interface DeviceAddress {
  readonly account: AccountId;
  readonly device: DeviceId;
}

/** How a ciphertext is wrapped: under which certificate, and what happens to the inner ciphertext before. */
export interface Wrapping {
  readonly certificate: Uint8Array;
  readonly damage?: (inner: Uint8Array<ArrayBuffer>) => Uint8Array;
}

/** What one device would publish of itself. */
export interface PublishedKeys {
  readonly signedPrekey: Frame<"register">["signedPrekey"];
  readonly lastResortPrekey: Frame<"register">["lastResortPrekey"];
}

/** A copy over a buffer of its own, as libsignal's types ask for. */
const plain = (bytes: Uint8Array) => Uint8Array.from(bytes);
const nameOf = ({ account, device }: DeviceAddress) => ProtocolAddress.new(Aci.fromUuid(account), device);

/** Keys, sessions and sealing of one device. */
export class SignalSide {
  private readonly prekeys: OwnPrekeys;
  private readonly records: SignalRecords;

  /** With an identity of its own, or with one it got hold of. */
  constructor(
    readonly registrationId: number,
    readonly identity = IdentityKeyPair.generate(),
  ) {
    const nowMs = Date.now();
    const curve = PrivateKey.generate();
    const kyber = KEMKeyPair.generate();
    const signed = (key: { serialize(): Uint8Array<ArrayBuffer> }) => this.identity.privateKey.sign(key.serialize());
    this.prekeys = {
      signed: SignedPreKeyRecord.new(1, nowMs, curve.getPublicKey(), curve, signed(curve.getPublicKey())),
      lastResort: KyberPreKeyRecord.new(1, nowMs, kyber, signed(kyber.getPublicKey())),
    };
    this.records = new SignalRecords(this.identity, registrationId, this.prekeys);
  }

  /** The public halves, signed. This device has no one-time keys. */
  get published(): PublishedKeys {
    const { signed, lastResort } = this.prekeys;
    return {
      signedPrekey: { id: 1, key: signed.publicKey().serialize(), signature: signed.signature() },
      lastResortPrekey: { id: 1, key: lastResort.publicKey().serialize(), signature: lastResort.signature() },
    };
  }

  /** Starts a session with a device of a fetched bundle. */
  async startSession(
    own: DeviceAddress,
    { account, identityKey, devices }: Frame<"bundles">,
    at: number,
  ): Promise<void> {
    const bundle = devices[at];
    if (bundle === undefined) throw new Error("no such device in the bundle");
    const { device, registrationId, signedPrekey, kyberPrekey, oneTimePrekey } = bundle;
    const prekeys = PreKeyBundle.new(
      registrationId,
      device,
      oneTimePrekey?.id ?? null,
      oneTimePrekey === undefined ? null : PublicKey.deserialize(plain(oneTimePrekey.key)),
      signedPrekey.id,
      PublicKey.deserialize(plain(signedPrekey.key)),
      plain(signedPrekey.signature),
      PublicKey.deserialize(plain(identityKey)),
      kyberPrekey.id,
      KEMPublicKey.deserialize(plain(kyberPrekey.key)),
      plain(kyberPrekey.signature),
    );
    await processPreKeyBundle(prekeys, nameOf({ account, device }), nameOf(own), this.records, this.records);
  }

  /** Encrypts padded bytes to a device and seals them. */
  async encrypt(
    own: DeviceAddress,
    peer: DeviceAddress,
    padded: Uint8Array,
    { certificate, damage = (inner) => inner }: Wrapping,
  ): Promise<Uint8Array> {
    const to = nameOf(peer);
    const inner = await signalEncrypt(plain(padded), to, nameOf(own), this.records, this.records);
    const content = sealedContent(inner.type(), certificate, damage(inner.serialize()));
    return sealedSenderEncrypt(UnidentifiedSenderMessageContent.deserialize(content), to, this.records);
  }

  /** Opens an envelope and checks nothing. */
  async open(own: DeviceAddress, sealed: Uint8Array): Promise<Payload> {
    const { records } = this;
    const content = await sealedSenderDecryptToUsmc(plain(sealed), records);
    const certificate = content.senderCertificate();
    const from = ProtocolAddress.new(Aci.fromUuid(certificate.senderUuid()), certificate.senderDeviceId());
    const to = nameOf(own);
    const padded =
      content.msgType() === CiphertextMessageType.PreKey
        ? await signalDecryptPreKey(
            PreKeySignalMessage.deserialize(content.contents()),
            ...([from, to, records, records, records, records, records] as const),
          )
        : await signalDecrypt(SignalMessage.deserialize(content.contents()), from, to, records, records);
    return decodePayload(padded);
  }
}

/** The outer layer's content as bytes: a protobuf of type (1), certificate (2) and contents (3). */
function sealedContent(type: number, certificate: Uint8Array, contents: Uint8Array): Uint8Array<ArrayBuffer> {
  // The library numbers kinds 2 and 3 in memory, and 2 and 1 on the wire.
  const wireType = type === CiphertextMessageType.PreKey ? 1 : 2;
  return Uint8Array.from([0x08, wireType, ...lengthDelimited(0x12, certificate), ...lengthDelimited(0x1a, contents)]);
}

function lengthDelimited(tag: number, bytes: Uint8Array): readonly number[] {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>= 7) length.push((rest & 0x7f) | 0x80);
  return [tag, ...length, rest, ...bytes];
}
