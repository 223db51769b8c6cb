/** What the workloads need to know of a relay's language, so that the same workload runs on any of them. */

import { randomBytes } from "node:crypto";
import { type BenchSocket, frameOf } from "./socket.js";

/** The size of every body: random bytes, the first of which the bench overwrites with its own marks. */
export const BODY_BYTES = 1_024;

/** Where marks lie in a body: sender's number of the message in its pair. */
const SEQUENCE_AT = 0;

/** A mailbox somebody can write to, and what its owner needs to open it. Plain data: travels between processes. */
export type Recipient = Readonly<Record<string, string | number>>;

/** What a sending connection hears. */
interface SenderEvents {
  accepted(sequence: number): void;
  /** The relay said that it cannot take the message now. */
  refused(sequence: number): void;
  /** Anything else, such as a close. Ends the run. */
  failed(reason: string): void;
}

/** What a receiving connection hears. `body` is valid only during the call. */
interface ReceiverEvents {
  delivered(cursor: number, body: Uint8Array): void;
  queueEmpty(): void;
  failed(reason: string): void;
}

/** Ids of sends start here, where msgpack writes integers in five bytes, so that a packed frame can be patched in place. */
const FIRST_ID = 0x1_0000;

/** A connection to send on, for one recipient. */
export interface Sender {
  /** Queues the message of this number, counted from 1; the answer names it too. */
  send(sequence: number): void;
  readonly socket: BenchSocket;
}

/** A connection that receives. */
export interface Receiver {
  /** Tells the relay that everything up to `cursor` is safe. */
  acknowledge(cursor: number): void;
  readonly socket: BenchSocket;
}

/** One relay's language. */
export interface Dialect {
  /** Makes `count` mailboxes that no other generator has. */
  enrol(count: number, generator: number): Promise<readonly Recipient[]>;
  openSender(to: Recipient, events: SenderEvents): Promise<Sender>;
  /** Stored mail follows, then `queueEmpty`; before that the relay may not know of this connection. */
  openReceiver(of: Recipient, events: ReceiverEvents): Promise<Receiver>;
}

/** Where a dialect connects: the port, and the loopback address its sockets come from. */
export interface Place {
  readonly port: number;
  readonly localAddress: string;
}

/** Runs `work` for 0..count-1, at most `width` at a time, and answers the results in order. */
export async function inParallel<T>(count: number, width: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = new Array(count);
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next++;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
  return results;
}

/** Where the id of a packed send or of its answer stands, in every dialect: behind the array's head, the tag and `0xce`. */
const ID_AT = 3;

/** The sequence number that an answer's id stands for. */
export function answeredSequence(payload: Buffer): number {
  return payload.readUInt32BE(ID_AT) - FIRST_ID;
}

/** The sequence number a body is marked with. */
export function bodySequence(body: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = body.subarray(SEQUENCE_AT, SEQUENCE_AT + 4);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/**
 * Sends copies of one packed frame, each with an id, a message id and a sequence number of its own: what a real client
 * would spend on encoding is not what a relay's bench measures.
 */
export function sendCopies(
  socket: BenchSocket,
  pack: (id: number, messageId: Uint8Array, body: Uint8Array) => Uint8Array,
): Sender {
  const messageId = randomBytes(16);
  const body = randomBytes(BODY_BYTES);
  const packed = Buffer.from(pack(FIRST_ID, messageId, body));
  const { frame, payloadAt } = frameOf(packed);
  const messageIdAt = payloadAt + packed.indexOf(messageId);
  const bodyAt = payloadAt + packed.indexOf(body);
  return {
    socket,
    send(sequence) {
      const id = FIRST_ID + sequence;
      const copy = Buffer.allocUnsafe(frame.length);
      frame.copy(copy);
      copy.writeUInt32BE(id, payloadAt + ID_AT);
      copy.writeUInt32BE(id, messageIdAt);
      copy.writeUInt32BE(sequence, bodyAt + SEQUENCE_AT);
      socket.send(copy);
    },
  };
}
