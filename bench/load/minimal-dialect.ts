/** The minimal relay's language. */

import { packFrame, tags, unpackFrame } from "../minimal-relay/frames.js";
import { answeredSequence, type Dialect, type Place, sendCopies } from "./dialect.js";
import { BenchSocket, frameOf } from "./socket.js";

/** Mailboxes of different generators differ by the generator's number. */
const MAILBOXES_EACH = 1_000_000;

/** Speaks to a minimal relay. */
export function minimalDialect(place: Place): Dialect {
  const where = { ...place, path: "/" };
  return {
    async enrol(count, generator) {
      return Array.from({ length: count }, (_, index) => ({ mailbox: generator * MAILBOXES_EACH + index + 1 }));
    },

    async openSender(to, events) {
      const socket = await BenchSocket.open(where, {
        message(payload) {
          if (payload[1] === tags.accepted) events.accepted(answeredSequence(payload));
          else events.failed(`an unexpected frame ${payload[1]}`);
        },
        closed: events.failed,
      });
      const mailbox = Number(to.mailbox);
      return sendCopies(socket, (id, messageId, body) => packFrame([tags.send, id, mailbox, messageId, body]));
    },

    async openReceiver(of, events) {
      const socket = await BenchSocket.open(where, {
        message(payload) {
          const received = unpackFrame(payload);
          if (received[0] === tags.deliver) events.delivered(received[1], received[3]);
          else if (received[0] === tags.queueEmpty) events.queueEmpty();
          else events.failed(`an unexpected frame ${received[0]}`);
        },
        closed: events.failed,
      });
      socket.send(frameOf(packFrame([tags.read, Number(of.mailbox)])).frame);
      return {
        socket,
        acknowledge: (cursor) => socket.send(frameOf(packFrame([tags.acknowledge, cursor])).frame),
      };
    },
  };
}
