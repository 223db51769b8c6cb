/**
 * The minimal relay's six frames: msgpack arrays, as Sotto's are, with nothing checked.
 *
 *   [1, mailbox]                       client: I read this mailbox           -> [6] after the stored mail
 *   [2, id, mailbox, messageId, body]  client: keep this and pass it on      -> [3, id] once it is on disk
 *   [4, cursor, messageId, body]       relay: one message of your mailbox
 *   [5, upTo]                          client: I have everything up to here; delete it
 */

import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false, variableMapSize: true });

/** The first element of a frame. */
export const tags = { read: 1, send: 2, accepted: 3, deliver: 4, acknowledge: 5, queueEmpty: 6 } as const;

/** Any of the frames; `unpackFrame` believes its input. */
export type MinimalFrame =
  | readonly [typeof tags.read, number]
  | readonly [typeof tags.send, number, number, Uint8Array, Uint8Array]
  | readonly [typeof tags.accepted, number]
  | readonly [typeof tags.deliver, number, Uint8Array, Uint8Array]
  | readonly [typeof tags.acknowledge, number]
  | readonly [typeof tags.queueEmpty];

/** The bytes of a frame. */
export function packFrame(frame: MinimalFrame): Buffer {
  return packr.pack(frame);
}

/** The frame in bytes that one of us wrote. Byte strings are views of `bytes`. */
export function unpackFrame(bytes: Uint8Array): MinimalFrame {
  return packr.unpack(bytes) as MinimalFrame;
}
