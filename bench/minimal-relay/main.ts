/**
 * The yardstick: what a relay costs that only does the work. uWebSockets.js, msgpack frames, every message synced to
 * LevelDB before its sender hears `accepted`, pushed to the online receiver, deleted when acknowledged. No
 * authentication, no directory, no limits.
 *
 *   main.ts --data <folder> --push <afterCommit|beforeCommit>      prints `{"port": …}`
 */

import { parseArgs } from "node:util";
import { listenUws, type UwsSocket } from "../uws.js";
import { packFrame, tags, unpackFrame } from "./frames.js";
import { QueueStore } from "./queue-store.js";

interface Mailbox {
  /** The last cursor given out. */
  last: number;
  /** The last cursor deleted; reading starts behind it, past the tombstones. */
  deleted: number;
  reader: Link | undefined;
}

/** A socket, what waits to leave on it, and the mailbox it reads. */
interface Link {
  readonly outbox: Uint8Array[];
  socket: UwsSocket<State> | undefined;
  mailbox: Mailbox | undefined;
  mailboxNumber: number;
}

interface State {
  link?: Link;
}

const { values } = parseArgs({
  options: { data: { type: "string" }, push: { type: "string", default: "afterCommit" } },
});
if (values.data === undefined) throw new Error("--data names a folder");
const pushFirst = values.push === "beforeCommit";

const store = await QueueStore.open(values.data);
const mailboxes = new Map<number, Mailbox>();
const dirty = new Set<Link>();
let flushing = false;

function mailboxOf(number: number): Mailbox {
  let mailbox = mailboxes.get(number);
  if (mailbox === undefined) {
    mailbox = { last: 0, deleted: 0, reader: undefined };
    mailboxes.set(number, mailbox);
  }
  return mailbox;
}

/** Everything one turn of the event loop has for a socket leaves in one write. */
function post(link: Link, frame: Uint8Array): void {
  link.outbox.push(frame);
  dirty.add(link);
  if (flushing) return;
  flushing = true;
  setImmediate(flush);
}

function flush(): void {
  flushing = false;
  for (const link of dirty) {
    const frames = link.outbox.splice(0);
    link.socket?.cork(() => {
      for (const frame of frames) link.socket?.send(frame, true);
    });
  }
  dirty.clear();
}

async function startReading(link: Link, number: number): Promise<void> {
  const mailbox = mailboxOf(number);
  link.mailbox = mailbox;
  link.mailboxNumber = number;
  let next = mailbox.deleted + 1;
  while (next <= mailbox.last) {
    const frames = await store.read(number, next);
    for (const frame of frames) post(link, frame);
    next += frames.length;
  }
  if (link.socket !== undefined) mailbox.reader = link;
  post(link, packFrame([tags.queueEmpty]));
}

function take(link: Link, bytes: Uint8Array): void {
  const frame = unpackFrame(bytes);
  switch (frame[0]) {
    case tags.read:
      void startReading(link, frame[1]);
      return;
    case tags.send: {
      const [, id, number, messageId, body] = frame;
      const mailbox = mailboxOf(number);
      // Who reads now gets it pushed; who starts reading later finds it in the store.
      const { reader } = mailbox;
      mailbox.last += 1;
      const deliver = packFrame([tags.deliver, mailbox.last, messageId, body]);
      if (pushFirst && reader !== undefined) post(reader, deliver);
      store.put(number, mailbox.last, deliver, () => {
        post(link, packFrame([tags.accepted, id]));
        if (!pushFirst && reader !== undefined) post(reader, deliver);
      });
      return;
    }
    case tags.acknowledge: {
      const { mailbox } = link;
      if (mailbox === undefined || frame[1] <= mailbox.deleted) return;
      store.remove(link.mailboxNumber, mailbox.deleted + 1, frame[1]);
      mailbox.deleted = frame[1];
      return;
    }
    default:
      throw new Error(`a client does not send frame ${frame[0]}`);
  }
}

const port = await listenUws<State>({
  compression: 0,
  maxPayloadLength: 1024 * 1024,
  maxBackpressure: 256 * 1024 * 1024,
  idleTimeout: 120,
  open(socket) {
    socket.getUserData().link = { outbox: [], socket, mailbox: undefined, mailboxNumber: 0 };
  },
  message(socket, message) {
    const { link } = socket.getUserData();
    if (link !== undefined) take(link, new Uint8Array(message));
  },
  close(socket) {
    const { link } = socket.getUserData();
    if (link === undefined) return;
    link.socket = undefined;
    if (link.mailbox?.reader === link) link.mailbox.reader = undefined;
  },
});
console.log(JSON.stringify({ port }));
