/** The part of uWebSockets.js that the benches use, loaded from the binary that fits this Node. */

import { createRequire } from "node:module";

/** One WebSocket of the server, carrying the bench's own `State`. */
export interface UwsSocket<State> {
  getUserData(): State;
  send(message: Uint8Array, isBinary: boolean): number;
  cork(sends: () => void): void;
  close(): void;
}

/** What the server does with its sockets. Messages are valid only during the call. */
export interface UwsBehavior<State> {
  readonly compression: number;
  readonly maxPayloadLength: number;
  readonly maxBackpressure: number;
  readonly idleTimeout: number;
  readonly upgrade?: never;
  open(socket: UwsSocket<State>): void;
  message(socket: UwsSocket<State>, message: ArrayBuffer, isBinary: boolean): void;
  close(socket: UwsSocket<State>): void;
}

/** A server that is not listening yet. */
export interface UwsApp {
  ws<State>(path: string, behavior: UwsBehavior<State>): UwsApp;
  listen(host: string, port: number, listening: (token: unknown) => void): UwsApp;
}

interface Uws {
  App(): UwsApp;
  us_socket_local_port(token: unknown): number;
}

/**
 * Listens on a free port of 127.0.0.1 and answers the port.
 *
 * @throws Error if there is no binary for this Node or the port cannot be bound.
 */
export function listenUws<State>(behavior: UwsBehavior<State>): Promise<number> {
  const major = process.versions.node.split(".")[0];
  const uws = createRequire(import.meta.url)(`@uwsjs/${process.platform}-${process.arch}-${major}`) as Uws;
  return new Promise((resolve, reject) => {
    uws
      .App()
      .ws("/*", behavior)
      .listen("127.0.0.1", 0, (token) => {
        if (token === false) reject(new Error("uWebSockets.js could not listen"));
        else resolve(uws.us_socket_local_port(token));
      });
  });
}
