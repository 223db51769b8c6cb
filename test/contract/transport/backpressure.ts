import { describe, expect, it, vi } from "vitest";
import { connect, frame, RawPeer } from "./client-side.js";
import { echo, type MakeTransport, type Recorder, type ServerSide, serve } from "./server-side.js";

const CHUNK = Buffer.alloc(65_536, 1);
const CAP = 2_000_000;
/** More than the kernel buffers of both ends ever hold on loopback. */
const FLOOD_BYTES = 64_000_000;

async function soleRecorder(server: ServerSide): Promise<Recorder> {
  return vi.waitFor(() => {
    const recorder = server.recorders[0];
    if (recorder === undefined) throw new Error("not connected yet");
    return recorder;
  }, 20_000);
}

/** Sends until something happens, giving the event loop a turn after each chunk; answers the bytes sent. */
async function flood({ connection }: Recorder, stop: () => boolean): Promise<number> {
  let sent = 0;
  for (; sent < FLOOD_BYTES && !stop(); sent += CHUNK.length) {
    connection.send(CHUNK);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sent;
}

/** The peer's speed is felt, bounded, and told. */
export function behavesUnderBackpressure(makeTransport: MakeTransport): void {
  describe("backpressure", () => {
    it("closes a peer that never reads with 4413 once the cap is passed, and frees what waited", async () => {
      const server = await serve(makeTransport, { maxBufferedBytes: CAP });
      const peer = await RawPeer.upgraded(server.port);
      peer.socket.pause();
      const recorder = await soleRecorder(server);
      let highest = 0;
      const sent = await flood(recorder, () => {
        highest = Math.max(highest, recorder.connection.bufferedBytes);
        return recorder.closes > 0;
      });
      const { drains } = recorder;
      expect(recorder.closes).toBe(1);
      expect(sent).toBeLessThan(FLOOD_BYTES);
      expect(highest).toBeGreaterThan(CAP / 2);
      expect(highest).toBeLessThanOrEqual(CAP);
      expect(recorder.connection.bufferedBytes).toBe(0);
      // One that wakes up in time still reads everything, and last of all why it was closed.
      peer.socket.resume();
      const close = () => peer.received.subarray(-15);
      await peer.until(() => close().subarray(4).toString() === "not reading");
      expect(close().readUInt8(0)).toBe(0x88);
      expect(close().readUInt16BE(2)).toBe(4413);
      expect(peer.received.length).toBeGreaterThan(sent);
      expect(recorder.drains).toBe(drains);
    }, 60_000);

    it("calls drained when a slow reader has caught up", async () => {
      const server = await serve(makeTransport, { maxBufferedBytes: 2 * FLOOD_BYTES });
      const peer = await RawPeer.upgraded(server.port);
      peer.socket.pause();
      const recorder = await soleRecorder(server);
      const leftAtDrains: number[] = [];
      recorder.onDrained = () => leftAtDrains.push(recorder.connection.bufferedBytes);
      const sent = await flood(recorder, () => recorder.connection.bufferedBytes > CAP);
      // A kernel that is slow to take the first of it may be caught up with before its buffers are full.
      const { drains } = recorder;
      peer.socket.resume();
      await vi.waitFor(() => expect(recorder.drains).toBe(drains + 1), 20_000);
      expect(leftAtDrains.every((bytes) => bytes === 0)).toBe(true);
      expect(recorder.connection.bufferedBytes).toBe(0);
      await vi.waitFor(() => expect(peer.received.length).toBeGreaterThan(sent), 20_000);
      expect(recorder.closes).toBe(0);
    }, 60_000);

    it("calls drained after what waited when a corked burst left has gone", async () => {
      const server = await serve(makeTransport, { maxBufferedBytes: 2 * FLOOD_BYTES });
      const peer = await RawPeer.upgraded(server.port);
      peer.socket.pause();
      const { connection, ...recorder } = await soleRecorder(server);
      expect(recorder.drains).toBe(0);
      connection.cork(() => {
        for (let bytes = 0; bytes < 16_000_000; bytes += CHUNK.length) connection.send(CHUNK);
      });
      expect(connection.bufferedBytes).toBeGreaterThan(0);
      peer.socket.resume();
      await vi.waitFor(() => expect(server.recorders[0]?.drains).toBe(1), 20_000);
    }, 60_000);

    it("closes with 4413 when a corked burst passes the cap", async () => {
      const server = await serve(makeTransport, { maxBufferedBytes: CAP });
      const peer = await RawPeer.upgraded(server.port);
      peer.socket.pause();
      const recorder = await soleRecorder(server);
      recorder.connection.cork(() => {
        for (let bytes = 0; bytes < FLOOD_BYTES; bytes += CHUNK.length) recorder.connection.send(CHUNK);
      });
      await vi.waitFor(() => expect(recorder.closes).toBe(1), 20_000);
    }, 60_000);

    it("bounds the pongs of a peer that pings and never reads", async () => {
      const server = await serve(makeTransport, { maxBufferedBytes: 65_536, maxMessageBytes: 65_536 });
      const peer = await RawPeer.upgraded(server.port);
      peer.socket.pause();
      const recorder = await soleRecorder(server);
      const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame(9, Buffer.alloc(125))));
      let highest = 0;
      for (let round = 0; round < 200 && !peer.socket.destroyed; round++) {
        await new Promise<void>((resolve) => peer.socket.write(pings, () => resolve()));
        highest = Math.max(highest, recorder.connection.bufferedBytes);
      }
      expect(highest).toBeLessThan(1_000_000);
    }, 60_000);

    it("serves others while one does not read", async () => {
      const server = await serve(makeTransport, { greet: echo, maxBufferedBytes: 2 * FLOOD_BYTES });
      const stuck = await RawPeer.upgraded(server.port);
      stuck.socket.pause();
      const recorder = await soleRecorder(server);
      await flood(recorder, () => recorder.connection.bufferedBytes > CAP);
      const client = await connect(server.url);
      for (let at = 0; at < 500; at++) client.socket.send(Buffer.alloc(1_000, at));
      await vi.waitFor(() => expect(client.messages).toHaveLength(500), 20_000);
      expect(recorder.connection.bufferedBytes).toBeGreaterThan(CAP / 2);
    }, 60_000);
  });
}
