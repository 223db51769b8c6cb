import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { routes } from "../../../server/desk/http/routes.js";
import { arrive, reported } from "../desk/report-of.js";
import { hire, onlyCase, type Worker } from "../desk/staff.js";
import { type ServedTestDesk, serveDesk } from "./served-desk.js";

const BLOB = "ab".repeat(16);
let relay: Server;
let desk: ServedTestDesk;
let lead: Worker;
let token: string;
/** What the double of the relay answers a download with. */
let blob: { status: number; headers: Record<string, string>; body: string };

beforeAll(async () => {
  relay = createServer((request, response) => {
    if (request.url === "/elsewhere") return void response.writeHead(200, { "content-length": "4" }).end("else");
    if (request.url !== `/v1/blobs/${BLOB}`) return void response.writeHead(404).end();
    response.writeHead(blob.status, blob.headers).end(blob.body);
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  desk = await serveDesk(`http://127.0.0.1:${(relay.address() as AddressInfo).port}`);
  lead = await hire(desk.test, "lead");
  token = await lead.signIn();
});

afterAll(async () => {
  await desk.close();
  relay.close();
});

const errorOf = async (response: Response) => {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return [response.status, error.code];
};

describe("the console's page", () => {
  it("may load its own script and style, and nothing else", async () => {
    const response = await desk.get("/");
    expect(response.status).toBe(200);
    const policy = (response.headers.get("content-security-policy") ?? "").split("; ");
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src blob:",
      "media-src blob:",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
    ])
      expect(policy).toContain(part);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(response.headers.get("set-cookie")).toBeNull();
    const page = await response.text();
    expect(page).not.toMatch(/<script(?![^>]*src=)|<style|\son[a-z]+=|https?:/i);
  });

  it("is not sent again where it is the same", async () => {
    const etag = (await desk.get("/console.js")).headers.get("etag") ?? "";
    const again = await fetch(`${desk.url}/console.js`, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
  });

  it.each([
    "/../package.json",
    "/%2e%2e/%2e%2e/package.json",
    "/..%2f..%2fpackage.json",
    "/console.js/../../../settings.ts",
    "/index.html%00.js",
    "//etc/passwd",
    "/etc/passwd",
    "/.well-known/x",
    "/api/../../settings.ts",
  ])("is all there is: %s is not", async (path) => {
    const { status, body } = await desk.raw(path);
    expect([400, 401, 404]).toContain(status);
    expect(body).not.toContain("sotto-relay");
    expect(body).not.toContain("root:");
  });

  it("is served by no other name, so that no other page can make a browser read it", async () => {
    expect((await desk.raw("/", { host: "evil.example" })).status).toBe(400);
    expect((await desk.raw("/api/state", { host: "evil.example:8788" })).status).toBe(400);
    expect((await desk.raw("/", { host: "localhost:1" })).status).toBe(200);
  });
});

describe("the interface", () => {
  it("tells nobody anything who is not signed in", async () => {
    // Another first digit, whichever this one has.
    const otherToken = `${token.startsWith("A") ? "B" : "A"}${token.slice(1)}`;
    const ids: Readonly<Record<string, string>> = { ":id": BLOB, ":team": "community", ":month": "2026-11" };
    for (const route of routes.filter(({ access }) => access === "signedIn")) {
      const path = route.path.map((part) => ids[part] ?? part).join("/");
      for (const wrong of [undefined, "x".repeat(44), otherToken]) {
        const answer = route.method === "GET" ? desk.get(path, wrong) : desk.post(path, {}, wrong);
        expect(await errorOf(await answer), path).toEqual([401, "notSignedIn"]);
      }
    }
  });

  it("signs in, says who is there, and out", async () => {
    const session = await lead.signIn();
    const me = (await (await desk.get("/api/me", session)).json()) as { moderator: { id: string } };
    expect(me.moderator.id).toBe(lead.me.id);
    expect((await desk.post("/api/logout", {}, session)).status).toBe(204);
    expect((await desk.get("/api/me", session)).status).toBe(401);
  });

  it("answers in JSON that nobody keeps, without a word to other origins", async () => {
    const response = await desk.get("/api/state");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await response.json()).toMatchObject({ hasModerators: true });
  });

  it("refuses what is no JSON, no object, too much, or has a name too many", async () => {
    const plain = await fetch(`${desk.url}/api/redeem`, {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: "{}",
    });
    expect(await errorOf(plain)).toEqual([400, "badRequest"]);
    expect(await errorOf(await desk.post("/api/moderators", "{", token))).toEqual([400, "badRequest"]);
    expect(await errorOf(await desk.post("/api/moderators", [], token))).toEqual([400, "badRequest"]);
    const person = { name: "n", role: "moderator", teams: [] };
    expect(await errorOf(await desk.post("/api/moderators", { ...person, admin: true }, token))).toEqual([
      400,
      "badRequest",
    ]);
    expect(await errorOf(await desk.post("/api/moderators", { ...person, role: "root" }, token))).toEqual([
      400,
      "badRequest",
    ]);
    const large = { ...person, name: "n".repeat(20_000) };
    expect((await desk.post("/api/moderators", large, token)).status).toBe(413);
  });

  it("has no other methods and no other paths", async () => {
    expect(await errorOf(await desk.get("/api/nothing", token))).toEqual([404, "notFound"]);
    expect((await desk.raw("/api/queue", { authorization: `Bearer ${token}` }, "DELETE")).status).toBe(404);
    expect((await desk.raw("/api/me", { authorization: `Bearer ${token}` }, "OPTIONS")).status).toBe(404);
  });

  it("carries a case from the queue to a decision", async () => {
    await reported(desk.test);
    await arrive(desk.test);
    const { id } = await onlyCase(desk.test, lead);
    const step = async (what: string, body: object = {}) => {
      const response = await desk.post(`/api/cases/${id}/${what}`, body, token);
      expect(response.status, what).toBeLessThan(300);
      return response.status === 204 ? undefined : ((await response.json()) as Record<string, unknown>);
    };
    await step("claim");
    expect(await errorOf(await desk.post(`/api/cases/${id}/open`, { reason: "" }, token))).toEqual([400, "badRequest"]);
    const opening = await step("open", { reason: "a look" });
    expect(opening?.closesMs).toBeTypeOf("number");
    expect((await desk.post(`/api/openings/${String(opening?.opening)}/close`, {}, token)).status).toBe(204);
    const view = await step("act", { kind: "warn", category: "harassment", rule: "be kind" });
    expect(view?.stage).toBe("actioned");
    expect(await step("hold", { wanted: "held" })).toMatchObject({ hold: "none", holdBy: [lead.me.id] });
    const second = await (await hire(desk.test, "lead")).signIn();
    const held = await desk.post(`/api/cases/${id}/hold`, { wanted: "held" }, second);
    expect(await held.json()).toMatchObject({ hold: "held", holdBy: [] });
    const wrong = await desk.post(`/api/cases/${id}/hold`, { wanted: "maybe" }, second);
    expect(await errorOf(wrong)).toEqual([400, "badRequest"]);
  });
});

