/** Sockets whose other end is the test. */

import { decodeFrame, encodeFrame, type FrameToClient, type FrameToRelay } from "@sotto/protocol";
import type { Dial, SocketEvents } from "../../../../sdk/core/ports.js";

/** One dialled socket. */
export interface ScriptedSocket {
  readonly url: string;
  /** What the client sent, decoded. */
  readonly sent: readonly FrameToRelay[];
  /** The code the client closed with, if it did. */
  readonly closedWith: number | undefined;
  /** Whether either side has closed it. */
  readonly isClosed: boolean;
  bufferedBytes: number;
  open(): void;
  say(...frames: readonly FrameToClient[]): void;
  sayBytes(bytes: Uint8Array): void;
  /** The relay or the network closes. */
  drop(code: number): void;
}

/** A dial that hands every socket to the test. */
export interface ScriptedDial {
  readonly dial: Dial;
  readonly sockets: readonly ScriptedSocket[];
  /** The socket dialled last. */
  readonly last: ScriptedSocket;
}

/** A dial that opens nothing by itself. */
export function scriptedDial(): ScriptedDial {
  const sockets: ScriptedSocket[] = [];
  return {
    dial: (url, events) => {
      const socket = new Scripted(url, events);
      sockets.push(socket);
      return socket;
    },
    sockets,
    get last() {
      const socket = sockets.at(-1);
      if (socket === undefined) throw new Error("nothing was dialled");
      return socket;
    },
  };
}

class Scripted implements ScriptedSocket {
  readonly sent: FrameToRelay[] = [];
  closedWith: number | undefined;
  bufferedBytes = 0;
  isClosed = false;

  constructor(
    readonly url: string,
    private readonly events: SocketEvents,
  ) {}

  send(bytes: Uint8Array): void {
    if (this.closedWith === undefined) this.sent.push(decodeFrame(bytes, "toRelay"));
  }

  close(code: number): void {
    this.closedWith ??= code;
    this.drop(code);
  }

  open(): void {
    this.events.opened();
  }

  say(...frames: readonly FrameToClient[]): void {
    for (const frame of frames) this.sayBytes(encodeFrame(frame));
  }

  sayBytes(bytes: Uint8Array): void {
    this.events.message(bytes);
  }

  drop(code: number): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.events.closed(code);
  }
}
