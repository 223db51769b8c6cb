/** Peers of the transport under test: a well-behaved one on `ws`, and one that writes any bytes it likes. */

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { type ClientOptions, WebSocket } from "ws";

/** How a socket ended. */
interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket client with what it received. */
export interface Client {
  readonly socket: WebSocket;
  readonly messages: Buffer[];
  readonly ending: Promise<Ending>;
}

const sockets = new Set<{ destroy(): void }>();

/** Connects; rejects with `Refused` if the upgrade is answered by another status. */
export async function connect(url: string, options: ClientOptions = {}): Promise<Client> {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
  const messages: Buffer[] = [];
  socket.on("message", (message) => {
    if (Buffer.isBuffer(message)) messages.push(message);
  });
  const ending = new Promise<Ending>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await new Promise<void>((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("error", reject);
    socket.on("unexpected-response", (asked, response) => {
      asked.destroy();
      reject(new Refused(response));
    });
  });
  sockets.add({ destroy: () => socket.terminate() });
  return { socket, messages, ending };
}

/** The answer an upgrade got instead of 101. */
class Refused extends Error {
  readonly status: number | undefined;

  constructor(response: IncomingMessage) {
    super(`refused with ${response.statusCode}`);
    this.status = response.statusCode;
  }
}

/** The status an upgrade is refused with; 101 if it is not. */
export async function upgradeStatus(url: string, options: ClientOptions = {}): Promise<number | undefined> {
  try {
    const client = await connect(url, options);
    client.socket.close();
    await client.ending;
    return 101;
  } catch (cause) {
    if (cause instanceof Refused) return cause.status;
    throw cause;
  }
}

/** A TCP connection that collects what it reads. */
export class RawPeer {
  received = Buffer.alloc(0);
  chunks = 0;
  readonly gone: Promise<void>;

  constructor(readonly socket: Socket) {
    sockets.add(socket);
    socket.on("data", (chunk) => {
      this.chunks += 1;
      this.received = Buffer.concat([this.received, chunk]);
    });
    socket.on("error", () => {});
    this.gone = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  static async open(port: number): Promise<RawPeer> {
    const peer = new RawPeer(connectTcp({ port, host: "127.0.0.1" }));
    await once(peer.socket, "connect");
    return peer;
  }

  /** Connects and shakes hands, so that only frames follow. */
  static async upgraded(port: number): Promise<RawPeer> {
    const peer = await RawPeer.open(port);
    peer.socket.write(handshake());
    await peer.until(() => peer.received.includes("\r\n\r\n"));
    peer.received = peer.received.subarray(peer.received.indexOf("\r\n\r\n") + 4);
    return peer;
  }

  /** Waits until what was read fulfils a condition. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds())
      await Promise.race([once(this.socket, "data"), this.gone.then(() => Promise.reject(new Error("gone")))]);
  }
}

/** A handshake, with lines replaced (a name to another value) or dropped (`undefined`). */
export function handshake(
  changes: Readonly<Record<string, string | undefined>> = {},
  start = "GET /v1 HTTP/1.1",
): string {
  const headers: Record<string, string | undefined> = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return `${[start, ...lines].join("\r\n")}\r\n\r\n`;
}

/** The head of a request with a body, with lines added, replaced or dropped as in `handshake`. */
export function bodyHead(lengthBytes: number, changes: Readonly<Record<string, string | undefined>> = {}): string {
  const lines = { Connection: undefined, Upgrade: undefined, "Sec-WebSocket-Key": undefined };
  const head = { ...lines, "Sec-WebSocket-Version": undefined, "Content-Length": String(lengthBytes), ...changes };
  return handshake(head, "PATCH /v1/uploads/x HTTP/1.1");
}

/** The status of the first answer a peer got, its head and what followed; interim answers are passed over. */
export async function answerOf(peer: RawPeer): Promise<{ status: number; head: string; body: string }> {
  for (;;) {
    await peer.until(() => peer.received.includes("\r\n\r\n"));
    const end = peer.received.indexOf("\r\n\r\n") + 4;
    const head = peer.received.subarray(0, end).toString();
    peer.received = peer.received.subarray(end);
    const status = Number(head.split(" ", 2)[1]);
    const lengthBytes = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? "0");
    if (status < 200) continue;
    await peer.until(() => peer.received.length >= lengthBytes);
    const body = peer.received.subarray(0, lengthBytes).toString();
    peer.received = peer.received.subarray(lengthBytes);
    return { status, head, body };
  }
}

/** One masked client frame (RFC 6455 §5.2). */
export function frame(opcode: number, payload: Uint8Array, fin: "last" | "more" = "last"): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10);
  head[0] = (fin === "last" ? 0x80 : 0) | opcode;
  if (head.length === 2) head[1] = 0x80 | payload.length;
  else if (head.length === 4) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(payload.length, 2);
  } else {
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}

/** An HTTP answer. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** One HTTP request on a connection of its own. */
export async function http(
  port: number,
  path: string,
  {
    method = "GET",
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string | string[]>; body?: string } = {},
): Promise<Answer> {
  const asked = request({ port, host: "127.0.0.1", path, method, headers, agent: false });
  const answered = once(asked, "response");
  asked.end(body);
  const [response]: IncomingMessage[] = await answered;
  if (response === undefined) throw new Error("no response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, body: text };
}

/** Ends every socket a test opened. */
export function endClients(): void {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
}
