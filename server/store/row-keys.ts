/** Builds and reads the keys of the catalogue. Pure bytes; the one place that knows offsets. */

import type { MailboxId, PrekeyKind } from "../ports.js";
import { catalogue } from "./catalogue.js";
import type { KeyRange } from "./engine.js";

/** Bytes of a u48. */
export const U48 = 6;
/** The largest u48; as a cursor it marks the mailbox's head row. */
export const MAX_U48 = 2 ** 48 - 1;

const ENVELOPE_KEY_BYTES = 1 + U48 + U48 + 4;
const MAX_U32 = 2 ** 32 - 1;
/** Bytes of a message id. */
export const MESSAGE_ID_BYTES = 16;

/** The key of a kind that has only one row. */
export function singleKey(kind: "format" | "numbers" | "migration"): Buffer {
  return Buffer.of(catalogue[kind].prefix);
}

/** A number as six bytes. */
export function u48(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(U48);
  bytes.writeUIntBE(value, 0, U48);
  return bytes;
}

/** A key of a prefix and a text. */
export function textKey(prefix: number, text: string): Buffer {
  const bytes = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
  bytes[0] = prefix;
  bytes.write(text, 1);
  return bytes;
}

/** The key that leads from a mailbox's id to its number. */
export function mailboxKey(mailbox: MailboxId): Buffer {
  return textKey(catalogue.mailbox.prefix, mailbox);
}

/**
 * Builds envelopes' keys in space that is used again and again: one is built for every envelope. A key is valid until the
 * next one is built.
 */
export class EnvelopeKeys {
  readonly #whole = Buffer.alloc(ENVELOPE_KEY_BYTES);
  readonly #ending = Buffer.alloc(ENVELOPE_KEY_BYTES + U48);

