import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { closeCodes, encodeFrame, type FrameToClient, failureFromWire } from "@sotto/protocol";
import { SignJWT } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { type RelayOptions, type RunningRelay, type Settings, settingsFrom, startRelay } from "../../server/index.js";
import { newKeyPair } from "../../server/keys/certificates.js";
import { createKeys } from "../../server/keys/key-folder.js";
import { createLog } from "../../server/ops/log.js";
import { systemClock } from "../../server/ops/system.js";
import { VERSION } from "../../server/ops/version.js";
import { StoreError } from "../../server/ports.js";
import { memoryStore } from "../../server/store/index.js";
import { collectedLog } from "./ops/collected-log.js";
import { temporaryFolders } from "./ops/temporary-folder.js";
import { openRaw, registerRaw } from "./raw-device.js";

const newFolder = temporaryFolders();
const relays: RunningRelay[] = [];
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close();
});

/** A relay in development mode on a free port, with a store in memory unless given. */
async function started(options: Partial<RelayOptions> = {}, settings: Partial<Settings> = {}): Promise<RunningRelay> {
  const relay = await startRelay({
    settings: settingsFrom({ development: true, port: 0, dataDir: newFolder(), transport: "portable", ...settings }),
    log: collectedLog(),
    store: memoryStore({ clock: systemClock }),
    ...options,
  });
  relays.push(relay);
  return relay;
}

describe("an embedded relay", () => {
  it("registers a device and drains on close", async () => {
    const relay = await started();
    const { socket, answer } = await registerRaw(relay.url, { userId: "somebody" });
    expect(answer.type).toBe("welcome");
    const closed = socket.closed();
    await relay.close();
    expect(await closed).toBe(closeCodes.unavailable);
    await relay.close();
  });

  it("takes no new sockets while it drains, keeps the open ones, and says so on /ready", async () => {
    const relay = await started();
    const { socket } = await registerRaw(relay.url, { userId: "somebody" });
    relay.drain();
    expect(relay.state()).toBe("draining");
    expect((await fetch(`${relay.url}/ready`)).status).toBe(503);
    expect((await fetch(`${relay.url}/health`)).status).toBe(200);
    const refused = await openRaw(relay.url).then(
      (late) => late.closed(),
      () => 503,
    );
    expect([503, closeCodes.unavailable]).toContain(refused);
    socket.send({ type: "ping", id: 1 });
    for (;;) {
      const frame = await socket.next();
      if (frame.type === "pong") break;
    }
  });

  it("stops promising anything when its store fails", async () => {
    const cause = new StoreError("fatal", "the disk is gone");
    let fail = (_cause: StoreError) => {};
    const failed = new Promise<StoreError>((resolve) => {
      fail = resolve;
    });
    const log = collectedLog();
    const told = new Promise<StoreError>((resolve) => {
      const store = { ...memoryStore({ clock: systemClock }), failed };
      void started({ store, log, onFatal: resolve }).then(() => fail(cause));
    });
    expect(await told).toBe(cause);
    expect(relays[0]?.state()).toBe("failed");
    expect((await fetch(`${relays[0]?.url}/health`)).status).toBe(503);
    expect(log.lines.at(-1)).toMatchObject({ level: "error", event: "storeFailed" });
  });

  // Loads the whole relay from its source.
  it("ends its process with code 70 when its store fails and nobody else takes care", {
    timeout: 120_000,
  }, async () => {
    const script = `
      import { settingsFrom, startRelay } from "./server/index.ts";
      import { systemClock } from "./server/ops/system.ts";
      import { StoreError } from "./server/ports.ts";
      import { memoryStore } from "./server/store/index.ts";
      const failed = Promise.resolve(new StoreError("fatal", "the disk is gone"));
      const store = { ...memoryStore({ clock: systemClock }), failed };
      await startRelay({ settings: settingsFrom({ development: true, port: 0, dataDir: process.argv[1] }), store });
    `;
    const args = ["--conditions=sotto-source", "--import", "tsx", "--input-type=module", "--eval", script, newFolder()];
    const child = spawn(process.execPath, args, {
      cwd: new URL("../../", import.meta.url),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    const [code] = await once(child, "close");
    expect(code).toBe(70);
    expect(out).toContain("storeFailed");
  });

  it("outside development mode registers who holds a host token, and nobody else", async () => {
    const dataDir = newFolder();
    await createKeys(dataDir, newKeyPair(), "operator", Date.now());
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const settings = {
      development: false,
      dataDir,
      host: "127.0.0.1",
      tokenKey: { text: publicKey.export({ type: "spki", format: "pem" }).toString() },
      tokenIssuer: "host",
      tokenAudience: "relay",
    };
    const relay = await started({}, settings);
    const token = await new SignJWT({ iss: "host", aud: "relay", sub: "alice" })
      .setExpirationTime("2m")
      .setProtectedHeader({ alg: "EdDSA" })
      .sign(privateKey);
    const refusedAs = (answer: FrameToClient) =>
      answer.type === "refused" ? failureFromWire(answer.failure) : answer.type;
    expect(refusedAs((await registerRaw(relay.url, { userId: "alice" })).answer)).toBe("registrationClosed");
    expect(refusedAs((await registerRaw(relay.url, { token: `${token}x` })).answer)).toBe("badToken");
    expect((await registerRaw(relay.url, { token })).answer.type).toBe("welcome");
  });

  it("has the version of its package", () => {
    expect(JSON.parse(readFileSync(new URL("../../server/package.json", import.meta.url), "utf8")).version).toBe(
      VERSION,
    );
  });
});

describe.each(["uws", "portable"] as const)("log and metrics of a relay on %s", (transport) => {
  it("name no user, account or address, whatever callers send", async (context) => {
    const lines: string[] = [];
    const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(line) });
    const relay = await started({ log }, { transport }).catch((cause: Error) => context.skip(cause.message));
    const user = "canary-user-4711";
    const { socket, answer } = await registerRaw(relay.url, { userId: user });
    if (answer.type !== "welcome" || answer.account === undefined) throw new Error(`not welcome: ${answer.type}`);
    const again = await registerRaw(relay.url, { userId: user });
    expect(again.answer.type).toBe("refused");

    socket.send({ type: "resolve", id: 1, userId: user });
    socket.send({ type: "resolve", id: 2, userId: `${user}-unknown` });
    socket.send({ type: "fetchBundles", id: 3, account: answer.account, devices: [] });
    for (let answers = 0; answers < 3; ) {
      const frame = await socket.next();
      if ("id" in frame) answers += 1;
    }
    const broken = encodeFrame({ type: "resolve", id: 4, userId: user });
    socket.sendBytes(broken.subarray(0, -1));
    expect(await socket.closed()).toBe(closeCodes.badFrame);

    const metrics = await (await fetch(`${relay.url}/metrics`)).text();
    await relay.close();
    expect(lines.length).toBeGreaterThan(2);
    for (const secret of [
      user,
      answer.account,
      answer.account.replaceAll("-", ""),
      Buffer.from(user).toString("hex"),
    ]) {
      expect(lines.join("")).not.toContain(secret);
      expect(metrics).not.toContain(secret);
    }
    for (const line of lines)
      if (!line.includes('"event":"listening"') && !line.includes("DEVELOPMENT"))
        expect(line).not.toContain("127.0.0.1");
    expect(metrics).toContain('sotto_registrations_total{mode="first"} 1');
  });
});
