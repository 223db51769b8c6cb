import { describe, expect, it, vi } from "vitest";
import type { HttpResponse } from "../../../server/ports.js";
import { gate, standsStill } from "./bodies.js";
import { answerOf, http, RawPeer } from "./client-side.js";
import { type MakeTransport, type ServerSide, serve } from "./server-side.js";

const PIECE_BYTES = 65_536;
const MANY_BYTES = 1_000 * PIECE_BYTES;

/** A streamed answer and what became of it. */
class Stream {
  asked = 0;
  returned = 0;
  /** Throws, or ends, at this piece. */
  endsAt: { readonly piece: number; readonly failure?: Error } | undefined;

  constructor(
    readonly lengthBytes: number,
    readonly pieceBytes = PIECE_BYTES,
  ) {}

  answer(): HttpResponse {
    return { status: 206, headers: { "content-range": "bytes 0-1/*" }, body: this };
  }

  readonly pieces: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => {
      let leftBytes = this.lengthBytes;
      return {
        next: async () => {
          if (this.asked === this.endsAt?.piece) {
            if (this.endsAt.failure !== undefined) throw this.endsAt.failure;
            return { done: true, value: undefined };
          }
          if (leftBytes <= 0 && this.endsAt === undefined) return { done: true, value: undefined };
          const value = Buffer.alloc(leftBytes > 0 ? Math.min(this.pieceBytes, leftBytes) : 1, this.asked);
          this.asked += 1;
          leftBytes -= value.length;
          return { done: false, value };
        },
        return: async () => {
          this.returned += 1;
          return { done: true, value: undefined };
        },
      };
    },
  };
}

async function asks(server: ServerSide, method = "GET"): Promise<RawPeer> {
  const peer = await RawPeer.open(server.port);
  peer.socket.write(`${method} /blob HTTP/1.1\r\nHost: x\r\n\r\n`);
  return peer;
}