  /** The key of an envelope, with the number of its shared end if it has one. */
  write(mailboxNumber: number, cursor: number, sizeBytes: number, sharedEnd: number | undefined): Buffer {
    if (sharedEnd === undefined) return writeEnvelopeKey(this.#whole, mailboxNumber, cursor, sizeBytes);
    this.#ending.writeUIntBE(sharedEnd, ENVELOPE_KEY_BYTES, U48);
    return writeEnvelopeKey(this.#ending, mailboxNumber, cursor, sizeBytes);
  }
}

function writeEnvelopeKey(space: Buffer, mailboxNumber: number, cursor: number, sizeBytes: number): Buffer {
  space[0] = catalogue.envelope.prefix;
  space.writeUIntBE(mailboxNumber, 1, U48);
  space.writeUIntBE(cursor, 1 + U48, U48);
  space.writeUInt32BE(sizeBytes, 1 + U48 + U48);
  return space;
}

function envelopeKey(mailboxNumber: number, cursor: number, sizeBytes: number): Buffer {
  return writeEnvelopeKey(Buffer.allocUnsafe(ENVELOPE_KEY_BYTES), mailboxNumber, cursor, sizeBytes);
}

/** The key of a mailbox's head row. */
export function mailboxHeadKey(mailboxNumber: number): Buffer {
  return envelopeKey(mailboxNumber, MAX_U48, MAX_U32);
}

/** What stands in an envelope's key. `isHead` tells the mailbox's head row from its envelopes. */
export interface EnvelopePlace {
  readonly mailboxNumber: number;
  readonly cursor: number;
  /** Of the whole body. */
  readonly sizeBytes: number;
  readonly sharedEnd: number | undefined;
  readonly isHead: boolean;
}

/** Reads an envelope's key. */
export function readEnvelopeKey(key: Buffer): EnvelopePlace {
  const cursor = key.readUIntBE(1 + U48, U48);
  return {
    mailboxNumber: key.readUIntBE(1, U48),
    cursor,
    sizeBytes: key.readUInt32BE(1 + U48 + U48),
    sharedEnd: key.length > ENVELOPE_KEY_BYTES ? key.readUIntBE(ENVELOPE_KEY_BYTES, U48) : undefined,
    isHead: cursor === MAX_U48,
  };
}

/** Everything from a mailbox's number on: its envelopes, its head row, and the mailboxes behind it. */
export function envelopesFrom(mailboxNumber: number): KeyRange {
  return { from: envelopeKey(mailboxNumber, 0, 0), to: Buffer.of(catalogue.envelope.prefix + 1) };
}

/** A mailbox's envelopes from a cursor on, without its head row. */
export function envelopesOf(mailboxNumber: number, fromCursor: number): KeyRange {
  return { from: envelopeKey(mailboxNumber, fromCursor, 0), to: mailboxHeadKey(mailboxNumber) };
}

/** A mailbox's envelopes from one cursor to another, both included. */
export function envelopesBetween(mailboxNumber: number, firstCursor: number, lastCursor: number): KeyRange {
  return { from: envelopeKey(mailboxNumber, firstCursor, 0), to: envelopeKey(mailboxNumber, lastCursor + 1, 0) };
}

/** A key of a prefix and a number. */
export function numberKey(prefix: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(1 + U48);
  key[0] = prefix;
  key.writeUIntBE(number, 1, U48);
  return key;
}

/** The key of a row of accepted sends. */
export function dedupeKey(rowNumber: number): Buffer {
  return numberKey(catalogue.dedupe.prefix, rowNumber);
}

/** The number in a dedupe key. */
export function readDedupeKey(key: Buffer): number {
  return key.readUIntBE(1, U48);
}

/** Dedupe rows from a number on. */
export function dedupeFrom(rowNumber: number): KeyRange {
  return { from: dedupeKey(rowNumber), to: Buffer.of(catalogue.dedupe.prefix + 1) };
}

/** The key of what bodies end in. */
export function sharedEndKey(number: number): Buffer {
  return numberKey(catalogue.sharedEnd.prefix, number);
}

/** The key of how many bodies end in it. */
export function sharedEndCountKey(number: number): Buffer {
  return numberKey(catalogue.sharedEndCount.prefix, number);
}

const PREKEY_KINDS = { curve: 0x01, kyber: 0x02 } as const satisfies Record<PrekeyKind, number>;

function poolKey(prefix: number, mailbox: MailboxId, kind: PrekeyKind, extraBytes: number): Buffer {
  const idBytes = Buffer.byteLength(mailbox);
  const key = Buffer.alloc(2 + idBytes + 1 + extraBytes);
  key[0] = prefix;
  key.writeUInt8(idBytes, 1);
  key.write(mailbox, 2);
  key[2 + idBytes] = PREKEY_KINDS[kind];
  return key;
}

/** A one-time prekey's key. */
export function prekeyKey(mailbox: MailboxId, kind: PrekeyKind, id: number): Buffer {
  const key = poolKey(catalogue.prekey.prefix, mailbox, kind, U48);
  key.writeUIntBE(id, key.length - U48, U48);
  return key;
}

/** The id in a prekey's key. */
export function readPrekeyId(key: Buffer): number {
  return key.readUIntBE(key.length - U48, U48);
}

/** A mailbox's prekeys of one kind. */
export function prekeysOf(mailbox: MailboxId, kind: PrekeyKind): KeyRange {
  const to = poolKey(catalogue.prekey.prefix, mailbox, kind, 0);
  to.writeUInt8(PREKEY_KINDS[kind] + 1, to.length - 1);
  return { from: poolKey(catalogue.prekey.prefix, mailbox, kind, 0), to };
}

/** The key of the highest prekey id ever added. */
export function prekeyHighestKey(mailbox: MailboxId, kind: PrekeyKind): Buffer {
  return poolKey(catalogue.prekeyHighest.prefix, mailbox, kind, 0);
}

/** The key of a versioned row: an account or a row of the table. */
export function versionedKey(kind: "account" | "table", name: string): Buffer {
  return textKey(catalogue[kind].prefix, name);
}

/** The key that finds a row of the table by the time it expires. */
export function tableExpiryKey(expiresMs: number, name: string): Buffer {
  return Buffer.concat([Buffer.of(catalogue.tableExpiry.prefix), u48(expiresMs), Buffer.from(name)]);
}

/** The row an expiry key speaks of. */
export function readTableExpiryKey(key: Buffer): { readonly expiresMs: number; readonly name: string } {
  return { expiresMs: key.readUIntBE(1, U48), name: key.toString("utf8", 1 + U48) };
}

/** Expiry rows of everything that expires at or before a time. */
export function tableExpiredAt(nowMs: number): KeyRange {
  const { prefix } = catalogue.tableExpiry;
  return { from: Buffer.of(prefix), to: Buffer.concat([Buffer.of(prefix), u48(nowMs + 1)]) };
}
