import { once } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { freePort } from "../../support/free-port.js";
import { connect, frame, RawPeer, upgradeStatus } from "./client-side.js";
import { echo, type MakeTransport, type ServerSide, serve } from "./server-side.js";

const BYTES = Uint8Array.of(1);

async function closesToBe(server: ServerSide, expected: readonly number[]): Promise<void> {
  await vi.waitFor(() => expect(server.recorders.map(({ closes }) => closes)).toEqual(expected), 20_000);
}

/** Opening, closing, refusing, stopping. */
export function keepsItsLifecycle(makeTransport: MakeTransport): void {
  describe("lifecycle", () => {
    it("sends the close code and reason it is given, and calls closed once, after close has returned", async () => {
      const server = await serve(makeTransport);
      const client = await connect(server.url);
      const recorder = await vi.waitFor(() => server.recorders[0] ?? Promise.reject(new Error("not yet")), 20_000);
      recorder?.connection.close(4409, "displaced");
      expect(recorder?.closes).toBe(0);
      recorder?.connection.close(4500, "again");
      expect(await client.ending).toEqual({ code: 4409, reason: "displaced" });
      await closesToBe(server, [1]);
    });

    it("shortens a reason that no close frame can hold", async () => {
      const server = await serve(makeTransport, { greet: ({ connection }) => connection.close(4400, "ü".repeat(200)) });
      const client = await connect(server.url);
      const { code, reason } = await client.ending;
      expect(code).toBe(4400);
      expect(reason).toBe("ü".repeat(41));
    });

    it("does nothing on a closed connection, whoever closed it", async () => {
      const server = await serve(makeTransport, { greet: echo });
      const [ours, theirs, broken] = [await connect(server.url), await connect(server.url), await connect(server.url)];
      await vi.waitFor(() => expect(server.recorders).toHaveLength(3), 20_000);
      server.recorders[0]?.connection.close(4400, "");
      theirs.socket.close(1000);
      broken.socket.terminate();
      await Promise.all([ours.ending, theirs.ending, broken.ending]);
      await closesToBe(server, [1, 1, 1]);
      for (const { connection } of server.recorders) {
        connection.send(BYTES);
        connection.cork(() => connection.send(BYTES));
        connection.close(4400, "late");
        expect(connection.bufferedBytes).toBe(0);
        expect(connection.remoteAddress).toBe("127.0.0.1");
      }
      await closesToBe(server, [1, 1, 1]);
    });

    it("does nothing on a connection that is closed inside a cork", async () => {
      const server = await serve(makeTransport);
      const client = await connect(server.url);
      await vi.waitFor(() => expect(server.recorders).toHaveLength(1), 20_000);
      const connection = server.recorders[0]?.connection;
      connection?.cork(() => {
        connection.send(BYTES);
        connection.close(4400, "bye");
        connection.send(BYTES);
      });
      expect(await client.ending).toEqual({ code: 4400, reason: "bye" });
      expect(client.messages).toHaveLength(1);
      await closesToBe(server, [1]);
    });

    it("hands over no message after close, also of those already received", async () => {
      const server = await serve(makeTransport, {
        greet: (recorder) => {
          recorder.onMessage = () => recorder.connection.close(4400, "one is enough");
        },
      });
      const peer = await RawPeer.upgraded(server.port);
      peer.socket.write(Buffer.concat([frame(2, BYTES), frame(2, BYTES), frame(2, BYTES)]));
      await closesToBe(server, [1]);
      peer.socket.write(frame(2, BYTES));
      peer.socket.end();
      await peer.gone;
      expect(server.recorders[0]?.messages).toHaveLength(1);
    });

    it("calls closed once for a connection that its rules close while it opens", async () => {
      const server = await serve(makeTransport, {
        greet: ({ connection }) => {
          connection.send(BYTES);
          connection.close(4401, "no");
        },
      });
      const client = await connect(server.url);
      expect((await client.ending).code).toBe(4401);
      expect(client.messages).toHaveLength(1);
      await closesToBe(server, [1]);
    });

    it("closes one of others from inside a handler", async () => {
      const server = await serve(makeTransport, {
        greet: (recorder) => {
          recorder.onMessage = () => {
            for (const other of server.recorders) if (other !== recorder) other.connection.close(4409, "displaced");
          };
          recorder.onClosed = () => recorder.connection.send(BYTES);
        },
      });
      const [first, second] = [await connect(server.url), await connect(server.url)];
      second.socket.send(BYTES);
      expect((await first.ending).code).toBe(4409);
      await closesToBe(server, [1, 0]);
    });

    it("closes with 4503 what the rules refuse", async () => {
      const server = await serve(makeTransport, { refuse: () => true });
      const client = await connect(server.url);
      expect((await client.ending).code).toBe(4503);
      expect(server.recorders).toHaveLength(0);
    });

    it("refuses with 503 what exceeds maxConnections, and takes another when one has left", async () => {
      const server = await serve(makeTransport, { greet: echo, maxConnections: 3 });
      const clients = [await connect(server.url), await connect(server.url), await connect(server.url)];
      expect(await upgradeStatus(server.url)).toBe(503);
      expect(server.recorders).toHaveLength(3);
      clients[0]?.socket.close();
      await clients[0]?.ending;
      await vi.waitFor(async () => expect(await upgradeStatus(server.url)).toBe(101), 20_000);
      clients[1]?.socket.send(BYTES);
      await vi.waitFor(() => expect(clients[1]?.messages).toHaveLength(1), 20_000);
    });

    it("closes only the socket whose handler throws, with 4500, and logs what it threw", async () => {
      const failure = new Error("a bug");
      const server = await serve(makeTransport, {
        greet: (recorder) => {
          recorder.onMessage = () => {
            if (server.recorders[0] === recorder) throw failure;
            recorder.connection.send(BYTES);
          };
        },
      });
      const [first, second] = [await connect(server.url), await connect(server.url)];
      first.socket.send(BYTES);
      expect((await first.ending).code).toBe(4500);
      expect(server.complaints).toEqual([{ event: "connectionHandlerThrew", cause: failure }]);
      second.socket.send(BYTES);
      await vi.waitFor(() => expect(second.messages).toHaveLength(1), 20_000);
      await closesToBe(server, [1, 0]);
    });

    it("stops accepting while open connections go on, then closes them with 4503", async () => {
      const server = await serve(makeTransport, { greet: echo });
      const client = await connect(server.url);
      server.listening.stopAccepting();
      server.listening.stopAccepting();
      await expect(connect(server.url)).rejects.toThrow();
      client.socket.send(BYTES);
      await vi.waitFor(() => expect(client.messages).toHaveLength(1), 20_000);
      const closing = Promise.all([server.listening.close(), server.listening.close()]);
      expect((await client.ending).code).toBe(4503);
      await closing;
      await closesToBe(server, [1]);
    });

    it("ends sockets that do not answer the close, and frees the port", async () => {
      const server = await serve(makeTransport, { port: await freePort() });
      const [peer, idle] = [await RawPeer.upgraded(server.port), await RawPeer.open(server.port)];
      await server.listening.close();
      await Promise.all([peer.gone, idle.gone]);
      await server.listening.close();
      const again = await serve(makeTransport, { greet: echo, port: server.port });
      const client = await connect(again.url);
      client.socket.send(BYTES);
      await vi.waitFor(() => expect(client.messages).toHaveLength(1), 20_000);
    });

    it("closes after every connection has left by itself", async () => {
      const server = await serve(makeTransport);
      const client = await connect(server.url);
      server.listening.stopAccepting();
      client.socket.close();
      await once(client.socket, "close");
      await closesToBe(server, [1]);
      await server.listening.close();
    });

    it("listens on a name as on its address", async () => {
      const server = await serve(makeTransport, { host: "localhost", greet: echo });
      const client = await connect(`ws://localhost:${server.port}/v1`);
      client.socket.send(BYTES);
      await vi.waitFor(() => expect(client.messages).toHaveLength(1), 20_000);
      await expect(serve(makeTransport, { host: "no such host" })).rejects.toThrow(/Cannot listen/);
    });

    it("rejects a port that is taken", async () => {
      const server = await serve(makeTransport);
      await expect(serve(makeTransport, { port: server.port })).rejects.toThrow(/Cannot listen on 127.0.0.1/);
    });
  });
}
