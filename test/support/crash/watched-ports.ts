/** A client's platform and store with a look at what crosses them: the moments at which a test kills, cuts or waits. */

import { decodeFrame, type FrameToClient, type FrameToRelay } from "@sotto/protocol";
import type { Platform, StoreChoice } from "@sotto/sdk";

/** What may be done at a socket's moments. Bytes are the client's own; nothing is changed on its way. */
export interface SocketMoments {
  /** A frame is about to be handed to the socket. `drop` keeps it back and cuts the connection instead. */
  sending?(frame: FrameToRelay): "send" | "drop";
  /** A frame was handed to the socket. */
  sent?(frame: FrameToRelay): void;
  /** A frame arrived and is about to reach the client. */
  receiving?(frame: FrameToClient): void;
}

/** What may be done at a store's moments. */
export interface StoreMoments {
  /** A batch with these keys is about to be written; it waits for the answer. */
  writing?(keys: readonly string[]): Promise<void> | void;
}

/** No close code: the connection is gone as if a cable was pulled. */
const CUT = 1006;
/** What a client may close with. */
const NORMAL_CLOSURE = 1000;

/** A platform whose sockets tell their moments. */
export function watchedPlatform(inner: Platform, moments: SocketMoments): Platform {
  return {
    ...inner,
    dial(url, events) {
      let isCut = false;
      const socket = inner.dial(url, {
        opened: () => events.opened(),
        message(bytes) {
          if (isCut) return;
          moments.receiving?.(decodeFrame(bytes, "toClient"));
          events.message(bytes);
        },
        closed: (code) => {
          if (!isCut) events.closed(code);
        },
      });
      return {
        send(bytes) {
          if (isCut) return;
          const frame = decodeFrame(bytes, "toRelay");
          if (moments.sending?.(frame) === "drop") {
            isCut = true;
            socket.close(NORMAL_CLOSURE);
            // Not within `send`: a network never answers there.
            setImmediate(() => events.closed(CUT));
            return;
          }
          socket.send(bytes);
          moments.sent?.(frame);
        },
        get bufferedBytes() {
          return socket.bufferedBytes;
        },
        close: (code) => socket.close(code),
      };
    },
  };
}

/** A store that tells its moments. */
export function watchedStore({ store, key }: StoreChoice, moments: StoreMoments): StoreChoice {
  return {
    key,
    store: {
      location: store.location,
      open: () => store.open(),
      get: (name) => store.get(name),
      getMany: (names) => store.getMany(names),
      list: (range) => store.list(range),
      async write(changes) {
        await moments.writing?.(changes.map(({ key: name }) => name));
        await store.write(changes);
      },
      close: () => store.close(),
      clear: () => store.clear(),
    },
  };
}
