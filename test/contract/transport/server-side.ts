/** A listening transport under test, with rules that record what they are told. */

import type {
  Connection,
  ConnectionHandler,
  HttpRequest,
  HttpResponse,
  Listening,
  ListenOptions,
  Log,
  Transport,
  TransportHandlers,
} from "../../../server/ports.js";
import type { TransportOptions } from "../../../server/transport/ask.js";
import { type TransferBounds, transferBounds } from "../../../server/transport/bounds.js";

/** Makes the transport under test; the log gets what its handlers throw. */
export type MakeTransport = (options: TransportOptions) => Transport;

/** The path that takes bodies, and how much. */
export const UPLOADS = "/v1/uploads";
export const MAX_BODY_BYTES = 5_000_000_000;

/** A handler that keeps what it hears, and hands messages on to whoever the test names. */
export class Recorder implements ConnectionHandler {
  readonly messages: Uint8Array[] = [];
  drains = 0;
  closes = 0;
  onMessage: (message: Uint8Array) => void = () => {};
  onDrained: () => void = () => {};
  onClosed: () => void = () => {};

  constructor(readonly connection: Connection) {}

  message(message: Uint8Array): void {
    this.messages.push(message);
    this.onMessage(message);
  }

  drained(): void {
    this.drains += 1;
    this.onDrained();
  }

  closed(): void {
    this.closes += 1;
    this.onClosed();
  }
}

/** What a test may set; the rest has small bounds. */
export interface Wishes extends Partial<ListenOptions> {
  /** Called with each new connection before its handler is handed over. */
  readonly greet?: (recorder: Recorder) => void;
  readonly refuse?: () => boolean;
  readonly request?: TransportHandlers["request"];
  readonly bounds?: Partial<TransferBounds>;
}

/** A bound port with everything its rules heard. */
export interface ServerSide {
  readonly listening: Listening;
  readonly port: number;
  readonly url: string;
  readonly recorders: Recorder[];
  readonly requests: HttpRequest[];
  readonly complaints: { readonly event: string; readonly cause: unknown }[];
}

const opened: Listening[] = [];

/** Listens on a free port of 127.0.0.1; `closeServers` ends it. */
export async function serve(makeTransport: MakeTransport, wishes: Wishes = {}): Promise<ServerSide> {
  const { greet, refuse, request, bounds, ...options } = wishes;
  const recorders: Recorder[] = [];
  const requests: HttpRequest[] = [];
  const complaints: { event: string; cause: unknown }[] = [];
  const log: Log = { info() {}, warn() {}, error: (event, cause) => complaints.push({ event, cause }) };
  const listening = await makeTransport({ log, bounds: { ...transferBounds, leftBodyMs: 300, ...bounds } }).listen(
    {
      host: "127.0.0.1",
      port: 0,
      path: "/v1",
      maxMessageBytes: 1_048_576,
      maxBufferedBytes: 4_194_304,
      maxConnections: 2_000,
      peerAddress: "socket",
      allowedOrigins: [],
      bodies: [{ prefix: UPLOADS, maxBytes: MAX_BODY_BYTES }],
      ...options,
    },
    {
      connected(connection) {
        if (refuse?.()) return undefined;
        const recorder = new Recorder(connection);
        recorders.push(recorder);
        greet?.(recorder);
        return recorder;
      },
      request(asked): Promise<HttpResponse> | HttpResponse {
        requests.push(asked);
        return request?.(asked) ?? { status: 200, headers: { "content-type": "text/plain" }, body: asked.path };
      },
    },
  );
  opened.push(listening);
  const { port } = listening;
  return { listening, port, url: `ws://127.0.0.1:${port}/v1`, recorders, requests, complaints };
}

/** Greets a connection with rules that send everything back. */
export function echo(recorder: Recorder): void {
  recorder.onMessage = (message) => recorder.connection.send(message);
}

/** Closes every server a test opened. */
export async function closeServers(): Promise<void> {
  await Promise.all(opened.splice(0).map((listening) => listening.close()));
}
