import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { opened } from "./bodies.js";
import { answerOf, bodyHead, RawPeer } from "./client-side.js";
import { type MakeTransport, serve, UPLOADS } from "./server-side.js";

/** Answers that do not wait for the body. */
export function answersEarly(makeTransport: MakeTransport): void {
  describe("early answers", () => {
    it("gives an answer that does not wait for the body to an ordinary client, and hangs up", async () => {
      const server = await serve(makeTransport, { request: () => ({ status: 401, headers: {}, body: "no\n" }) });
      for (const megabytes of [0, 1, 64]) {
        const body = Buffer.alloc(megabytes * 1_048_576 + 1, 1);
        const answer = await fetch(`http://127.0.0.1:${server.port}${UPLOADS}/x`, { method: "PATCH", body });
        expect([answer.status, await answer.text()]).toEqual([401, "no\n"]);
        expect(answer.headers.get("connection")).toBe("close");
      }
      expect(server.complaints).toEqual([]);
    });

    it("answers before the body has come, and reads no request out of the rest", async () => {
      const server = await serve(makeTransport, {
        request: () => ({ status: 409, headers: { a: "b" }, body: "moved" }),
      });
      const peer = await opened(server, bodyHead(100_000));
      const answer = await answerOf(peer);
      expect(answer).toMatchObject({ status: 409, body: "moved" });
      expect(answer.head.toLowerCase()).toContain("\r\na: b\r\n");
      peer.socket.write("GET /secret HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3_000));
      await peer.gone;
      expect(peer.received.toString().trim()).toBe("");
      expect(server.requests).toHaveLength(1);
    });

    it("reads on for a while behind such an answer, so that a peer in the middle of its body is not reset", async () => {
      const server = await serve(makeTransport, {
        bounds: { leftBodyMs: 20_000 },
        request: () => ({ status: 401, headers: {}, body: "no" }),
      });
      const peer = new RawPeer(connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true }));
      const errors: Error[] = [];
      peer.socket.on("error", (error) => errors.push(error));
      peer.socket.write(bodyHead(10 * 1_048_576));
      expect((await answerOf(peer)).status).toBe(401);
      for (let part = 0; part < 10; part++) {
        await new Promise<void>((resolve) => peer.socket.write(Buffer.alloc(1_048_576), () => resolve()));
        await new Promise((resolve) => setImmediate(resolve));
      }
      // With the end of the body the connection ends, long before its time.
      if (!peer.socket.readableEnded) await once(peer.socket, "end");
      peer.socket.end();
      await peer.gone;
      expect(errors).toEqual([]);
    });

    it("hangs up behind a body that the rules broke off, however much of it had come", async () => {
      const server = await serve(makeTransport, {
        async request({ body }) {
          for await (const piece of body ?? []) return { status: 200, headers: {}, body: String(piece[0]) };
          return { status: 500, headers: {}, body: "" };
        },
      });
      for (const rest of ["", "x", `${"x".repeat(99)}GET / HTTP/1.1\r\nHost: x\r\n\r\n`]) {
        const peer = await opened(server, `${bodyHead(100)}x`);
        expect(await answerOf(peer)).toMatchObject({ status: 200, body: "120" });
        peer.socket.write(rest);
        await peer.gone;
        expect(peer.received.toString().trim()).toBe("");
      }
      expect(server.requests).toHaveLength(3);
    });
  });
}