describe("blobs", () => {
  const good = { status: 200, headers: { "content-length": "5", "content-type": "text/html" }, body: "bytes" };

  async function openCase(): Promise<string> {
    await reported(desk.test);
    const entry = (await desk.test.desk.queue(lead.me)).find(({ stage }) => stage === "new" || stage === "triage");
    const id = entry?.id ?? "";
    await desk.test.desk.claim(lead.me, id);
    return (await desk.test.desk.open(lead.me, id, "a look")).opening;
  }

  it("are handed on only while a case is open, as bytes that no browser shows", async () => {
    blob = good;
    expect(await errorOf(await desk.get(`/api/blobs/${BLOB}`, token))).toEqual([403, "notAllowed"]);
    const opening = await openCase();
    const response = await desk.get(`/api/blobs/${BLOB}`, token);
    expect(await response.text()).toBe("bytes");
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("content-security-policy")).toContain("sandbox");
    for (const id of ["../x", "A".repeat(32), BLOB.slice(2), `${BLOB}00`]) {
      expect((await desk.get(`/api/blobs/${encodeURIComponent(id)}`, token)).status).toBe(404);
    }
    blob = { status: 302, headers: { location: "/elsewhere" }, body: "" };
    expect(await errorOf(await desk.get(`/api/blobs/${BLOB}`, token))).toEqual([503, "unavailable"]);
    blob = { status: 200, headers: { "content-length": String(2 ** 40) }, body: "" };
    expect(await errorOf(await desk.get(`/api/blobs/${BLOB}`, token))).toEqual([503, "unavailable"]);
    await desk.post(`/api/openings/${opening}/close`, {}, token);
    blob = good;
    expect((await desk.get(`/api/blobs/${BLOB}`, token)).status).toBe(403);
  });
});

it("takes few guesses from one address", async () => {
  const other = await serveDesk();
  const statuses: number[] = [];
  for (let guess = 0; guess < 25; guess++) {
    const response = await other.post("/api/login/begin", { moderator: "somebody" });
    statuses.push(response.status);
    if (response.status === 429) expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    await response.arrayBuffer();
  }
  expect(statuses.slice(0, 20).every((status) => status === 200)).toBe(true);
  expect(statuses.at(-1)).toBe(429);
  await other.close();
});
