import { describe, expect, it, vi } from "vitest";
import { requestHeaders } from "../../../server/ports.js";
import { connect, handshake, http, RawPeer, upgradeStatus } from "./client-side.js";
import { type MakeTransport, serve, UPLOADS } from "./server-side.js";

const PAGE = "https://app.example";

/** HTTP on the same port: asked of the rules, bounded, and guarded against foreign pages. */
export function answersHttp(makeTransport: MakeTransport): void {
  describe("HTTP", () => {
    it("asks the rules and returns their status, headers and body", async () => {
      const server = await serve(makeTransport, {
        request: async ({ path }) => ({ status: 404, headers: { "x-kind": "test" }, body: Buffer.from(`no ${path}`) }),
      });
      const answer = await http(server.port, "/nothing?with=query", { headers: { authorization: "Bearer t" } });
      expect(answer).toMatchObject({ status: 404, body: "no /nothing" });
      expect(answer.headers["x-kind"]).toBe("test");
      expect(answer.headers["content-length"]).toBe("11");
      expect(server.requests).toEqual([
        { method: "GET", path: "/nothing", remoteAddress: "127.0.0.1", headers: { authorization: "Bearer t" } },
      ]);
    });

    it("answers HEAD with the length and no body", async () => {
      const server = await serve(makeTransport);
      const peer = await RawPeer.open(server.port);
      peer.socket.write("HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      await peer.gone;
      const text = peer.received.toString().toLowerCase();
      expect(text).toMatch(/^http\/1\.1 200 ok\r\n/);
      expect(text).toContain("content-length: 7\r\n");
      expect(text.endsWith("\r\n\r\n")).toBe(true);
      expect(server.requests[0]?.method).toBe("HEAD");
    });

    it("asks the rules for a plain GET of the WebSocket path, and for an upgrade to something else", async () => {
      const server = await serve(makeTransport);
      expect((await http(server.port, "/v1")).status).toBe(200);
      const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c" };
      expect((await http(server.port, "/health", { headers })).body).toBe("/health");
      expect(server.requests.map(({ path }) => path)).toEqual(["/v1", "/health"]);
    });

    it("answers several requests of one connection in turn", async () => {
      const server = await serve(makeTransport);
      const peer = await RawPeer.open(server.port);
      for (const path of ["/one", "/two", "/three"]) {
        peer.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await peer.until(() => peer.received.toString().endsWith(path));
      }
      expect(server.requests).toHaveLength(3);
    });

    it("answers 500 when the rules fail, and logs why", async () => {
      const failure = new Error("a bug");
      const server = await serve(makeTransport, { request: () => Promise.reject(failure) });
      expect((await http(server.port, "/")).status).toBe(500);
      expect(server.complaints).toEqual([{ event: "requestHandlerThrew", cause: failure }]);
    });

    it("does not mind a client that leaves before its answer", async () => {
      let answer = () => {};
      const waiting = new Promise<void>((resolve) => {
        answer = resolve;
      });
      const server = await serve(makeTransport, {
        request: async ({ path }) => {
          if (path === "/slow") await waiting;
          return { status: 200, headers: {}, body: path };
        },
      });
      const peer = await RawPeer.open(server.port);
      peer.socket.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
      await vi.waitFor(() => expect(server.requests).toHaveLength(1), 20_000);
      peer.socket.destroy();
      await peer.gone;
      expect((await http(server.port, "/other")).body).toBe("/other");
      answer();
      expect((await http(server.port, "/third")).body).toBe("/third");
    });

    it("refuses bodies with 413 and hangs up", async () => {
      const server = await serve(makeTransport);
      for (const head of ["Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 99999999999"]) {
        const peer = await RawPeer.open(server.port);
        peer.socket.write(`POST /v1 HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
        await peer.gone;
        expect(peer.received.toString()).toMatch(/^HTTP\/1\.1 413 /);
      }
      expect(server.requests).toHaveLength(0);
      expect((await http(server.port, "/", { headers: { "content-length": "0" } })).status).toBe(200);
    });

    it("refuses more header lines than it reads with 431", async () => {
      const server = await serve(makeTransport);
      const peer = await RawPeer.open(server.port);
      peer.socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"a".repeat(20_000)}\r\n\r\n`);
      await peer.gone;
      expect(server.requests).toHaveLength(0);
      if (peer.received.length > 0) expect(peer.received.toString()).toMatch(/^HTTP\/1\.1 431 /);
    });

    it("lets the pages of allowed origins read answers, and no others", async () => {
      const server = await serve(makeTransport, { allowedOrigins: [PAGE] });
      const allowed = await http(server.port, "/", { headers: { origin: PAGE } });
      expect(allowed.headers["access-control-allow-origin"]).toBe(PAGE);
      expect(allowed.headers.vary).toBe("Origin");
      const exposed = allowed.headers["access-control-expose-headers"]?.split(", ");
      expect(exposed).toEqual(expect.arrayContaining(["content-range", "etag", "location", "upload-offset"]));
      const foreign = await http(server.port, "/", { headers: { origin: `${PAGE}.evil.example` } });
      expect(foreign.headers["access-control-allow-origin"]).toBeUndefined();
      expect(foreign.headers["access-control-expose-headers"]).toBeUndefined();
      // A refusal of the transport's own is one a page may read too.
      const refused = await http(server.port, "/", { method: "POST", headers: { origin: PAGE }, body: "x" });
      expect([refused.status, refused.headers["access-control-allow-origin"]]).toEqual([413, PAGE]);
      const open = await serve(makeTransport, { allowedOrigins: ["*"] });
      const any = await http(open.port, "/", { headers: { origin: "null" } });
      expect(any.headers["access-control-allow-origin"]).toBe("*");
    });

    it("answers preflights itself", async () => {
      const server = await serve(makeTransport, { allowedOrigins: [PAGE] });
      const ask = (origin: string, path = "/v1/blobs/x") =>
        http(server.port, path, {
          method: "OPTIONS",
          headers: { origin, "access-control-request-method": "GET" },
        });
      const allowed = await ask(PAGE);
      expect(allowed.status).toBe(204);
      expect(allowed.headers["access-control-allow-origin"]).toBe(PAGE);
      expect(allowed.headers["access-control-allow-methods"]).toBe("GET, HEAD");
      expect(allowed.headers["access-control-allow-headers"]?.split(", ")).toEqual([...requestHeaders]);
      const uploads = await ask(PAGE, `${UPLOADS}/x`);
      expect(uploads.headers["access-control-allow-methods"]).toBe("GET, HEAD, POST, PATCH, DELETE");
      expect((await ask("https://evil.example")).status).toBe(403);
      expect(server.requests).toHaveLength(0);
      await http(server.port, "/health", { method: "OPTIONS" });
      expect(server.requests.map(({ method }) => method)).toEqual(["OPTIONS"]);
    });

    it("lets programs and the pages of allowed origins upgrade, and no other pages", async () => {
      const server = await serve(makeTransport, { allowedOrigins: [PAGE] });
      expect(await upgradeStatus(server.url)).toBe(101);
      expect(await upgradeStatus(server.url, { origin: PAGE })).toBe(101);
      expect(await upgradeStatus(server.url, { origin: "https://evil.example" })).toBe(403);
      expect(await upgradeStatus(server.url, { origin: "null" })).toBe(403);
      expect(server.recorders).toHaveLength(2);
    });

    it("refuses upgrades on another path with 404, and takes the right one with a query", async () => {
      const server = await serve(makeTransport);
      const base = `ws://127.0.0.1:${server.port}`;
      for (const path of ["/", "/v2", "/v1/", "/v1/more"]) expect(await upgradeStatus(base + path)).toBe(404);
      expect(await upgradeStatus(`${base}/v1?token=x`)).toBe(101);
    });

    it("refuses malformed handshakes with 400", async () => {
      const server = await serve(makeTransport);
      const malformed = [
        handshake({ "Sec-WebSocket-Key": undefined }),
        handshake({ "Sec-WebSocket-Key": "short" }),
        handshake({ "Sec-WebSocket-Key": "!".repeat(24) }),
        handshake({ "Sec-WebSocket-Version": undefined }),
        handshake({ "Sec-WebSocket-Version": "8" }),
        handshake({}, "HEAD /v1 HTTP/1.1"),
      ];
      for (const request of malformed) {
        const peer = await RawPeer.open(server.port);
        peer.socket.write(request);
        await peer.gone;
        expect(peer.received.toString()).toMatch(/^HTTP\/1\.1 400 /);
      }
      expect(server.recorders).toHaveLength(0);
    });

    it("names the peer by its socket, whatever it claims", async () => {
      const server = await serve(makeTransport);
      await http(server.port, "/", { headers: { "X-Forwarded-For": "203.0.113.7" } });
      await connect(server.url, { headers: { "X-Forwarded-For": "203.0.113.7" } });
      expect(server.requests[0]?.remoteAddress).toBe("127.0.0.1");
      expect(server.recorders[0]?.connection.remoteAddress).toBe("127.0.0.1");
    });

    it("names the peer by the entry the proxy added last, where there is a proxy", async () => {
      const server = await serve(makeTransport, { peerAddress: "forwarded" });
      const claims = [
        ["203.0.113.7"],
        ["203.0.113.7, 198.51.100.9"],
        // A proxy may add a line of its own.
        ["203.0.113.7", "2001:0db8:0::0009"],
        ["203.0.113.7, nonsense"],
      ];
      for (const claim of claims) await http(server.port, "/", { headers: { "X-Forwarded-For": claim } });
      const expected = ["203.0.113.7", "198.51.100.9", "2001:db8::9", "127.0.0.1"];
      expect(server.requests.map(({ remoteAddress }) => remoteAddress)).toEqual(expected);
      await connect(server.url, { headers: { "X-Forwarded-For": "192.0.2.1, 192.0.2.2" } });
      expect(server.recorders[0]?.connection.remoteAddress).toBe("192.0.2.2");
    });
  });
}
