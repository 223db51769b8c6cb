import { describe, expect, it, vi } from "vitest";
import { sendBack, standsStill } from "./bodies.js";
import { answerOf, bodyHead, RawPeer } from "./client-side.js";
import { type MakeTransport, serve } from "./server-side.js";

/** Short ones, and a rate of which every packet of these tests is far above or below. */
const bounds = { stallMs: 250, minBytesPerSecond: 1_000_000 };
const PIECE = Buffer.alloc(65_536, 1);

/** Writes a piece again and again, until it is told to stop. */
function drip(peer: RawPeer, piece: Uint8Array, everyMs: number): () => void {
  const timer = setInterval(() => peer.socket.write(piece), everyMs);
  return () => clearInterval(timer);
}

/** Peers that are slower than they may be, and rules that are. */
export function boundsSlowPeers(makeTransport: MakeTransport): void {
  describe("slow peers", () => {
    it("throws to the taker of a body when nothing comes for too long, and ends the connection", async () => {
      const server = await serve(makeTransport, { bounds, request: sendBack });
      const peer = await RawPeer.open(server.port);
      const beganMs = performance.now();
      peer.socket.write(`${bodyHead(100)}some`);
      expect((await answerOf(peer)).status).toBe(408);
      expect(performance.now() - beganMs).toBeGreaterThan(bounds.stallMs - 20);
      await peer.gone;
      expect(server.complaints).toEqual([]);
    });

    it("does not let a byte now and then hold a connection", async () => {
      const server = await serve(makeTransport, { bounds, request: sendBack });
      const peer = await RawPeer.open(server.port);
      peer.socket.setNoDelay();
      peer.socket.write(bodyHead(1_000_000));
      const stop = drip(peer, Uint8Array.of(1), 20);
      expect((await answerOf(peer).finally(stop)).status).toBe(408);
      await peer.gone;
    });

    it("takes all of a body that keeps to the slowest rate, however long it takes", async () => {
      // Each byte pays for the whole silence before it, so that a machine which is late with them is no slow peer.
      const server = await serve(makeTransport, { bounds: { ...bounds, minBytesPerSecond: 4 }, request: sendBack });
      const peer = await RawPeer.open(server.port);
      peer.socket.setNoDelay();
      peer.socket.write(bodyHead(60));
      const beganMs = performance.now();
      const stop = drip(peer, Uint8Array.of(1), 10);
      expect((await answerOf(peer).finally(stop)).status).toBe(200);
      expect(performance.now() - beganMs).toBeGreaterThan(2 * bounds.stallMs);
    });

    it("does not count against the peer what the rules take", async () => {
      const server = await serve(makeTransport, {
        bounds,
        async request(request) {
          for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, bounds.stallMs));
          return sendBack(request);
        },
      });
      const peer = await RawPeer.open(server.port);
      peer.socket.write(`${bodyHead(5)}hello`);
      expect(await answerOf(peer)).toMatchObject({ status: 200, body: "hello" });
    });

    it("cuts off the taker of an answer who takes nothing, and tells the stream", async () => {
      let returned = 0;
      async function* endless() {
        try {
          for (;;) yield PIECE;
        } finally {
          returned += 1;
        }
      }
      const server = await serve(makeTransport, {
        bounds,
        request: () => ({ status: 200, headers: {}, body: { lengthBytes: 1e9, pieces: endless() } }),
      });
      const peer = await RawPeer.open(server.port);
      peer.socket.pause();
      peer.socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await vi.waitFor(() => expect(returned).toBe(1), 20_000);
      peer.socket.resume();
      peer.socket.removeAllListeners("data");
      peer.socket.resume();
      await peer.gone;
      expect(server.complaints).toEqual([]);
    });

    it("sends all of an answer to one who takes it in bursts", async () => {
      const lengthBytes = 640 * PIECE.length;
      let asked = 0;
      async function* pieces() {
        for (let at = 0; at < 640; at++) {
          asked += 1;
          yield PIECE;
        }
      }
      const server = await serve(makeTransport, {
        // Progress is seen in steps of what the kernel buffers: twenty bursts and more, each of a turn or two of a busy machine.
        bounds: { ...bounds, stallMs: 5_000 },
        request: () => ({ status: 200, headers: {}, body: { lengthBytes, pieces: pieces() } }),
      });
      const peer = await RawPeer.open(server.port);
      let bytes = 0;
      peer.socket.removeAllListeners("data");
      peer.socket.on("data", (chunk) => {
        bytes += chunk.length;
        peer.socket.pause();
        setTimeout(() => peer.socket.resume(), 1);
      });
      peer.socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await vi.waitFor(() => expect(bytes).toBeGreaterThan(lengthBytes), 20_000);
      expect(asked).toBe(640);
      expect(await standsStill(() => server.complaints.length)).toBe(0);
    });
  });
}
