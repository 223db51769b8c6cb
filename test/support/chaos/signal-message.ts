/**
 * The public fields that name a message key: of a Signal message the sender's ratchet key and the counter, of one under a
 * sender key the distribution and the iteration.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Which message key a ciphertext was made with, and which ciphertext it is. */
export interface MessageKeyUse {
  /** The ratchet key or the distribution, in hex, and the counter. */
  readonly key: string;
  /** A hash of the ciphertext. */
  readonly ciphertext: string;
}

/** A SignalMessage is a version byte, a protobuf and a MAC of this many bytes. */
const MAC_BYTES = 8;
/** Field numbers of the public format. */
const RATCHET_KEY = 1;
const COUNTER = 2;
const INNER_MESSAGE = 4;
/** A SenderKeyMessage is a version byte, a protobuf and a signature; a distribution message has no signature. */
const SIGNATURE_BYTES = 64;
const DISTRIBUTION = 1;
const ITERATION = 3;
const CIPHERTEXT = 4;

/**
 * Reads which message key a ciphertext uses.
 *
 * @throws an error if the bytes are no such message.
 */
export function messageKeyUse(kind: "prekey" | "signal" | "senderKey", message: Uint8Array): MessageKeyUse {
  if (kind === "senderKey") return senderKeyUse(message);
  const inner = kind === "signal" ? message : bytesOf(fieldsOf(message.subarray(1)), INNER_MESSAGE);
  const fields = fieldsOf(inner.subarray(1, inner.length - MAC_BYTES));
  // protobuf leaves out a counter of 0.
  const counter = fields.get(COUNTER) ?? 0;
  const key = `${Buffer.from(bytesOf(fields, RATCHET_KEY)).toString("hex")}/${String(counter)}`;
  return { key, ciphertext: hashOf(inner) };
}

/** The same text under the same key is signed anew each time, and is no harm: only the ciphertext counts. */
function senderKeyUse(message: Uint8Array): MessageKeyUse {
  const fields = fieldsOf(message.subarray(1, message.length - SIGNATURE_BYTES));
  const distribution = Buffer.from(bytesOf(fields, DISTRIBUTION)).toString("hex");
  return {
    key: `${distribution}/${String(fields.get(ITERATION) ?? 0)}`,
    ciphertext: hashOf(bytesOf(fields, CIPHERTEXT)),
  };
}

/**
 * The iteration that the next message of a sender key has, read from its distribution message.
 *
 * @throws an error if the bytes are no such message.
 */
export function iterationOf(distributionMessage: Uint8Array): number {
  return Number(fieldsOf(distributionMessage.subarray(1)).get(ITERATION) ?? 0);
}

/** A short name of bytes, to tell them from others. */
export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}

type Fields = ReadonlyMap<number, number | Uint8Array>;

function bytesOf(fields: Fields, field: number): Uint8Array {
  const value = fields.get(field);
  if (!(value instanceof Uint8Array)) throw new Error(`a Signal message without field ${field}`);
  return value;
}

/** The fields of a protobuf message: varints and length-delimited ones; no other kind occurs in these messages. */
function fieldsOf(bytes: Uint8Array): Fields {
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || scale > 2 ** 42) throw new Error("a varint that does not end");
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag % 8;
    if (wire === 0) fields.set(Math.floor(tag / 8), varint());
    else if (wire === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new Error("a field behind the end of its message");
      fields.set(Math.floor(tag / 8), bytes.subarray(at, at + length));
      at += length;
    } else throw new Error(`a field of wire type ${wire}`);
  }
  return fields;
}
