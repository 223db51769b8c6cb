/**
 * What the suite does beside the engine under test, with libsignal itself: issue certificates as the relay does, check
 * signatures, and build what honest engines never send.
 */

import * as libsignal from "@signalapp/libsignal-client";
import SealedSenderMultiRecipientMessage from "@signalapp/libsignal-client/dist/SealedSenderMultiRecipientMessage.js";
import type { Address, IdentityKeys } from "../../../sdk/core/ports.js";

/** A relay's root and the certificate key under it. */
export interface Root {
  readonly publicKey: Uint8Array;
  readonly rootKey: libsignal.PrivateKey;
  readonly serverKey: libsignal.PrivateKey;
}

/** A fresh root with its certificate key. */
export function newRoot(): Root {
  const rootKey = libsignal.PrivateKey.generate();
  return { publicKey: rootKey.getPublicKey().serialize(), rootKey, serverKey: libsignal.PrivateKey.generate() };
}

/** What a certificate states. */
export interface Statement {
  readonly sender: Address;
  readonly identityKey: Uint8Array;
  readonly expiresMs: number;
  /** Where a phone number could stand; none unless given. */
  readonly label?: string;
}

/** A sender certificate as the relay of this root issues it. */
export function issueCertificate(root: Root, { sender, identityKey, expiresMs, label }: Statement): Uint8Array {
  const server = libsignal.ServerCertificate.new(1, root.serverKey.getPublicKey(), root.rootKey);
  return libsignal.SenderCertificate.new(
    libsignal.Aci.fromUuid(sender.account),
    label ?? null,
    sender.device,
    publicKey(identityKey),
    expiresMs,
    server,
    root.serverKey,
  ).serialize();
}

/** Whether an identity signed a message. */
export function isSignedBy(identityKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return publicKey(identityKey).verify(new Uint8Array(message), new Uint8Array(signature));
}

/**
 * Opens the outer layer as the recipient and seals it anew, under another certificate or with other bytes inside: what a
 * sender with a modified client can do.
 */
export async function reseal(
  sealed: Uint8Array,
  {
    recipient,
    sender,
    certificate,
    contents = (bytes) => bytes,
  }: {
    readonly recipient: { readonly identity: IdentityKeys; readonly address: Address };
    readonly sender: IdentityKeys;
    readonly certificate: Uint8Array;
    readonly contents?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  },
): Promise<Uint8Array> {
  const opened = await libsignal.sealedSenderDecryptToUsmc(new Uint8Array(sealed), identities(recipient.identity));
  const content = contentOf(opened, certificate, contents(opened.contents()));
  return libsignal.sealedSenderEncrypt(
    libsignal.UnidentifiedSenderMessageContent.deserialize(content),
    libsignal.ProtocolAddress.new(libsignal.Aci.fromUuid(recipient.address.account), recipient.address.device),
    identities(sender, recipient.identity.publicKey),
  );
}

/** The outer layer's content as bytes: a protobuf of type (1), certificate (2), contents (3), hint (4) and group (5). */
function contentOf(
  opened: libsignal.UnidentifiedSenderMessageContent,
  certificate: Uint8Array,
  contents: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const group = opened.groupId();
  return Uint8Array.from([
    ...[0x08, wireType(opened.msgType())],
    ...lengthDelimited(0x12, certificate),
    ...lengthDelimited(0x1a, contents),
    ...[0x20, opened.contentHint()],
    ...(group === null ? [] : lengthDelimited(0x2a, group)),
  ]);
}

/** The library numbers kinds 2 and 3 in memory, and 2 and 1 on the wire; sender keys are 7 in both. */
function wireType(type: number): number {
  return type === libsignal.CiphertextMessageType.PreKey ? 1 : type;
}

/** Whom a multi-recipient message names, in its order. */
export function addressed(message: Uint8Array): readonly {
  readonly account: string;
  readonly devices: readonly number[];
  readonly registrationIds: readonly number[];
}[] {
  const parsed = new SealedSenderMultiRecipientMessage(new Uint8Array(message));
  return Object.entries(parsed.recipientsByServiceIdString()).map(([account, { deviceIds, registrationIds }]) => ({
    account,
    devices: deviceIds,
    registrationIds,
  }));
}

/** What the relay delivers of a multi-recipient message to every device of one account. */
export function copyFor(message: Uint8Array, account: string): Uint8Array {
  const parsed = new SealedSenderMultiRecipientMessage(new Uint8Array(message));
  const recipient = parsed.recipientsByServiceIdString()[account];
  if (recipient === undefined) throw new Error("the message is not for this account");
  return parsed.messageForRecipient(recipient);
}

/** A message under a sender key, with the fields of a true one and another's signature. */
export function resigned(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const read = libsignal.SenderKeyMessage.deserialize(new Uint8Array(message));
  return libsignal.SenderKeyMessage._new(
    ...([3, read.distributionId(), read.chainId(), read.iteration(), read.ciphertext()] as const),
    libsignal.PrivateKey.generate(),
  ).serialize();
}

/** The distribution message of another chain, for the distribution that a true one is of. */
export function otherChain(message: Uint8Array, chain: "same id" | "another id"): Uint8Array<ArrayBuffer> {
  const read = libsignal.SenderKeyDistributionMessage.deserialize(new Uint8Array(message));
  return libsignal.SenderKeyDistributionMessage._new(
    ...([3, read.distributionId(), chain === "same id" ? read.chainId() : read.chainId() ^ 1, 0] as const),
    ...([read.chainKey(), libsignal.PrivateKey.generate().getPublicKey()] as const),
  ).serialize();
}

function lengthDelimited(tag: number, bytes: Uint8Array): readonly number[] {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>= 7) length.push((rest & 0x7f) | 0x80);
  return [tag, ...length, rest, ...bytes];
}

function publicKey(bytes: Uint8Array): libsignal.PublicKey {
  return libsignal.PublicKey.deserialize(new Uint8Array(bytes));
}

function identities(own: IdentityKeys, peer?: Uint8Array): libsignal.IdentityKeyStore {
  const pair = new libsignal.IdentityKeyPair(
    publicKey(own.publicKey),
    libsignal.PrivateKey.deserialize(new Uint8Array(own.privateKey)),
  );
  return {
    getIdentityKey: async () => pair.privateKey,
    getIdentityKeyPair: async () => pair,
    getLocalRegistrationId: async () => 1,
    saveIdentity: async () => libsignal.IdentityChange.NewOrUnchanged,
    isTrustedIdentity: async () => true,
    getIdentity: async () => (peer === undefined ? null : publicKey(peer)),
  };
}
