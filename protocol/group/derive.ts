/** What is derived, signed and shown of a group's keys, each with its own label. */

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { digest, labelled } from "../derive.js";
import { ACCESS_TAG_BYTES } from "../frames.js";
import { type AccountId, accountIdToBytes, type ConversationId, fromHex } from "../ids.js";

const encoder = new TextEncoder();

function derived(secret: Uint8Array, label: string): Uint8Array<ArrayBuffer> {
  return hkdf(sha256, secret, undefined, encoder.encode(label), 32) as Uint8Array<ArrayBuffer>;
}

/**
 * The secret of an epoch that all members hold, from the one that only its admins hold. Both are 32 bytes; the admins' is
 * random.
 */
export function deriveGroupSecret(adminSecret: Uint8Array): Uint8Array<ArrayBuffer> {
  return derived(adminSecret, "sotto/group-secret/1");
}

/** The Ed25519 seed of the key that proves to the relay that somebody may read and append. */
export function deriveGroupAccessSeed(groupSecret: Uint8Array): Uint8Array<ArrayBuffer> {
  return derived(groupSecret, "sotto/group-access/1");
}

/** The Ed25519 seed of the key that the relay asks for where a whole group could be shut out of its log. */
export function deriveGroupAdminSeed(adminSecret: Uint8Array): Uint8Array<ArrayBuffer> {
  return derived(adminSecret, "sotto/group-admin/1");
}

/** The AES-256-GCM key of the entries and checkpoints of an epoch. */
export function deriveGroupEntryKey(groupSecret: Uint8Array): Uint8Array<ArrayBuffer> {
  return derived(groupSecret, "sotto/group-entry-key/1");
}

/**
 * The X25519 private key that new secrets are sealed to, for every device of one account: contacts lack the identity's
 * private key, and a device that was revoked the profile key that followed.
 */
export function deriveGroupWrapKey(identityPrivate: Uint8Array, profileKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return derived(labelled("sotto/group-wrap/1", identityPrivate, profileKey), "sotto/group-wrap/1");
}

/**
 * The AES-256-GCM key that seals one secret, once, to one account; the nonce is zero. `agreed` is X25519 of both. The account
 * is in it because two may name one wrap key, and an ephemeral key seals different secrets to admins and members.
 */
export function groupSealKey(
  agreed: Uint8Array,
  to: {
    readonly group: ConversationId;
    readonly account: AccountId;
    readonly ephemeral: Uint8Array;
    readonly wrapKey: Uint8Array;
  },
): Uint8Array<ArrayBuffer> {
  const { group, account, ephemeral, wrapKey } = to;
  const text = labelled("sotto/group-seal/1", agreed, fromHex(group), accountIdToBytes(account), ephemeral, wrapKey);
  return derived(text, "sotto/group-seal/1");
}

/** The associated data of entry number `seq`, sealed under the key of `epoch`. */
export function groupEntryContext(group: ConversationId, seq: number, epoch: number): Uint8Array<ArrayBuffer> {
  return labelled("sotto/group-entry-context/1", fromHex(group), u32(seq), u32(epoch));
}

/** The associated data of the checkpoint that entry number `seq` names. */
export function groupCheckpointContext(group: ConversationId, seq: number, epoch: number): Uint8Array<ArrayBuffer> {
  return labelled("sotto/group-checkpoint-context/1", fromHex(group), u32(seq), u32(epoch));
}

/** What both keys of a new group sign. */
export function groupCreateText(group: {
  readonly group: ConversationId;
  readonly accessKey: Uint8Array;
  readonly adminKey: Uint8Array;
  readonly entry: Uint8Array;
}): Uint8Array<ArrayBuffer> {
  const { accessKey, adminKey, entry } = group;
  return labelled("sotto/group-create/1", fromHex(group.group), accessKey, adminKey, digest(entry));
}

/** What is signed to append. */
export function groupAppendText(append: {
  readonly group: ConversationId;
  readonly expectedSeq: number;
  readonly entry: Uint8Array;
  readonly next?: { readonly accessKey: Uint8Array; readonly adminKey: Uint8Array } | undefined;
}): Uint8Array<ArrayBuffer> {
  const { group, expectedSeq, entry, next } = append;
  const keys = next === undefined ? [] : [next.accessKey, next.adminKey];
  return labelled("sotto/group-append/1", fromHex(group), u32(expectedSeq), digest(entry), ...keys);
}

/** What is signed to read. */
export function groupReadText(read: {
  readonly group: ConversationId;
  readonly after: number;
  readonly atMs: number;
}): Uint8Array<ArrayBuffer> {
  return labelled("sotto/group-read/1", fromHex(read.group), u32(read.after), encoder.encode(`${read.atMs}`));
}

/** What is signed to leave a checkpoint. */
export function groupCheckpointText(checkpoint: {
  readonly group: ConversationId;
  readonly seq: number;
  readonly body: Uint8Array;
}): Uint8Array<ArrayBuffer> {
  const { group, seq, body } = checkpoint;
  return labelled("sotto/group-checkpoint/1", fromHex(group), u32(seq), digest(body));
}

/** What is signed to send to a group. A message is large: who has a faster SHA-256 than this package's gives it. */
export function groupSendText(
  send: {
    readonly group: ConversationId;
    readonly revision: number;
    readonly messageId: Uint8Array;
    readonly message: Uint8Array;
  },
  sha256Of: (message: Uint8Array) => Uint8Array = digest,
): Uint8Array<ArrayBuffer> {
  const { group, revision, messageId, message } = send;
  return labelled("sotto/group-send/1", fromHex(group), u32(revision), messageId, sha256Of(message));
}

/** What stands for a message id in the access tag of a key fetch. */
export const fetchContext: Uint8Array = new Uint8Array(16);

/**
 * The access tag of one account for one send: who shares a group with it knows the hash of its delivery key, which the relay
 * holds too. It proves that, and is good for nothing else: the delivery key itself stays with contacts.
 */
export function accessTag(
  messageId: Uint8Array,
  account: AccountId,
  deliveryKeyHash: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return digest(accessTagText(messageId, account, deliveryKeyHash)).slice(0, ACCESS_TAG_BYTES);
}

/** What is hashed for an access tag, for who has a faster SHA-256. */
export function accessTagText(
  messageId: Uint8Array,
  account: AccountId,
  deliveryKeyHash: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return labelled("sotto/access-tag/1", messageId, accountIdToBytes(account), deliveryKeyHash);
}

function u32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
