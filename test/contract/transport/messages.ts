import { once } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { connect, frame, RawPeer } from "./client-side.js";
import { echo, type MakeTransport, serve } from "./server-side.js";

/** Messages: whole, in order, bounded, and the handler's to keep. */
export function carriesMessages(makeTransport: MakeTransport): void {
  describe("messages", () => {
    it("returns what it was sent, byte for byte and in order", async () => {
      const server = await serve(makeTransport, { greet: echo });
      const client = await connect(server.url);
      const sent = Array.from({ length: 200 }, (_, at) => Buffer.alloc(at * 17, at));
      for (const message of sent) client.socket.send(message);
      await vi.waitFor(() => expect(client.messages).toHaveLength(sent.length), 20_000);
      expect(Buffer.concat(client.messages).equals(Buffer.concat(sent))).toBe(true);
      expect(client.messages.map((message) => message.length)).toEqual(sent.map((message) => message.length));
    });

    it("can send before the first message came", async () => {
      const server = await serve(makeTransport, { greet: ({ connection }) => connection.send(Buffer.from("hello")) });
      const client = await connect(server.url);
      await vi.waitFor(() => expect(client.messages.map(String)).toEqual(["hello"]), 20_000);
    });

    it("carries a message of the largest size, and closes with 1009 for one byte more", async () => {
      const server = await serve(makeTransport, { greet: echo, maxMessageBytes: 300_000 });
      const client = await connect(server.url);
      client.socket.send(Buffer.alloc(300_000, 7));
      await vi.waitFor(() => expect(client.messages[0]?.length).toBe(300_000), 20_000);
      client.socket.send(Buffer.alloc(300_001, 7));
      expect((await client.ending).code).toBe(1009);
      expect(server.recorders[0]?.messages).toHaveLength(1);
      await vi.waitFor(() => expect(server.recorders[0]?.closes).toBe(1), 20_000);
    });

    it("ends a socket that announces far more than the largest size, without reading it", async () => {
      const server = await serve(makeTransport, { maxMessageBytes: 1_000 });
      const peer = await RawPeer.upgraded(server.port);
      peer.socket.write(frame(2, Buffer.alloc(10_000_000)).subarray(0, 5_000));
      await peer.gone;
      await vi.waitFor(() => expect(server.recorders[0]?.closes).toBe(1), 20_000);
      expect(server.recorders[0]?.messages).toHaveLength(0);
    });

    it("closes with 1009 when fragments add up to too much", async () => {
      const server = await serve(makeTransport, { maxMessageBytes: 1_000 });
      const client = await connect(server.url);
      client.socket.send(Buffer.alloc(600), { fin: false });
      client.socket.send(Buffer.alloc(600), { fin: true });
      expect((await client.ending).code).toBe(1009);
    });

    it("closes with 1003 for text", async () => {
      const server = await serve(makeTransport, { greet: echo });
      const client = await connect(server.url);
      client.socket.send("text");
      expect((await client.ending).code).toBe(1003);
      expect(server.recorders[0]?.messages).toHaveLength(0);
    });

    it("puts fragments together, also when a ping comes between them", async () => {
      const server = await serve(makeTransport);
      const peer = await RawPeer.upgraded(server.port);
      peer.socket.write(frame(2, Buffer.from("one "), "more"));
      peer.socket.write(frame(9, Buffer.from("ping")));
      peer.socket.write(frame(0, Buffer.from("two "), "more"));
      peer.socket.write(frame(0, Buffer.from("three")));
      const recorder = () => server.recorders[0]?.messages.map((message) => Buffer.from(message).toString());
      await vi.waitFor(() => expect(recorder()).toEqual(["one two three"]), 20_000);
    });

    it("reads a message that comes in one byte at a time", async () => {
      const server = await serve(makeTransport);
      const peer = await RawPeer.upgraded(server.port);
      peer.socket.setNoDelay(true);
      for (const byte of frame(2, Buffer.from("slowly"))) {
        await new Promise<void>((resolve) => peer.socket.write(Buffer.from([byte]), () => resolve()));
      }
      await vi.waitFor(
        () => expect(String(Buffer.from(server.recorders[0]?.messages[0] ?? []))).toBe("slowly"),
        20_000,
      );
    });

    it("answers pings with their own bytes", async () => {
      const server = await serve(makeTransport);
      const client = await connect(server.url);
      const pong = once(client.socket, "pong");
      client.socket.ping(Buffer.from("are you there"));
      expect(String((await pong)[0])).toBe("are you there");
      expect(server.recorders[0]?.messages).toHaveLength(0);
    });

    it("leaves received bytes valid after later messages came", async () => {
      const server = await serve(makeTransport);
      const client = await connect(server.url);
      const sizes = [1, 100, 1_024, 5_000, 100_000];
      for (let round = 0; round < 40; round++) {
        for (const size of sizes) client.socket.send(Buffer.alloc(size, round));
      }
      await vi.waitFor(() => expect(server.recorders[0]?.messages).toHaveLength(200), 20_000);
      for (const [at, message] of (server.recorders[0]?.messages ?? []).entries()) {
        const expected = Buffer.alloc(sizes[at % sizes.length] ?? 0, Math.floor(at / sizes.length));
        expect(expected.equals(message)).toBe(true);
      }
    });

    it("hands over plain bytes, whose slice is a copy", async () => {
      const server = await serve(makeTransport);
      const client = await connect(server.url);
      client.socket.send(Buffer.from([1, 2, 3]));
      await vi.waitFor(() => expect(server.recorders[0]?.messages).toHaveLength(1), 20_000);
      const message = server.recorders[0]?.messages[0];
      expect(Buffer.isBuffer(message)).toBe(false);
      const copy = message?.slice();
      message?.fill(9);
      expect([...(copy ?? [])]).toEqual([1, 2, 3]);
    });

    it("sends a corked burst in order and in few packets", async () => {
      const server = await serve(makeTransport);
      const peer = await RawPeer.upgraded(server.port);
      await vi.waitFor(() => expect(server.recorders).toHaveLength(1), 20_000);
      const connection = server.recorders[0]?.connection;
      const before = peer.chunks;
      connection?.cork(() => {
        for (let at = 0; at < 25; at++) connection.send(Uint8Array.of(at));
        connection.cork(() => {
          for (let at = 25; at < 50; at++) connection.send(Uint8Array.of(at));
        });
      });
      await peer.until(() => peer.received.length === 150);
      const expected = Array.from({ length: 50 }, (_, at) => [0x82, 1, at]).flat();
      expect([...peer.received]).toEqual(expected);
      expect(peer.chunks - before).toBeLessThanOrEqual(5);
    });

    it("takes a thousand connects in quick succession", async () => {
      const server = await serve(makeTransport, { greet: echo });
      for (let round = 0; round < 10; round++) {
        const clients = await Promise.all(Array.from({ length: 100 }, () => connect(server.url)));
        for (const client of clients) client.socket.send(Buffer.from("x"));
        await vi.waitFor(() => expect(clients.every(({ messages }) => messages.length === 1)).toBe(true), 20_000);
        for (const client of clients) client.socket.close(1000);
        await Promise.all(clients.map(({ ending }) => ending));
      }
      expect(server.recorders).toHaveLength(1_000);
      await vi.waitFor(() => expect(server.recorders.every(({ closes }) => closes === 1)).toBe(true), 20_000);
    }, 120_000);
  });
}
