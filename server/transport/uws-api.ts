/** The part of uWebSockets.js that the relay uses, typed from its documentation. Everything here is native and unforgiving. */

/** A listen socket. Closing it twice crashes the process. */
export type UwsListenSocket = object;

/** Ties an upgrade to the route it came in on. */
export type UwsContext = object;

/** One WebSocket. Valid from `open` until `close` is called back; every method throws afterwards. */
export interface UwsSocket<Data> {
  /** What `upgrade` was given. */
  getUserData(): Data;
  /** 1: sent. 0: some of it waits. 2: dropped, because more than `maxBackpressure` waits. */
  send(message: Uint8Array, isBinary: boolean): number;
  getBufferedAmount(): number;
  /** Sends a close frame and FIN behind what waits. Calls `close` back before it returns. */
  end(code: number, reason: string): void;
  cork(work: () => void): unknown;
}

/** One response. Valid until it is ended or aborted; without an abort handler it must be ended inside the callback. */
export interface UwsResponse {
  /** Writes it behind `HTTP/1.1 ` and before a line end, whatever it holds. */
  writeStatus(status: string | Uint8Array): unknown;
  writeHeader(name: string, value: string): unknown;
  end(body: string | Uint8Array, closeConnection: boolean): unknown;
  /** Without a length: with one, the response counts as unfinished for ever, and outside of an abort handler that ends the process. */
  endWithoutBody(): unknown;
  /**
   * Writes a part of a body of so many bytes in all: whether more may be written, and whether this was the last of it, behind
   * which the response is ended. What was not taken has to be tried again when it is writable.
   */
  tryEnd(part: Uint8Array, totalBytes: number): readonly [isFree: boolean, isEnded: boolean];
  /** Bytes of the body that were taken. */
  getWriteOffset(): number;
  /** Also called when nothing waits. The callback says whether what it tried to write was taken; none counts as taken. */
  onWritable(work: (offset: number) => boolean): unknown;
  /** The buffer is emptied when the callback returns. Called once with nothing and `true` where there is no body. */
  onData(work: (piece: ArrayBuffer, isLast: boolean) => void): unknown;
  /** Reads no more from the socket, and lets it be silent. */
  pause(): unknown;
  /** Reads on, and gives the socket ten seconds from now. */
  resume(): unknown;
  /** Calls the abort handler before it returns. */
  close(): unknown;
  cork(work: () => void): unknown;
  onAborted(work: () => void): unknown;
  getRemoteAddressAsText(): ArrayBuffer;
  upgrade<Data extends object>(
    data: Data,
    webSocketKey: string,
    webSocketProtocol: string,
    webSocketExtensions: string,
    context: UwsContext,
  ): unknown;
}

/** One request. Valid only inside the callback. */
export interface UwsRequest {
  /** As it was sent: `GET`. */
  getCaseSensitiveMethod(): string;
  /** Without the query. */
  getUrl(): string;
  /** The first header of that lower-case name, or an empty string. */
  getHeader(name: string): string;
  forEach(work: (name: string, value: string) => void): void;
}

/** A WebSocket route. */
interface UwsBehavior<Data> {
  readonly compression: number;
  /** A longer message ends the socket without a close frame. */
  readonly maxPayloadLength: number;
  /** With more than this waiting, `send` drops the message. */
  readonly maxBackpressure: number;
  /** Seconds a peer may be silent, up to 960; from 64 on, 16 of them are for the answer to a ping, and for an ended socket. */
  readonly idleTimeout: number;
  readonly sendPingsAutomatically: boolean;
  readonly upgrade: (response: UwsResponse, request: UwsRequest, context: UwsContext) => void;
  readonly open: (socket: UwsSocket<Data>) => void;
  /** The buffer is emptied when the callback returns. */
  readonly message: (socket: UwsSocket<Data>, message: ArrayBuffer, isBinary: boolean) => void;
  readonly drain: (socket: UwsSocket<Data>) => void;
  readonly close: (socket: UwsSocket<Data>) => void;
}

/** One server. Must be referenced as long as it listens. */
export interface UwsApp {
  /** Called with 1 for each accepted TCP connection, and with -1 when one ends that was never upgraded. */
  filter(work: (response: UwsResponse, change: number) => void): unknown;
  ws<Data>(pattern: string, behavior: UwsBehavior<Data>): unknown;
  any(pattern: string, work: (response: UwsResponse, request: UwsRequest) => void): unknown;
  /** Calls back before it returns, with `false` if the port cannot be had. */
  listen(host: string, port: number, options: number, work: (socket: UwsListenSocket | false) => void): unknown;
  /** Ends every socket of the app at once. */
  close(): unknown;
}

/** The module. */
export interface UwsModule {
  App(): UwsApp;
  us_listen_socket_close(socket: UwsListenSocket): void;
  us_socket_local_port(socket: UwsListenSocket): number;
  readonly DISABLED: number;
  /** Without it a second process could listen on the same port and take half of the connections. */
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
}

/** Whether a loaded module is uWebSockets.js of a version that has what we use. */
export function isUwsModule(loaded: unknown): loaded is UwsModule {
  if (typeof loaded !== "object" || loaded === null) return false;
  const members = new Map<string, unknown>(Object.entries(loaded));
  const functions = ["App", "us_listen_socket_close", "us_socket_local_port"];
  const numbers = ["DISABLED", "LIBUS_LISTEN_EXCLUSIVE_PORT"];
  return (
    functions.every((name) => typeof members.get(name) === "function") &&
    numbers.every((name) => typeof members.get(name) === "number")
  );
}
