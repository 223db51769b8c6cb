/**
 * The entries of a group's log, as its members see them once they are opened. One table of kinds; an entry is signed by its
 * author's identity key and chained to the last valid entry before it.
 */

import { decodeRecord, encodeRecord } from "../codec.js";
import { digest, labelled } from "../derive.js";
import { SottoError } from "../failures.js";
import { limits } from "../limits.js";
import {
  accountId,
  bytes,
  choice,
  conversationId,
  type Field,
  list,
  optional,
  record,
  type TypeOf,
  text,
  timeMs,
  uint,
} from "../schema/field.js";

const { value: MAX_ACCOUNTS } = limits.groupAccounts;
const curveKey = bytes(33);
const hash = bytes(32);

/** What members may do, from the least to the most. */
export const groupRoles = ["member", "admin", "owner"] as const;
/** What a member may do. */
export type GroupRole = (typeof groupRoles)[number];
const role = choice(...groupRoles);
const who = choice("members", "admins");

/** What an entry that sets a group up, or changes it, may say. Absent: as it was; in a new group the first choice, 0 and nothing. */
const settings = {
  /** Who may invite. */
  invite: optional(who),
  /** Who may write; `admins` makes it an announcement group. */
  write: optional(who),
  /** Who may change title, avatar and timer. */
  edit: optional(who),
  /** `on`: whom a member invited waits, once they accepted, for an admin. */
  approval: optional(choice("off", "on")),
  /** How long messages are kept after they were read; 0 = for ever. */
  timerMs: optional(uint(Number.MAX_SAFE_INTEGER)),
  title: optional(text(limits.groupTitleBytes.value)),
  /** A small picture as a file's bytes; empty for none. */
  avatar: optional(bytes(0, limits.groupAvatarBytes.value)),
} as const;

/** What every member publishes in the log of itself: where new secrets are sealed to, and what access tags are made from. */
const memberKeys = { wrapKey: curveKey, deliveryKeyHash: hash } as const;

/**
 * A new secret, sealed to everybody who stays: to admins and owners the admins' secret, to all others the group's secret that
 * derives from it. In the order of account ids, one for each member, invited and waiting account, and nobody else.
 */
const rotation = record({
  ephemeral: curveKey,
  accessKey: bytes(32),
  adminKey: bytes(32),
  sealed: list(record({ account: accountId, secret: bytes(48) }), MAX_ACCOUNTS),
});

/** The admins' secret of the present epoch, sealed to the one account that becomes an admin by this entry. */
const handover = record({ ephemeral: curveKey, secret: bytes(48) });

/** One kind: its number, its body, and what it does. */
export interface GroupEntryKindRow {
  readonly number: number;
  readonly doc: string;
  readonly body: Field<unknown>;
}

/** Every kind of entry. */
export const groupEntryKinds = {
  create: {
    number: 1,
    doc: "Begins the group; its author is the owner. `maxAccounts` is the cap of the community it was created in.",
    body: record({ maxAccounts: uint(MAX_ACCOUNTS, 1), identityKey: curveKey, ...memberKeys, ...settings }),
  },
  invite: {
    number: 2,
    doc: "Invites an account, by its identity key as the author knows it. New secrets are sealed to `wrapKey`, whose private half is in the invitation.",
    body: record({ account: accountId, identityKey: curveKey, wrapKey: curveKey }),
  },
  accept: {
    number: 3,
    doc: "The author accepts its invitation: it is a member, or waits for an admin where the group asks for approval and no admin invited it.",
    body: record({ ...memberKeys }),
  },
  decline: { number: 4, doc: "The author declines its invitation.", body: record({}) },
  admit: { number: 5, doc: "An admin lets somebody in who waits.", body: record({ account: accountId }) },
  remove: {
    number: 6,
    doc: "Removes members, refuses who waits and takes invitations back; accounts in ascending order. By an admin it begins a new epoch without them. A member takes its own invitations back, without one.",
    body: record({ accounts: list(accountId, MAX_ACCOUNTS, 1), rotation: optional(rotation) }),
  },
  leave: {
    number: 7,
    doc: "The author leaves, or waits no more. A last owner hands over to the admin, else the member, who joined first; that member is sealed the admins' secret.",
    body: record({ sealed: optional(handover) }),
  },
  role: {
    number: 8,
    doc: "Gives a member another role. Whom an owner makes an admin is sealed the admins' secret; whom an owner makes a mere member is left out of a new epoch's. Everybody may step down.",
    body: record({ account: accountId, role, sealed: optional(handover), rotation: optional(rotation) }),
  },
  update: { number: 9, doc: "Changes settings, at least one.", body: record(settings) },
  rotate: {
    number: 10,
    doc: "Begins a new epoch: where the last one's secret is known to somebody who should not, or when an admin wants one.",
    body: record({ rotation }),
  },
  keys: {
    number: 11,
    doc: "The author's keys are others now: a device of it was revoked, or it blocked somebody.",
    body: record({ ...memberKeys }),
  },
  checkpoint: {
    number: 12,
    doc: "Says what the hash of the state before this entry is.",
    body: record({ stateHash: hash }),
  },
} as const satisfies Record<string, GroupEntryKindRow>;

