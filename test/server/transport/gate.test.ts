import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Incoming, judge } from "../../../server/transport/gate.js";

const PAGE = "https://app.example";
const options = {
  path: "/v1",
  allowedOrigins: [PAGE],
  maxConnections: 10,
  bodies: [{ prefix: "/v1/uploads", maxBytes: 1_000 }],
};
const free = { connections: 0, accepting: true, takesBodies: true };
const get: Incoming = {
  method: "GET",
  path: "/health",
  origin: "",
  connection: "",
  upgrade: "",
  webSocketKey: "",
  webSocketVersion: "",
  contentLength: "",
  transferEncoding: "",
  requestedMethod: "",
};
const upgrade: Incoming = {
  ...get,
  path: "/v1",
  connection: "keep-alive, Upgrade",
  upgrade: "WebSocket",
  webSocketKey: "dGhlIHNhbXBsZSBub25jZQ==",
  webSocketVersion: "13",
};

function statusOf(incoming: Incoming, capacity = free): number | string {
  const verdict = judge(incoming, options, capacity);
  return verdict.kind === "answer" ? verdict.response.status : verdict.kind;
}

describe("the gate", () => {
  it("lets a well-formed handshake upgrade, from a program or an allowed page", () => {
    expect(statusOf(upgrade)).toBe("upgrade");
    expect(statusOf({ ...upgrade, origin: PAGE })).toBe("upgrade");
  });

  it("refuses a foreign page even when the relay is full, and a wrong path before everything", () => {
    const full = { connections: 10, accepting: true, takesBodies: true };
    expect(statusOf({ ...upgrade, origin: "https://evil.example" }, full)).toBe(403);
    expect(statusOf({ ...upgrade, path: "/", origin: "https://evil.example" }, full)).toBe(404);
  });

  it("refuses with 503 when full or draining", () => {
    expect(statusOf(upgrade, { connections: 10, accepting: true, takesBodies: true })).toBe(503);
    expect(statusOf(upgrade, { connections: 0, accepting: false, takesBodies: true })).toBe(503);
    expect(statusOf(upgrade, { connections: 9, accepting: true, takesBodies: true })).toBe("upgrade");
  });

  it("asks the rules about a request that only mentions WebSockets", () => {
    expect(statusOf({ ...upgrade, connection: "keep-alive" })).toBe("ask");
    expect(statusOf({ ...upgrade, upgrade: "h2c" })).toBe("ask");
    expect(statusOf({ ...upgrade, connection: "upgrade-insecure" })).toBe("ask");
  });

  it("refuses bodies on every path but those that take them, and takes a length of zero", () => {
    for (const base of [get, upgrade]) {
      expect(statusOf({ ...base, contentLength: "1" })).toBe(413);
      expect(statusOf({ ...base, transferEncoding: "chunked" })).toBe(413);
      expect(statusOf({ ...base, contentLength: "nonsense" })).toBe(400);
    }
    expect(statusOf({ ...get, contentLength: "0" })).toBe("ask");
    for (const path of ["/v1/uploadsx", "/v1/upload", "/v1", "/v1/UPLOADS"]) {
      expect(statusOf({ ...get, path, contentLength: "1" }), path).toBe(413);
    }
  });

  it("takes a body of a stated length where bodies are taken, up to the most that may be", () => {
    const upload = { ...get, method: "PATCH", path: "/v1/uploads/x", contentLength: "1000" };
    expect(judge(upload, options, free)).toMatchObject({ kind: "ask", bodyBytes: 1_000 });
    expect(judge({ ...upload, path: "/v1/uploads" }, options, free)).toMatchObject({ kind: "ask", bodyBytes: 1_000 });
    expect(judge({ ...upload, contentLength: "" }, options, free)).toMatchObject({ kind: "ask", bodyBytes: 0 });
    expect(statusOf({ ...upload, contentLength: "1001" })).toBe(413);
    expect(statusOf({ ...upload, contentLength: "9".repeat(400) })).toBe(413);
    expect(statusOf({ ...upload, contentLength: "", transferEncoding: "chunked" })).toBe(411);
    expect(statusOf({ ...upload, transferEncoding: "chunked" })).toBe(411);
    expect(statusOf({ ...upload, connection: "upgrade", upgrade: "h2c" })).toBe(400);
    expect(statusOf(upload, { ...free, takesBodies: false })).toBe(503);
    expect(statusOf(upload, { ...free, accepting: false })).toBe(503);
    expect(statusOf({ ...upload, contentLength: "0" }, { ...free, takesBodies: false })).toBe("ask");
  });

  it("takes no length but digits for one", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme-ascii" }), (contentLength) => {
        const status = statusOf({ ...get, path: "/v1/uploads", contentLength });
        if (/^[0-9]+$/.test(contentLength)) expect(["ask", 413]).toContain(status);
        else expect(status).toBe(400);
      }),
    );
  });

  it("hangs up after every refusal, because what follows is not a request", () => {
    const verdict = judge({ ...get, contentLength: "5" }, options, free);
    expect(verdict).toMatchObject({ kind: "answer", hangUp: true });
  });

  it("never upgrades a page whose origin is not listed character for character", () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string({ minLength: 1 }), fc.constant(`${PAGE}:443`)), (origin) => {
        expect(statusOf({ ...upgrade, origin })).toBe(origin === PAGE ? "upgrade" : 403);
      }),
    );
  });
});
