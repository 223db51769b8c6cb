/** Builds and reads the values of the catalogue. */

import type { MailboxId, StoredEnvelope } from "../ports.js";
import { MESSAGE_ID_BYTES, U48 } from "./row-keys.js";

const ENVELOPE_HEADER_BYTES = MESSAGE_ID_BYTES + U48;
const VERSION_HEADER_BYTES = U48 + U48;

/** Bodies up to this size are laid out in space that is used again and again. */
const SCRATCH_BODY_BYTES = 16_384;

/** Builds envelopes' rows: this runs for every envelope, and a buffer for each would cost more than filling it. */
export class EnvelopeValues {
  readonly #space = Buffer.alloc(ENVELOPE_HEADER_BYTES + SCRATCH_BODY_BYTES);
  /** The part of it that was used last: the rows of a group's message are all of one size. */
  #part = this.#space;

  /** An envelope's row, valid until the next call. Copies the body. */
  write(messageId: Uint8Array, acceptedMs: number, body: Uint8Array): Buffer {
    const size = ENVELOPE_HEADER_BYTES + body.length;
    const value = this.#bufferOf(size);
    value.set(messageId, 0);
    value.writeUIntBE(acceptedMs, MESSAGE_ID_BYTES, U48);
    value.set(body, ENVELOPE_HEADER_BYTES);
    return value;
  }

  #bufferOf(size: number): Buffer {
    if (size > this.#space.length) return Buffer.allocUnsafe(size);
    if (this.#part.length !== size) this.#part = this.#space.subarray(0, size);
    return this.#part;
  }
}

/** Reads an envelope's row; the result shares the value's memory. Of a body with a shared end it is only the beginning. */
export function readEnvelope(cursor: number, value: Buffer): StoredEnvelope {
  return {
    cursor,
    messageId: value.subarray(0, MESSAGE_ID_BYTES),
    acceptedMs: readAcceptedMs(value),
    body: value.subarray(ENVELOPE_HEADER_BYTES),
  };
}

/** When an envelope was accepted. */
export function readAcceptedMs(envelope: Buffer): number {
  return envelope.readUIntBE(MESSAGE_ID_BYTES, U48);
}

/** What the head row of a mailbox remembers. */
export interface MailboxHead {
  readonly floor: number;
  readonly last: number;
}

/** A mailbox's head row. */
export function mailboxHeadValue(head: MailboxHead, mailbox: MailboxId): Buffer {
  const value = Buffer.allocUnsafe(U48 + U48 + Buffer.byteLength(mailbox));
  value.writeUIntBE(head.floor, 0, U48);
  value.writeUIntBE(head.last, U48, U48);
  value.write(mailbox, U48 + U48);
  return value;
}

/** Reads a mailbox's head row. */
export function readMailboxHead(value: Buffer): MailboxHead & { readonly mailbox: MailboxId } {
  return {
    floor: value.readUIntBE(0, U48),
    last: value.readUIntBE(U48, U48),
    mailbox: value.toString("utf8", U48 + U48) as MailboxId,
  };
}

/** A value with its revision; `expiresMs` of 0 never expires. */
export interface Version {
  readonly revision: number;
  readonly expiresMs: number;
  readonly value: Uint8Array;
}

/** A versioned row. Copies the value. */
export function versionValue(version: Version): Buffer {
  const value = Buffer.allocUnsafe(VERSION_HEADER_BYTES + version.value.length);
  value.writeUIntBE(version.revision, 0, U48);
  value.writeUIntBE(version.expiresMs, U48, U48);
  value.set(version.value, VERSION_HEADER_BYTES);
  return value;
}

/** Reads a versioned row; the result shares the value's memory. */
export function readVersion(value: Buffer): Version {
  return {
    revision: value.readUIntBE(0, U48),
    expiresMs: value.readUIntBE(U48, U48),
    value: value.subarray(VERSION_HEADER_BYTES),
  };
}