/** The name of a kind. */
export type GroupEntryKind = keyof typeof groupEntryKinds;
/** What an entry of a kind says. */
export type GroupEntryBody<Kind extends GroupEntryKind> = TypeOf<(typeof groupEntryKinds)[Kind]["body"]>;
/** What entries say: the kind, and its body. */
export type GroupChange = { [Kind in GroupEntryKind]: { readonly kind: Kind } & GroupEntryBody<Kind> }[GroupEntryKind];
/** A new secret for everybody who stays. */
export type GroupRotation = TypeOf<typeof rotation>;
/** The admins' secret for who becomes one. */
export type GroupHandover = TypeOf<typeof handover>;

/** The fields that an entry's author signs; PROTOCOL.md's table is made from this record. */
export const groupEntryFields = {
  version: uint(1, 1),
  group: conversationId,
  /** The hash of the last valid entry; zeros for the first. */
  previous: hash,
  author: accountId,
  /** The author's clock; nothing depends on it. */
  atMs: timeMs,
  kindNumber: uint(0xffff, 1),
  body: bytes(0, limits.groupEntryBytes.value),
} as const;

const signedPart = record(groupEntryFields);
const outer = record({ signed: bytes(1, limits.groupEntryBytes.value), signature: bytes(64) });
const kindByNumber = new Map<number, GroupEntryKind>();
for (const [kind, row] of Object.entries(groupEntryKinds)) kindByNumber.set(row.number, kind as GroupEntryKind);

/** An entry before it is signed. */
export interface UnsignedGroupEntry {
  readonly group: TypeOf<typeof conversationId>;
  readonly previous: Uint8Array;
  readonly author: TypeOf<typeof accountId>;
  readonly atMs: number;
  readonly change: GroupChange;
}

/** An entry as it was read; its signature is not checked yet. */
export interface GroupEntry extends UnsignedGroupEntry {
  /** What the signature is over: `groupEntryText` of the signed part. */
  readonly text: Uint8Array;
  readonly signature: Uint8Array;
  /** Names the entry in the chain. */
  readonly hash: Uint8Array;
}

/**
 * The bytes of an entry, as they are sealed: `sign` is XEdDSA by the author's identity key. With what sealing adds, the
 * largest is below `limits.groupEntryBytes`.
 *
 * @throws invalidArgument for a field out of bounds.
 */
export function encodeGroupEntry(
  entry: UnsignedGroupEntry,
  sign: (text: Uint8Array) => Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { change, ...header } = entry;
  const row = groupEntryKinds[change.kind];
  const body = encodeRecord(row.body as Field<unknown>, change);
  const signed = encodeRecord(signedPart, { version: 1, ...header, kindNumber: row.number, body });
  return encodeRecord(outer, { signed, signature: sign(groupEntryText(signed)) });
}

/**
 * Reads an entry. Byte fields are views of `encoded`.
 *
 * @throws badFrame if the bytes are none: another version, a second spelling, a field out of bounds, an unknown kind.
 */
export function decodeGroupEntry(encoded: Uint8Array): GroupEntry {
  const { signed, signature } = decodeRecord(outer, encoded);
  const { version: _version, kindNumber, body, ...header } = decodeRecord(signedPart, signed);
  const kind = kindByNumber.get(kindNumber);
  if (kind === undefined) throw new SottoError("badFrame", { detail: "an entry of an unknown kind" });
  const fields = decodeRecord(groupEntryKinds[kind].body as Field<object>, body);
  const text = groupEntryText(signed);
  return {
    ...header,
    change: { kind, ...fields } as GroupChange,
    text,
    signature,
    hash: digest(labelled("sotto/group-entry-hash/1", encoded)),
  };
}

function groupEntryText(signed: Uint8Array): Uint8Array<ArrayBuffer> {
  return labelled("sotto/group-entry/1", signed);
}
