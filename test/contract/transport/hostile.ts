import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { HttpRequest, HttpResponse } from "../../../server/ports.js";
import { sendBack } from "./bodies.js";
import { answerOf, bodyHead, connect, frame, handshake, http, RawPeer, upgradeStatus } from "./client-side.js";
import { echo, type MakeTransport, type ServerSide, serve } from "./server-side.js";

async function stillServes(server: ServerSide): Promise<void> {
  const client = await connect(server.url);
  client.socket.send(Buffer.from("still there?"));
  await vi.waitFor(() => expect(client.messages.map(String)).toEqual(["still there?"]), 20_000);
  expect((await http(server.port, "/health")).status).toBe(200);
}

const MANY_BYTES = 64 * 1_048_576;

/** Rules that stream more than the kernel buffers on `/many`, and send the body back elsewhere. */
function sendBackOrMany(request: HttpRequest): Promise<HttpResponse> {
  if (request.path !== "/many") return sendBack(request);
  async function* pieces() {
    for (let left = MANY_BYTES; left > 0; left -= 65_536) yield Buffer.alloc(65_536);
  }
  return Promise.resolve({ status: 200, headers: {}, body: { lengthBytes: MANY_BYTES, pieces: pieces() } });
}

/** Writes bytes and hangs up; resolves when the socket is gone on both sides' word. */
async function inflict(peer: RawPeer, bytes: Uint8Array): Promise<void> {
  peer.socket.end(bytes);
  peer.socket.resume();
  await peer.gone;
}

/** Nothing a peer writes, or fails to write, takes the listener down. */
export function survivesHostilePeers(makeTransport: MakeTransport): void {
  describe("hostile peers", () => {
    it("survives random bytes in the place of a request", async () => {
      const server = await serve(makeTransport, { greet: echo });
      const request = fc.oneof(
        fc.uint8Array({ maxLength: 2_000 }),
        fc.string({ maxLength: 500 }).map((text) => Buffer.from(`GET ${text} HTTP/1.1\r\nHost: x\r\n\r\n`)),
        fc.string({ maxLength: 500 }).map((text) => Buffer.from(`GET /v1 HTTP/1.1\r\n${text}\r\n\r\n`)),
        fc
          .tuple(fc.nat({ max: 150 }), fc.uint8Array({ minLength: 1, maxLength: 4 }))
          .map(([at, bytes]) => spliced(Buffer.from(handshake()), at, bytes)),
      );
      await fc.assert(
        fc.asyncProperty(request, async (bytes) => inflict(await RawPeer.open(server.port), bytes)),
        { numRuns: 200 },
      );
      await stillServes(server);
      expect(server.complaints).toEqual([]);
    }, 120_000);

    it("survives random bytes in the place of frames, and calls closed once for each", async () => {
      const server = await serve(makeTransport, { greet: echo, maxMessageBytes: 10_000 });
      const frames = fc.oneof(
        fc.uint8Array({ maxLength: 2_000 }),
        fc
          .tuple(
            fc.nat({ max: 15 }),
            fc.uint8Array({ maxLength: 300 }),
            fc.constantFrom("last" as const, "more" as const),
          )
          .map(([opcode, payload, fin]) => frame(opcode, payload, fin)),
        fc
          .tuple(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 20 }), fc.uint8Array({ minLength: 1, maxLength: 4 }))
          .map(([payload, at, bytes]) => spliced(frame(2, payload), at, bytes)),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(frames, { maxLength: 5 }), async (pieces) =>
          inflict(await RawPeer.upgraded(server.port), Buffer.concat(pieces)),
        ),
        { numRuns: 200 },
      );
      await vi.waitFor(() => expect(server.recorders.every(({ closes }) => closes === 1)).toBe(true), 20_000);
      await stillServes(server);
      expect(server.complaints).toEqual([]);
    }, 120_000);

    it("ends a socket whose frames break the protocol", async () => {
      const server = await serve(makeTransport);
      const reservedBits = frame(2, Buffer.from("x"));
      reservedBits[0] = 0xf2;
      for (const bytes of [reservedBits, frame(5, Buffer.from("x")), frame(9, Buffer.alloc(200))]) {
        const peer = await RawPeer.upgraded(server.port);
        peer.socket.write(bytes);
        await peer.gone;
      }
      await vi.waitFor(() => expect(server.recorders.map(({ closes }) => closes)).toEqual([1, 1, 1]), 20_000);
      expect(server.recorders.flatMap(({ messages }) => messages)).toEqual([]);
    });

    it("serves others beside half-open handshakes, and ends those after ten seconds or so", async () => {
      const server = await serve(makeTransport, { greet: echo, request: sendBackOrMany });
      // A body and an answer that are under way may be silent for longer: those have a bound of their own.
      const uploading = await RawPeer.open(server.port);
      uploading.socket.write(`${bodyHead(10)}hello`);
      const downloading = await RawPeer.open(server.port);
      downloading.socket.pause();
      downloading.socket.write("GET /many HTTP/1.1\r\nHost: x\r\n\r\n");
      await vi.waitFor(() => expect(server.requests).toHaveLength(2), 20_000);
      const starts = ["", "GET", handshake().slice(0, 60), "GET / HTTP/1.1\r\nX: "];
      const peers = await Promise.all(Array.from({ length: 100 }, () => RawPeer.open(server.port)));
      for (const [at, peer] of peers.entries()) peer.socket.write(starts[at % starts.length] ?? "");
      await stillServes(server);
      // One that drips a byte whenever it can must not buy time with it.
      const dripping = peers[3];
      const drip = setInterval(() => dripping?.socket.write("a"), 500);
      await Promise.all(peers.map(({ gone }) => gone)).finally(() => clearInterval(drip));
      await stillServes(server);
      expect(server.recorders).toHaveLength(2);
      uploading.socket.write("world");
      expect(await answerOf(uploading)).toMatchObject({ status: 200, body: "helloworld" });
      let bytes = 0;
      downloading.socket.removeAllListeners("data");
      downloading.socket.on("data", (chunk) => {
        bytes += chunk.length;
      });
      downloading.socket.resume();
      await vi.waitFor(() => expect(bytes).toBeGreaterThan(MANY_BYTES), 20_000);
    }, 60_000);

    it("drops sockets that neither ask nor upgrade beyond its bound", async () => {
      const server = await serve(makeTransport, { maxConnections: 1 });
      const peers = await Promise.all(Array.from({ length: 100 }, () => RawPeer.open(server.port)));
      await vi.waitFor(() => expect(peers.filter(({ socket }) => socket.closed).length).toBe(35), 5_000);
      for (const { socket } of peers) socket.destroy();
      await vi.waitFor(async () => expect(await upgradeStatus(server.url)).toBe(101), 20_000);
    });
  });
}

function spliced(bytes: Buffer, at: number, piece: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + piece.length)]);
}
