import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { closeCodes } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { temporaryFolders } from "../temporary-folder.js";
import { endsWhatItStarts, run, type ServedRelay, serve } from "./sotto-relay.js";

const newFolder = temporaryFolders();
endsWhatItStarts();
const DEVELOPMENT = { SOTTO_DEVELOPMENT: "true" };
const METRICS_TOKEN = "a-token-for-metrics";

const get = (relay: ServedRelay, path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${relay.port}${path}`, { headers });

/** A socket that has been greeted with the challenge. */
async function greeted(relay: ServedRelay): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${relay.port}/v1`);
  await once(socket, "message");
  return socket;
}

describe.each(["auto", "portable"])("sotto-relay serve on the transport %s", (transport) => {
  it("listens, answers over HTTP, greets sockets, and ends gracefully on SIGTERM", async () => {
    const cwd = newFolder();
    const env = { ...DEVELOPMENT, SOTTO_TRANSPORT: transport, SOTTO_METRICS_TOKEN: METRICS_TOKEN };
    const relay = await serve({ cwd, env });
    expect(relay.output.out).toContain("DEVELOPMENT MODE");
    expect(relay.output.out).toContain("developmentKeysMade");

    expect((await get(relay, "/health")).status).toBe(200);
    expect((await get(relay, "/ready")).status).toBe(200);
    expect((await get(relay, "/nothing")).status).toBe(404);
    expect((await get(relay, "/metrics")).status).toBe(401);
    const metrics = await get(relay, "/metrics", { authorization: `Bearer ${METRICS_TOKEN}` });
    expect(metrics.status).toBe(200);
    expect(await metrics.text()).toContain("sotto_greeting_connections");

    const socket = await greeted(relay);
    const closed = once(socket, "close");
    relay.signal("SIGTERM");
    expect((await closed)[0]).toBe(closeCodes.unavailable);
    expect(await relay.ended()).toBe(0);
    const events = relay.output.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).event);
    expect(events.slice(-3)).toEqual(["stopping", "draining", "stopped"]);
    expect(relay.output.errors).toBe("");
    expect(existsSync(join(cwd, "data", "store", "CURRENT"))).toBe(true);
  });
});

describe("sotto-relay serve", () => {
  it("keeps its keys from start to start", async () => {
    const cwd = newFolder();
    const fingerprints: (string | undefined)[] = [];
    for (let start = 0; start < 2; start++) {
      const relay = await serve({ cwd, env: DEVELOPMENT });
      fingerprints.push(/sha256:[0-9a-f]{64}/.exec(relay.output.out)?.[0]);
      relay.signal("SIGINT");
      expect(await relay.ended()).toBe(0);
    }
    expect(fingerprints[0]).toBeDefined();
    expect(fingerprints[1]).toBe(fingerprints[0]);
  });

  it("says in one sentence that the data folder is in use", async () => {
    const cwd = newFolder();
    const relay = await serve({ cwd, env: DEVELOPMENT });
    const second = await run(["serve"], { cwd, env: { ...DEVELOPMENT, SOTTO_PORT: "0", SOTTO_LOG_LEVEL: "silent" } });
    expect(second).toMatchObject({ code: 1, out: "" });
    expect(second.errors).toMatch(/^sotto-relay: Another relay is running on the data folder [^\n]+\n$/);
    const copied = await run(["backup", join(cwd, "kept")], { cwd, env: DEVELOPMENT });
    expect(copied.errors).toMatch(/^sotto-relay: A relay is running on the data folder [^\n]+\n$/);
    relay.signal("SIGTERM");
    await relay.ended();
  });

  it.each(["auto", "portable"])(
    "says in one sentence that the port is in use, by a relay or by another program (%s)",
    async (transport) => {
      const relay = await serve({ cwd: newFolder(), env: { ...DEVELOPMENT, SOTTO_TRANSPORT: transport } });
      const silent = { ...DEVELOPMENT, SOTTO_LOG_LEVEL: "silent", SOTTO_TRANSPORT: transport };
      const second = await run(["serve"], { cwd: newFolder(), env: { ...silent, SOTTO_PORT: String(relay.port) } });
      expect(second).toMatchObject({ code: 1, out: "" });
      expect(second.errors).toMatch(/^sotto-relay: A Sotto relay is already running on port \d+[^\n]+\n$/);
      relay.signal("SIGTERM");
      await relay.ended();

      const other = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
      await once(other, "listening");
      const { port } = other.address() as AddressInfo;
      const third = await run(["serve"], { cwd: newFolder(), env: { ...silent, SOTTO_PORT: String(port) } });
      other.close();
      expect(third.errors).toMatch(/^sotto-relay: Port \d+ is used by another program[^\n]+\n$/);
    },
  );

  it("says in one sentence that the data folder cannot be made", async () => {
    const env = { ...DEVELOPMENT, SOTTO_DATA_DIR: "/dev/null/data", SOTTO_LOG_LEVEL: "silent" };
    const done = await run(["serve"], { cwd: newFolder(), env });
    expect(done).toMatchObject({ code: 1, out: "" });
    expect(done.errors).toMatch(/^sotto-relay: The data folder [^\n]+\n$/);
  });

  it("backs up what a stopped relay holds, and a restored relay has the same root", async () => {
    const [cwd, elsewhere] = [newFolder(), newFolder()];
    const first = await serve({ cwd, env: DEVELOPMENT });
    first.signal("SIGTERM");
    await first.ended();
    expect((await run(["backup", join(cwd, "kept")], { cwd, env: DEVELOPMENT })).code).toBe(0);
    expect((await run(["restore", join(cwd, "kept")], { cwd: elsewhere, env: DEVELOPMENT })).code).toBe(0);
    const second = await serve({ cwd: elsewhere, env: DEVELOPMENT });
    const fingerprint = /sha256:[0-9a-f]{64}/;
    expect(fingerprint.exec(second.output.out)?.[0]).toBe(fingerprint.exec(first.output.out)?.[0]);
    second.signal("SIGTERM");
    expect(await second.ended()).toBe(0);
  });
});

describe("npm start", () => {
  it("starts in development mode and says what to type next", async () => {
    const cwd = newFolder();
    const relay = await serve({ cwd, entry: "start.ts" }, []);
    await expect.poll(() => relay.output.out).toContain("To stop it");
    relay.signal("SIGINT");
    expect(await relay.ended()).toBe(0);
    for (const part of [
      "DEVELOPMENT MODE",
      "npm run chat -- --as alice --to bob",
      "/health",
      join(cwd, "data"),
      "DESK IN ONE PROCESS WITH THE RELAY",
      "/#invite=",
      "Ctrl-C",
    ]) {
      expect(relay.output.out).toContain(part);
    }
  });

  it("says in one sentence what is wrong", async () => {
    const done = await run([], { cwd: newFolder(), entry: "start.ts", env: { SOTTO_PORT: "x" } });
    expect(done.code).toBe(2);
    expect(done.errors).toMatch(/^SOTTO_PORT must be [^\n]+\n$/);
  });
});
