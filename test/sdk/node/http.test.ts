import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Cancellation } from "../../../sdk/core/cancellation.js";
import { http } from "../../../sdk/node/http.js";

const open: { close(): unknown; closeAllConnections?(): void }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections?.();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(listener);
  open.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** A server that says bytes of its own to whatever comes. */
async function serveRaw(said: string | ((socket: Socket) => void)): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => (typeof said === "string" ? socket.end(said) : said(socket)));
  });
  open.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of request) all.push(piece);
  return Buffer.concat(all);
}

describe("HTTP to the relay", () => {
  it("sends what it is told and nothing that names a program, and hands the answer over in pieces", async () => {
    let heard: IncomingMessage | undefined;
    const { url } = await serve(async (request, response) => {
      heard = request;
      const body = await bodyOf(request);
      response.writeHead(201, { "X-Answer": "yes", "set-cookie": "a=b" });
      response.end(body);
    });
    const body = new Uint8Array(300_000).fill(5);
    const answer = await http({ method: "PATCH", url: `${url}/v1/x`, headers: { "upload-offset": "0" }, body });
    expect(answer.status).toBe(201);
    expect(answer.header("x-answer")).toBe("yes");
    expect(answer.header("absent")).toBeUndefined();
    expect((await bodyOf(answer.body)).equals(body)).toBe(true);
    expect(Object.keys(heard?.headers ?? {}).sort()).toEqual(["connection", "content-length", "host", "upload-offset"]);
    expect(heard?.url).toBe("/v1/x");
    const again = await http({ method: "POST", url, headers: {} });
    expect(heard?.headers).toMatchObject({ "content-length": "0" });
    expect(heard?.headers.cookie).toBeUndefined();
    again.cancel();
  });

  it("follows no redirect", async () => {
    const { url } = await serve((_request, response) => response.writeHead(302, { location: "/elsewhere" }).end());
    const answer = await http({ method: "GET", url, headers: {} });
    expect(answer.status).toBe(302);
    answer.cancel();
  });

  it("uses a connection again after an answer that nobody reads", async () => {
    const sockets = new Set<unknown>();
    const { url } = await serve((request, response) => {
      sockets.add(request.socket);
      request.resume().once("end", () => response.writeHead(200, { "content-length": "5" }).end("hello"));
    });
    for (const method of ["POST", "PATCH", "HEAD", "DELETE", "PATCH"] as const) {
      const answer = await http({
        method,
        url,
        headers: {},
        body: method === "PATCH" ? new Uint8Array(100_000) : undefined,
      });
      answer.cancel();
      answer.cancel();
      // The rest of an answer is read in turns of its own.
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
    expect(sockets.size).toBe(1);
  });

  it("ends the connection of a large answer that nobody wants", async () => {
    const gone = new Promise<void>((resolve) => {
      void serve((_request, response) => {
        response.once("close", resolve);
        response.writeHead(200, { "content-length": "100000000" });
        response.write(Buffer.alloc(1_000_000));
      }).then(async ({ url }) => (await http({ method: "GET", url, headers: {} })).cancel());
    });
    await gone;
  });

  it("rejects for a line that is refused, cut before the answer, or full of nonsense", async () => {
    const cut = await serveRaw((socket) => socket.destroy());
    const nonsense = await serveRaw("SSH-2.0-OpenSSH\r\n\r\n");
    const endless = await serveRaw(`HTTP/1.1 200 OK\r\nx: ${"a".repeat(100_000)}\r\n\r\n`);
    for (const url of ["http://127.0.0.1:1", cut, nonsense, endless])
      await expect(http({ method: "HEAD", url, headers: {} })).rejects.toMatchObject({ code: "offline" });
  });

  it("throws from a body that is cut", async () => {
    const url = await serveRaw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", () => socket.destroy());
    });
    const answer = await http({ method: "GET", url, headers: {} });
    await expect(bodyOf(answer.body)).rejects.toThrow();
  });

  it("leaves a connection alone whose answer is whole when the signal aborts, in any turn after it", async () => {
    const sockets = new Set<unknown>();
    const { url } = await serve((request, response) => {
      sockets.add(request.socket);
      response.end("whole");
    });
    for (let turn = 0; turn < 8; turn++) {
      const signal = new Cancellation();
      const answer = await http({ method: "GET", url, headers: {}, signal });
      expect((await bodyOf(answer.body)).toString()).toBe("whole");
      for (let wait = 0; wait < turn; wait++) await new Promise((resolve) => setImmediate(resolve));
      signal.abort();
    }
    const last = await http({ method: "GET", url, headers: {} });
    expect((await bodyOf(last.body)).toString()).toBe("whole");
    expect(sockets.size).toBe(1);
  });

  it("rejects when its signal aborts, before, while it waits and while a body comes", async () => {
    const arrived = new Cancellation();
    const { url } = await serve((request, response) => {
      if (request.url === "/body") response.writeHead(200).write("some");
      else arrived.abort();
    });
    const before = new Cancellation();
    before.abort();
    await expect(http({ method: "GET", url, headers: {}, signal: before })).rejects.toMatchObject({ code: "aborted" });
    const waiting = new Cancellation();
    arrived.addEventListener("abort", () => waiting.abort());
    await expect(http({ method: "GET", url, headers: {}, signal: waiting })).rejects.toMatchObject({ code: "aborted" });
    const reading = new Cancellation();
    const answer = await http({ method: "GET", url: `${url}/body`, headers: {}, signal: reading });
    const iterator = answer.body[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(false);
    reading.abort();
    await expect(iterator.next()).rejects.toThrow();
  });
});
