import { describe, expect, it } from "vitest";
import { sendBack } from "./bodies.js";
import { answerOf, bodyHead, http, RawPeer } from "./client-side.js";
import { MAX_BODY_BYTES, type MakeTransport, serve, UPLOADS } from "./server-side.js";

const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

/** The status lines in what a peer got, and whether it was hung up on. */
async function statusesOf(port: number, bytes: string): Promise<number[]> {
  const peer = await RawPeer.open(port);
  peer.socket.write(bytes);
  await peer.gone;
  return [...peer.received.toString("latin1").matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status));
}

/** Bodies that lie about themselves, or come where none may. */
export function survivesHostileBodies(makeTransport: MakeTransport): void {
  describe("hostile bodies", () => {
    const lies: readonly [string, Record<string, string | undefined>, number][] = [
      ["no number", { "Content-Length": "5x" }, 400],
      ["a sign", { "Content-Length": "+5" }, 400],
      ["a minus", { "Content-Length": "-5" }, 400],
      ["a list", { "Content-Length": "5, 5" }, 400],
      ["hexadecimal", { "Content-Length": "0x5" }, 400],
      ["two lengths that differ", { "Content-Length": "5\r\nContent-Length: 6" }, 400],
      ["two lengths that agree", { "Content-Length": "5\r\nContent-Length: 5" }, 400],
      ["two lengths, the first of which is none", { "Content-Length": "0\r\nContent-Length: 5" }, 400],
      ["two lengths, the first of which is empty", { "Content-Length": "\r\nContent-Length: 5" }, 400],
      ["a length and chunks", { "Transfer-Encoding": "chunked" }, 400],
      ["chunks", { "Content-Length": undefined, "Transfer-Encoding": "chunked" }, 411],
      [
        "chunks behind a coding that is empty",
        { "Content-Length": undefined, "Transfer-Encoding": "\r\nTransfer-Encoding: chunked" },
        411,
      ],
      ["a byte more than may be", { "Content-Length": String(MAX_BODY_BYTES + 1) }, 413],
      ["an upgrade", { Connection: "Upgrade", Upgrade: "h2c" }, 400],
    ];
    it.each(lies)("refuses %s", async (_name, changes, status) => {
      const server = await serve(makeTransport);
      const isChunked = "Transfer-Encoding" in changes;
      const statuses = await statusesOf(
        server.port,
        bodyHead(5, changes) + (isChunked ? "5\r\nhello\r\n0\r\n\r\n" : "hello"),
      );
      expect(statuses[0]).toBe(status);
      // Beside what the gate says uWebSockets.js may say of itself that the request is malformed.
      expect(statuses.slice(1).filter((other) => other !== 400)).toEqual([]);
      // Whichever way a reader cuts it, nothing behind it is a request.
      for (const body of ["", "hello", "helloo", "5\r\nhello\r\n0\r\n\r\n", "0\r\n\r\n"])
        await statusesOf(server.port, `${bodyHead(5, changes)}${body}${HIDDEN}${HIDDEN}`);
      expect(server.requests).toEqual([]);
      expect(server.complaints).toEqual([]);
    });

    it("takes no bodies beside its paths, however like them they look", async () => {
      const server = await serve(makeTransport, { request: sendBack });
      const paths = [
        "/",
        "/v1",
        "/v1/uploadsx",
        "/v1/upload",
        "/v1/uploads%2fx",
        "/V1/uploads",
        "//v1/uploads",
        "/v1/blobs/x",
      ];
      for (const path of paths)
        expect((await http(server.port, path, { method: "POST", body: "x" })).status, path).toBe(413);
      expect(server.requests).toEqual([]);
      for (const path of [UPLOADS, `${UPLOADS}?x`, `${UPLOADS}/`, `${UPLOADS}/x/y`])
        expect((await http(server.port, path, { method: "POST", body: "x" })).status, path).toBe(200);
    });

    it("waits for all that was announced, where it is more than 32 bits count", async () => {
      const server = await serve(makeTransport, { request: sendBack, bounds: { stallMs: 300 } });
      const peer = await RawPeer.open(server.port);
      peer.socket.write(`${bodyHead(2 ** 32 + 5)}hello`);
      expect((await answerOf(peer)).status).toBe(408);
      expect(server.requests[0]?.body?.lengthBytes).toBe(2 ** 32 + 5);
    });

    it("answers a huge number of refused bodies, and serves on", async () => {
      const server = await serve(makeTransport, { request: () => ({ status: 401, headers: {}, body: "" }) });
      const peers = await Promise.all(Array.from({ length: 200 }, () => RawPeer.open(server.port)));
      for (const [at, peer] of peers.entries()) {
        peer.socket.write(
          at % 2 === 0 ? bodyHead(1_000_000) : "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
        );
      }
      const statuses = await Promise.all(peers.map(async (peer) => (await answerOf(peer)).status));
      expect(statuses.filter((status) => status === 401)).toHaveLength(100);
      expect(statuses.filter((status) => status === 413)).toHaveLength(100);
      expect((await http(server.port, UPLOADS, { method: "POST", body: "x" })).status).toBe(401);
      await Promise.all(peers.map(({ gone }) => gone));
      expect(server.complaints).toEqual([]);
    });

    it("refuses to answer a body it left with a stream, which is a bug of the rules", async () => {
      let returned = 0;
      const pieces = {
        [Symbol.asyncIterator]: () => ({
          next: async () => ({ done: true as const, value: undefined }),
          return: async () => ({ done: true as const, value: returned++ }),
        }),
      };
      const server = await serve(makeTransport, {
        request: () => ({ status: 200, headers: {}, body: { lengthBytes: 5, pieces } }),
      });
      expect((await http(server.port, UPLOADS, { method: "POST", body: "x" })).status).toBe(500);
      expect([returned, server.complaints.length]).toEqual([1, 1]);
    });
  });
}