/** Answers that are made while they are sent. */
export function streamsAnswers(makeTransport: MakeTransport): void {
  describe("streamed answers", () => {
    it("sends every piece in order with the length, and takes the next request behind it", async () => {
      for (const [lengthBytes, pieceBytes] of [
        [1, 1],
        [10, 3],
        [200_000, 65_536],
        [1_000_000, 300_000],
      ] as const) {
        const stream = new Stream(lengthBytes, pieceBytes);
        const server = await serve(makeTransport, {
          request: ({ path }) => (path === "/blob" ? stream.answer() : { status: 200, headers: {}, body: "next" }),
        });
        const peer = await asks(server);
        await peer.until(() => peer.received.length > lengthBytes && peer.received.includes("\r\n\r\n"));
        const end = peer.received.indexOf("\r\n\r\n") + 4;
        await peer.until(() => peer.received.length >= end + lengthBytes);
        const head = peer.received.subarray(0, end).toString().toLowerCase();
        expect(head).toMatch(/^http\/1\.1 206 /);
        expect(head).toContain("content-range: bytes 0-1/*\r\n");
        expect(head).toContain(`content-length: ${lengthBytes}\r\n`);
        expect(head).not.toContain("transfer-encoding");
        const expected = Buffer.alloc(lengthBytes).map((_, at) => Math.floor(at / pieceBytes));
        expect(peer.received.subarray(end).equals(expected)).toBe(true);
        peer.received = Buffer.alloc(0);
        peer.socket.write("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(await answerOf(peer)).toMatchObject({ status: 200, body: "next" });
        expect(server.complaints).toEqual([]);
      }
    });

    it("answers HEAD with the length, and asks for no piece", async () => {
      const stream = new Stream(5_000_000_000);
      const server = await serve(makeTransport, { request: () => stream.answer() });
      const peer = await asks(server, "HEAD");
      await peer.until(() => peer.received.includes("\r\n\r\n"));
      expect(peer.received.toString().toLowerCase()).toContain("content-length: 5000000000\r\n");
      expect([stream.asked, stream.returned]).toEqual([0, 1]);
      peer.received = Buffer.alloc(0);
      peer.socket.write("HEAD /blob HTTP/1.1\r\nHost: x\r\n\r\n");
      await peer.until(() => peer.received.toString().startsWith("HTTP/1.1 206"));
    });

    it("answers a stream of nothing with nothing", async () => {
      const stream = new Stream(0);
      const server = await serve(makeTransport, { request: () => stream.answer() });
      expect(await http(server.port, "/blob")).toMatchObject({ status: 206, body: "" });
      expect([stream.asked, stream.returned]).toEqual([0, 1]);
    });

    it("asks for a piece only when the peer has taken the last, however slow it is", async () => {
      const stream = new Stream(MANY_BYTES);
      const server = await serve(makeTransport, { request: () => stream.answer() });
      const peer = await asks(server);
      peer.socket.pause();
      // What the kernel buffers of both ends hold, and no more.
      const asked = await standsStill(() => stream.asked);
      expect(asked).toBeLessThan(700);
      peer.socket.removeAllListeners("data");
      let bytes = 0;
      peer.socket.on("data", (chunk) => {
        bytes += chunk.length;
      });
      peer.socket.resume();
      await vi.waitFor(() => expect(bytes).toBeGreaterThan(MANY_BYTES), 20_000);
      expect(stream.asked).toBe(1_000);
    });

    it("calls return when the peer goes, whether it waits for the peer or for a piece", async () => {
      const { opened: never } = gate();
      const stream = new Stream(MANY_BYTES);
      const waiting = new Stream(MANY_BYTES);
      const first = waiting.pieces[Symbol.asyncIterator]();
      const stuck = { ...first, next: () => never.then(() => first.next()) };
      const server = await serve(makeTransport, {
        request: ({ path }) =>
          path === "/blob"
            ? stream.answer()
            : { ...waiting.answer(), body: { lengthBytes: 10, pieces: { [Symbol.asyncIterator]: () => stuck } } },
      });
      const peer = await asks(server);
      peer.socket.pause();
      await standsStill(() => stream.asked);
      peer.socket.destroy();
      await vi.waitFor(() => expect(stream.returned).toBe(1), 20_000);
      const other = await RawPeer.open(server.port);
      other.socket.write("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n");
      await vi.waitFor(() => expect(server.requests).toHaveLength(2), 20_000);
      other.socket.destroy();
      await vi.waitFor(() => expect(waiting.returned).toBe(1), 20_000);
      expect(server.complaints).toEqual([]);
    });

    it("cuts the connection of a stream that throws, ends early or goes on, so that nobody takes it for the whole", async () => {
      const failure = new Error("the disk is gone");
      const endings: readonly [Stream["endsAt"], RegExp][] = [
        [{ piece: 3, failure }, /the disk is gone/],
        [{ piece: 3 }, /fewer bytes/],
        [{ piece: 50 }, /more bytes/],
      ];
      for (const [endsAt, complaint] of endings) {
        const stream = new Stream(10 * PIECE_BYTES);
        stream.endsAt = endsAt;
        const server = await serve(makeTransport, { request: () => stream.answer() });
        const cut = fetch(`http://127.0.0.1:${server.port}/blob`).then((answer) => answer.arrayBuffer());
        // What goes on behind its length was taken for the whole, and is the whole.
        if (endsAt?.piece === 50) await cut;
        else await expect(cut).rejects.toThrow();
        await vi.waitFor(() => expect(server.complaints).toHaveLength(1), 20_000);
        expect(String(server.complaints[0]?.cause)).toMatch(complaint);
      }
    });

    it("answers 500 to a stream that throws before its first piece", async () => {
      const stream = new Stream(MANY_BYTES);
      stream.endsAt = { piece: 0, failure: new Error("no such file") };
      const server = await serve(makeTransport, { request: () => stream.answer() });
      expect((await http(server.port, "/blob")).status).toBe(500);
      expect(server.complaints).toHaveLength(1);
    });

    it("answers 503 while as many are under way as may be", async () => {
      const streams: Stream[] = [];
      const server = await serve(makeTransport, {
        bounds: { maxTransfers: 1 },
        request() {
          const stream = new Stream(MANY_BYTES);
          streams.push(stream);
          return stream.answer();
        },
      });
      const first = await asks(server);
      first.socket.pause();
      await standsStill(() => streams[0]?.asked ?? 0);
      const refused = await http(server.port, "/blob");
      expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
      expect(streams[1]).toMatchObject({ asked: 0, returned: 1 });
      expect((await http(server.port, "/blob", { method: "HEAD" })).status).toBe(206);
      first.socket.destroy();
      await vi.waitFor(() => expect(streams[0]?.returned).toBe(1), 20_000);
      const again = await asks(server);
      await again.until(() => again.received.toString("latin1").startsWith("HTTP/1.1 206"));
    });

    it("ends what is under way at close", async () => {
      const stream = new Stream(MANY_BYTES);
      const server = await serve(makeTransport, { request: () => stream.answer() });
      const peer = await asks(server);
      peer.socket.pause();
      await standsStill(() => stream.asked);
      await server.listening.close();
      await vi.waitFor(() => expect(stream.returned).toBe(1), 20_000);
      expect(server.complaints).toEqual([]);
    });
  });
}
