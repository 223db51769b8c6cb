/** A desk at a real relay: over sockets and HTTP, on LevelDB, across a restart. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failures } from "@sotto/protocol";
import { type RunningRelay, settingsFrom, startRelay } from "@sotto/relay";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.js";
import { RawDevice } from "../support/raw-client/index.js";
import { RawDesk, STATEMENT, TestRealm } from "../support/raw-desk.js";
import { silentLog } from "../support/world.js";

const realm = new TestRealm();
let folder: string;
let port: number;
let relay: RunningRelay;

async function start(): Promise<void> {
  const settings = { development: true, limiterScale: 1_000, allowedOrigins: ["https://app.example"] };
  relay = await startRelay({
    settings: settingsFrom({ ...settings, dataDir: folder, port, deskKey: realm.link.publicKey }),
    log: silentLog,
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-desk-"));
  port = await freePort();
  await start();
});

afterAll(async () => {
  await relay.close();
  await rm(folder, { recursive: true, force: true });
});

const bytes = (size: number) => new Uint8Array(randomBytes(size));

describe("a desk at a relay", () => {
  it("serves the realm, answers who asks, gets every report once, and what it did outlives a restart", async () => {
    expect((await fetch(`${relay.url}/.well-known/sotto/realm`)).status).toBe(404);
    let desk = await RawDesk.serving(relay.url, realm);
    const page = await fetch(`${relay.url}/.well-known/sotto/moderation`, {
      headers: { origin: "https://app.example" },
    });
    expect([page.status, await page.text()]).toEqual([200, STATEMENT]);
    expect(page.headers.get("access-control-allow-origin")).toBe("https://app.example");
    const document = await fetch(`${relay.url}/.well-known/sotto/realm`);
    expect(new Uint8Array(await document.arrayBuffer())).toEqual(realm.document());

    const alice = await RawDevice.register(relay.url, "alice");
    const answered = desk.answerNext(Uint8Array.of(2));
    expect(await alice.socket.ask({ type: "askDesk", body: Uint8Array.of(1) })).toMatchObject({
      type: "deskAnswer",
      body: Uint8Array.of(2),
    });
    expect(await answered).toMatchObject({ account: alice.account, body: Uint8Array.of(1) });
    await desk.notify(alice.account);
    expect(await alice.socket.until("deskNews")).toMatchObject({ news: "notes" });

    const reports = Array.from({ length: 3 }, () => bytes(16));
    for (const report of reports) {
      const left = { type: "submitReport", report, heads: bytes(5_264), words: bytes(9_360) } as const;
      expect((await alice.socket.ask(left)).type).toBe("done");
    }
    await desk.socket.until("reportsWaiting");
    const waiting = (await desk.reports()).reports;
    expect(waiting.map(({ report }) => report)).toEqual(reports);
    await desk.done({ type: "acknowledgeReports", upTo: waiting[0]?.seq ?? 0 });
    await desk.enforce({ account: alice.account, kind: "mute" });

    await Promise.all([relay.close(), desk.socket.closed, alice.socket.closed]);
    await start();
    desk = await RawDesk.dial(relay.url, realm);
    await desk.socket.until("reportsWaiting");
    expect((await desk.reports()).reports).toEqual(waiting.slice(1));
    const again = await fetch(`${relay.url}/.well-known/sotto/realm`);
    expect(new Uint8Array(await again.arrayBuffer())).toEqual(realm.document());
    await alice.connect();
    expect(await alice.socket.ask({ type: "fetchCertificate" })).toMatchObject({ failure: failures.muted.wire });
    await Promise.all([desk.close(), alice.socket.close()]);
  });
});
