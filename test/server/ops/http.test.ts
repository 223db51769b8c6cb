import { describe, expect, it } from "vitest";
import { answerHttp, isLoopbackAddress, type RelayState } from "../../../server/ops/http.js";
import { createMetrics } from "../../../server/ops/metrics.js";

const TOKEN = "a-token-for-metrics";

function relayIn(state: RelayState, metricsToken?: string) {
  const answer = answerHttp({
    state: () => state,
    metrics: createMetrics(),
    metricsToken,
    rootFingerprint: "sha256:00",
    version: "1.2.3",
  });
  return (path: string, more: { method?: string; remoteAddress?: string; authorization?: string } = {}) => {
    const { authorization, ...rest } = more;
    const headers = authorization === undefined ? {} : { authorization };
    return answer({ method: "GET", remoteAddress: "127.0.0.1", path, headers, ...rest });
  };
}

describe("health and readiness", () => {
  it.each([
    ["starting", 503, 503],
    ["ready", 200, 200],
    ["draining", 200, 503],
    ["failed", 503, 503],
  ] as const)("while %s: /health says %i, /ready %i", async (state, health, ready) => {
    const get = relayIn(state);
    expect((await get("/health")).status).toBe(health);
    const answer = await get("/ready");
    expect(answer.status).toBe(ready);
    expect(JSON.parse(String(answer.body))).toEqual({ status: state, version: "1.2.3" });
  });
});

describe("other requests", () => {
  it("say what this is on /", async () => {
    const { status, body, headers } = await relayIn("ready")("/");
    expect(status).toBe(200);
    expect(String(body)).toContain("Sotto relay 1.2.3");
    expect(headers["content-type"]).toContain("text/plain");
  });

  it("are 404 for unknown paths, also for names that objects have", async () => {
    for (const path of ["/x", "/health/", "toString", "__proto__", "/constructor"]) {
      expect((await relayIn("ready")(path)).status, path).toBe(404);
    }
  });

  it("are 405 for other methods, and without a body for HEAD", async () => {
    const answer = await relayIn("ready")("/health", { method: "POST" });
    expect([answer.status, answer.headers.allow]).toEqual([405, "GET, HEAD"]);
    expect((await relayIn("ready")("/health", { method: "HEAD" })).body).toBe("");
  });
});

describe("/metrics", () => {
  it("without a token answers this machine only", async () => {
    const get = relayIn("ready");
    expect((await get("/metrics")).status).toBe(200);
    expect((await get("/metrics", { remoteAddress: "192.0.2.1" })).status).toBe(401);
  });

  it("with a token asks everybody for it", async () => {
    const get = relayIn("ready", TOKEN);
    expect((await get("/metrics")).status).toBe(401);
    for (const authorization of ["", "Bearer", `Bearer ${TOKEN}x`, `bearer${TOKEN}`, TOKEN]) {
      expect((await get("/metrics", { authorization })).status, authorization).toBe(401);
    }
    const answer = await get("/metrics", { authorization: `Bearer ${TOKEN}`, remoteAddress: "192.0.2.1" });
    expect(answer.status).toBe(200);
    expect(String(answer.body)).toContain("sotto_envelopes_accepted_total");
  });
});

describe("this machine's addresses", () => {
  it.each([
    "127.0.0.1",
    "127.8.9.1",
    "::1",
    "::ffff:127.0.0.1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "0000:0000:0000:0000:0000:ffff:7f00:0001",
  ])("include %s", (address) => expect(isLoopbackAddress(address)).toBe(true));
  it.each(["192.0.2.1", "::2", "1.127.0.0.1", "127.0.0.1.evil", "", "::ffff:10.0.0.1"])(
    "do not include %j",
    (address) => expect(isLoopbackAddress(address)).toBe(false),
  );
});
