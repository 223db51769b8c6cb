import { createHash } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo, Socket as TcpStream } from "node:net";
import { createServer, type Server } from "node:net";
import { limits } from "@sotto/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { Socket } from "../../../sdk/core/ports.js";
import { dial } from "../../../sdk/node/socket.js";
import { freePort } from "../../support/free-port.js";

/** Everything a socket said, and waiting for it. */
class Heard {
  readonly events: (string | number | Uint8Array)[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  readonly opened = () => this.#add("opened");
  readonly message = (bytes: Uint8Array) => this.#add(bytes);
  readonly closed = (code: number) => this.#add(code);

  until(count: number): Promise<void> {
    if (this.events.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  #add(event: string | number | Uint8Array): void {
    this.events.push(event);
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.events.length >= count) resolve();
      return this.events.length < count;
    });
  }
}

async function relay() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: true });
  await once(server, "listening");
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const connected = once(server, "connection") as Promise<[WebSocket]>;
  return { url: `ws://127.0.0.1:${port}`, peer: connected.then(([socket]) => socket) };
}

async function connected() {
  const { url, peer } = await relay();
  const heard = new Heard();
  const socket: Socket = dial(url, heard);
  await heard.until(1);
  return { heard, socket, peer: await peer };
}

describe("a socket", () => {
  test("says that it opened, carries bytes both ways, and says once that it closed", async () => {
    const { heard, socket, peer } = await connected();
    expect(peer.extensions).toBe("");
    const received = once(peer, "message");
    socket.send(Uint8Array.of(1, 2, 3));
    const [data, isBinary] = await received;
    expect([[...data], isBinary]).toEqual([[1, 2, 3], true]);
    peer.send(Uint8Array.of(4, 5));
    await heard.until(2);
    expect(heard.events[1]).toEqual(Uint8Array.of(4, 5));
    expect(heard.events[1]).not.toBeInstanceOf(Buffer);
    const gone = once(peer, "close");
    socket.close(4001);
    socket.close(4001);
    socket.send(Uint8Array.of(6));
    expect((await gone)[0]).toBe(4001);
    await heard.until(3);
    expect(heard.events.slice(2)).toEqual([4001]);
    expect(socket.bufferedBytes).toBeTypeOf("number");
  });

  test("tells the code with which the other side closed", async () => {
    const { heard, peer } = await connected();
    peer.close(4409);
    await heard.until(2);
    expect(heard.events).toEqual(["opened", 4409]);
  });

  test("closes on a frame of text and on one above the limit", async () => {
    const text = await connected();
    text.peer.send("hello");
    await text.heard.until(2);
    expect(text.heard.events).toEqual(["opened", 1003]);
    const large = await connected();
    large.peer.send(new Uint8Array(limits.frameBytes.value));
    await large.heard.until(2);
    expect(large.heard.events).toHaveLength(2);
    large.peer.send(new Uint8Array(limits.frameBytes.value + 1));
    await large.heard.until(3);
    expect(large.heard.events.at(-1)).toBeTypeOf("number");
  });

  test("that never opened closes once: nobody there, no WebSocket there, closed before it opened", async () => {
    const silent = await listening();
    const { port } = silent.address() as AddressInfo;
    const early = new Heard();
    dial(`ws://127.0.0.1:${port}`, early).close(1000);
    await early.until(1);
    silent.close();
    await once(silent, "close");
    const nobody = new Heard();
    // Not the port that was just left, which the system may give to another test at once.
    const socket = dial(`ws://127.0.0.1:${await freePort()}`, nobody);
    socket.send(Uint8Array.of(1));
    await nobody.until(1);
    const rude = await listening((stream) => stream.end("HTTP/1.1 404 Not Found\r\n\r\n"));
    const refused = new Heard();
    dial(`ws://127.0.0.1:${(rude.address() as AddressInfo).port}`, refused);
    await refused.until(1);
    for (const heard of [early, nobody, refused]) expect(heard.events).toEqual([1006]);
  });

  test("is torn down if the other side never answers the close", async () => {
    const { heard, socket, peer } = await connected();
    peer.pause();
    socket.close(1000);
    await heard.until(2);
    expect(heard.events).toHaveLength(2);
  });

  test("is not made for what is no WebSocket address", () => {
    for (const url of ["", "nonsense", "ftp://example.com"]) {
      expect(() => dial(url, new Heard())).toThrowError(/invalidArgument/);
    }
  });

  test("whose peer said its last word and does not hang up has closed as soon as more is to be sent", async () => {
    const server = createServer((stream) => {
      let request = "";
      stream.on("data", (bytes) => {
        request += bytes.toString("latin1");
        const [, key] = /sec-websocket-key: (\S+)/i.exec(request) ?? [];
        if (key === undefined || !request.includes("\r\n\r\n")) return;
        request = "";
        // RFC 6455 §4.2.2, then a close frame with 4503 (§5.5.1).
        const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
        stream.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        stream.write(Uint8Array.of(0x88, 2, 0x11, 0x97));
      });
      stream.on("error", () => undefined);
      onTestFinished(() => void stream.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const heard = new Heard();
    const socket = dial(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, heard);
    await heard.until(1);
    const trying = setInterval(() => socket.send(Uint8Array.of(1)), 5);
    await heard.until(2).finally(() => clearInterval(trying));
    expect(heard.events).toEqual(["opened", 4503]);
  });
});

async function listening(onConnection: (stream: TcpStream) => void = () => {}): Promise<Server> {
  const server = createServer(onConnection).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  return server;
}
