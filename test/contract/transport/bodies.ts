import { once } from "node:events";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { HttpRequest, HttpResponse } from "../../../server/ports.js";
import { answerOf, bodyHead, http, RawPeer } from "./client-side.js";
import { type MakeTransport, type ServerSide, serve, UPLOADS } from "./server-side.js";

/** Rules that take the whole body and send it back. */
export async function sendBack({ body }: HttpRequest): Promise<HttpResponse> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body ?? []) pieces.push(piece);
  return { status: 200, headers: {}, body: Buffer.concat(pieces) };
}

/** A promise and what settles it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A peer that has written something. */
export async function opened(server: ServerSide, bytes: string): Promise<RawPeer> {
  const peer = await RawPeer.open(server.port);
  peer.socket.write(bytes);
  return peer;
}

/** Request bodies, where they are taken. */
export function takesBodies(makeTransport: MakeTransport): void {
  describe("request bodies", () => {
    it("hands a body over whole, whatever packets it came in, and takes the next request behind it", async () => {
      const server = await serve(makeTransport, { request: sendBack });
      const peer = await RawPeer.open(server.port);
      peer.socket.setNoDelay();
      const cut = fc.array(fc.uint8Array({ minLength: 1, maxLength: 5_000 }), { minLength: 1, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(cut, fc.boolean(), async (pieces, isApart) => {
          const whole = Buffer.concat(pieces);
          peer.socket.write(bodyHead(whole.length));
          for (const piece of pieces) {
            peer.socket.write(piece);
            if (isApart) await new Promise((resolve) => setImmediate(resolve));
          }
          await peer.until(
            () => peer.received.length > whole.length && peer.received.subarray(-whole.length).equals(whole),
          );
          peer.received = Buffer.alloc(0);
        }),
        { numRuns: 30 },
      );
      expect(server.complaints).toEqual([]);
    });

    it("says the length beforehand, and hands over only the headers that rules may ask for", async () => {
      const server = await serve(makeTransport, { request: sendBack });
      const headers = {
        authorization: "Bearer t",
        "upload-offset": ["1", "2"],
        "upload-metadata": "",
        "content-type": "application/offset+octet-stream",
        "tus-resumable": "1.0.0",
        cookie: "secret",
      };
      const answer = await http(server.port, `${UPLOADS}/x?y`, { method: "PATCH", headers, body: "hello" });
      expect(answer).toMatchObject({ status: 200, body: "hello" });
      expect(server.requests[0]).toMatchObject({
        method: "PATCH",
        path: `${UPLOADS}/x`,
        headers: { authorization: "Bearer t", "upload-offset": "1, 2", "tus-resumable": "1.0.0" },
      });
      expect(Object.keys(server.requests[0]?.headers ?? {}).sort()).toEqual(
        ["authorization", "content-type", "tus-resumable", "upload-offset"].sort(),
      );
      expect(server.requests[0]?.body?.lengthBytes).toBe(5);
    });

    it("hands over no body where none was announced", async () => {
      const server = await serve(makeTransport);
      await http(server.port, UPLOADS, { method: "POST", headers: { "content-length": "0" } });
      await http(server.port, `${UPLOADS}/x`, { method: "DELETE" });
      expect(server.requests.map(({ body }) => body)).toEqual([undefined, undefined]);
    });

    it("takes a body whose sender waits to be told to go on", async () => {
      const server = await serve(makeTransport, { request: sendBack });
      const peer = await opened(server, bodyHead(5, { Expect: "100-continue" }));
      await peer.until(() => peer.received.toString() === "HTTP/1.1 100 Continue\r\n\r\n");
      peer.socket.write("hello");
      expect(await answerOf(peer)).toMatchObject({ status: 200, body: "hello" });
    });

    it("throws to the taker when the peer goes in the middle, after all that came", async () => {
      const heard: string[] = [];
      const server = await serve(makeTransport, {
        async request({ body }) {
          try {
            for await (const piece of body ?? []) heard.push(Buffer.from(piece).toString());
          } catch (cause) {
            heard.push(String(cause));
            throw cause;
          }
          return { status: 200, headers: {}, body: "" };
        },
      });
      const peer = await opened(server, `${bodyHead(100)}some`);
      await vi.waitFor(() => expect(heard).toEqual(["some"]), 20_000);
      peer.socket.destroy();
      await vi.waitFor(() => expect(heard).toEqual(["some", "Error: the sender of a body went"]), 20_000);
      const half = await opened(server, `${bodyHead(100)}more`);
      half.socket.end();
      await vi.waitFor(() => expect(heard).toHaveLength(4), 20_000);
      // That a peer goes is no bug of ours.
      expect(server.complaints).toEqual([]);
    });

    it("does not read on while nobody takes", async () => {
      const { opened: wanted, open } = gate();
      const server = await serve(makeTransport, {
        async request({ body }) {
          await wanted;
          let bytes = 0;
          for await (const piece of body ?? []) bytes += piece.length;
          return { status: 200, headers: {}, body: String(bytes) };
        },
      });
      const body = Buffer.alloc(64 * 1_048_576, 1);
      const peer = await opened(server, bodyHead(body.length));
      peer.socket.write(body);
      await vi.waitFor(() => expect(server.requests).toHaveLength(1), 20_000);
      const stands = await standsStill(() => peer.socket.bytesWritten - peer.socket.writableLength);
      expect(stands).toBeLessThan(body.length);
      expect(peer.socket.writableLength).toBeGreaterThan(0);
      open();
      expect(await answerOf(peer)).toMatchObject({ status: 200, body: String(body.length) });
    });

    it("refuses a body with 503 while as many are under way as may be, and takes one again afterwards", async () => {
      const { opened: wanted, open } = gate();
      const server = await serve(makeTransport, {
        bounds: { maxTransfers: 1 },
        async request(request) {
          if (request.body !== undefined) await wanted;
          return sendBack(request);
        },
      });
      const first = await opened(server, `${bodyHead(5)}hello`);
      await vi.waitFor(() => expect(server.requests).toHaveLength(1), 20_000);
      const refused = await http(server.port, UPLOADS, { method: "POST", body: "x" });
      expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
      expect((await http(server.port, UPLOADS)).status).toBe(200);
      open();
      expect(await answerOf(first)).toMatchObject({ status: 200, body: "hello" });
      expect((await http(server.port, UPLOADS, { method: "POST", body: "x" })).status).toBe(200);
    });

    it("lets bodies come to their end after stopAccepting, begins no new one, and cuts them off at close", async () => {
      const failures: unknown[] = [];
      const server = await serve(makeTransport, {
        request: (request) => sendBack(request).catch((cause) => Promise.reject(failures.push(cause) && cause)),
      });
      const [ends, stays] = [await opened(server, `${bodyHead(4)}ab`), await opened(server, `${bodyHead(4)}ab`)];
      await vi.waitFor(() => expect(server.requests).toHaveLength(2), 20_000);
      server.listening.stopAccepting();
      ends.socket.write("cd");
      expect(await answerOf(ends)).toMatchObject({ status: 200, body: "abcd" });
      if (!ends.socket.closed) {
        ends.socket.write(bodyHead(4));
        await Promise.race([ends.gone, answerOf(ends).then(({ status }) => expect(status).toBe(503))]).catch(() => {});
      }
      expect(server.requests).toHaveLength(2);
      await server.listening.close();
      await stays.gone;
      await vi.waitFor(() => expect(failures.map(String)).toEqual(["Error: the sender of a body went"]), 20_000);
      expect(server.complaints).toEqual([]);
    });

    it("answers whoever waits for a whole body of nothing but a late last byte", async () => {
      const server = await serve(makeTransport, { request: sendBack });
      const peer = await opened(server, `${bodyHead(3)}ab`);
      await vi.waitFor(() => expect(server.requests).toHaveLength(1), 20_000);
      expect(peer.received.length).toBe(0);
      peer.socket.write("c");
      expect(await answerOf(peer)).toMatchObject({ status: 200, body: "abc" });
      peer.socket.end();
      await once(peer.socket, "close");
    });
  });
}

/**
 * The value of something that moves, once it has not for ten looks in ten turns of the event loop. Time alone does not tell: what
 * moves it is in this process, which may not have run meanwhile.
 */
export async function standsStill(read: () => number): Promise<number> {
  let last = -1;
  let alike = 0;
  await vi.waitFor(
    () => {
      const now = read();
      alike = now === last ? alike + 1 : 0;
      last = now;
      expect(alike).toBeGreaterThanOrEqual(10);
    },
    { timeout: 20_000, interval: 10 },
  );
  return last;
}
