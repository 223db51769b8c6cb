/** Every example runs, as the README shows it, against a real relay. */

import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deskSettingsFrom, openDesk, type Settings, settingsFrom, startRelay } from "@sotto/relay";
import { createClient, levelStore } from "@sotto/sdk/node";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AtDesk } from "../support/at-desk.js";
import { program } from "../support/programs/program.js";
import { befriend, itemsUntil, silentLog, textsOf, World } from "../support/world.js";
import { Terminal } from "./terminal.js";

/** Several processes one after the other, each loading the whole SDK. */
const PROCESSES_MS = 90_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-examples-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Runs an example in the test's folder and answers what it printed. */
function run(
  example: string,
  environment: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  input = "",
): Promise<{ readonly code: number | null; readonly output: string }> {
  const flags = [...program(`examples/${example}`), ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, flags, { cwd: folder, env: { ...process.env, ...environment } });
    let output = "";
    const collect = (text: string) => {
      output += text;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
    child.stdin.end(input);
  });
}

/** A relay in production mode that takes tokens of a host's key, its desk, and what an example needs to know of them. */
async function hostedRelay(settings: Partial<Settings> = {}) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const keyFile = join(folder, "host-key.pem");
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
  const dataDir = join(folder, "relay");
  // Development mode makes the relay's keys; a production relay then starts on them.
  const made = await startRelay({ settings: settingsFrom({ development: true, port: 0, dataDir }), log: silentLog });
  await made.close();
  const desk = await openDesk({
    settings: deskSettingsFrom({ dataDir: join(folder, "desk"), port: 0 }),
    ...{ mode: "standalone", console: "none", log: silentLog },
  });
  const relay = await startRelay({
    settings: settingsFrom({
      ...settings,
      dataDir,
      deskKey: desk.linkKey,
      port: 0,
      host: "127.0.0.1",
      tokenKey: { text: String(publicKey.export({ type: "spki", format: "pem" })) },
      tokenIssuer: "https://community.example",
      tokenAudience: "sotto",
    }),
    log: silentLog,
  });
  const running = await desk.start({ url: relay.url, root: relay.rootFingerprint });
  await running.realmServed;
  const pins = { RELAY_ROOT: relay.rootFingerprint, REALM: running.fingerprint };
  const close = async () => {
    await running.close();
    await relay.close();
  };
  return { close, environment: { RELAY: relay.url, ...pins, HOST_KEY: keyFile } };
}

describe("the examples", { timeout: PROCESSES_MS }, () => {
  it("send a first message", async () => {
    const world = await World.open();
    const { code, output } = await run("first-message.ts", { RELAY: world.url });
    expect(output).toContain("alice would like to write to Bob: Hello Bob");
    expect(output).toContain("Bob reads: Hello Bob");
    expect(code).toBe(0);
    await world.close();
  });

  it("link a second device, list both and revoke one", async () => {
    const world = await World.open();
    const { code, output } = await run("second-device.ts", { RELAY: world.url });
    expect(output).toMatch(/Laptop wants to join. This phone shows \d{3} ?\d{3}/);
    expect(output).toContain("device 1: no name (this one)");
    expect(output).toContain("device 2: Laptop");
    expect(code).toBe(0);
    await world.close();
  });

  it("talk in a group, and remove somebody", async () => {
    const world = await World.open();
    const { code, output } = await run("groups.ts", { RELAY: world.url });
    expect(output).toContain('gina invites to "Team"');
    expect(output.split("\n").filter((line) => /^\w+: \w+$/.test(line))).toEqual(["gina: owner", "hugo: admin"]);
    expect(code).toBe(0);
    await world.close();
  });

  it("report a stranger, with consent to what leaves, and hear that it was received", async () => {
    const world = await World.open();
    const desk = await AtDesk.join(world);
    const { code, output } = await run("report.ts", { RELAY: world.url });
    expect(output).toContain("To the community moderators, for scam: I do not know him");
    expect(output).toContain("  reported: Buy my coins or else");
    expect(output).toMatch(/The relay sees \d+ sealed bytes./);
    expect(output).toContain("the report is received");
    expect(await desk.service.queue(desk.by)).toMatchObject([{ category: "scam", trust: "verified" }]);
    expect(code).toBe(0);
    await world.close();
  });

  it("share a photo: upload with progress, a thumbnail, and a file under a safe name", async () => {
    const world = await World.open();
    const { code, output } = await run("photo-share.ts", { RELAY: world.url });
    expect(output).toMatch(/(\d+) of \1 bytes are at the relay/);
    expect(output).toContain("The beach this morning: beach.jpg, 1200×800, blurhash ");
    expect(output).toMatch(/the thumbnail is 320×213 and has \d+ bytes/);
    expect(output).toContain("saved as ./saved-beach.jpg");
    expect((await sharp(join(folder, "saved-beach.jpg")).metadata()).width).toBe(1200);
    expect(code).toBe(0);
    await world.close();
  });

  it("vote, say where, let messages vanish, and search", async () => {
    const world = await World.open();
    const { code, output } = await run("more-than-words.ts", { RELAY: world.url });
    expect(output).toContain("1 for the lake, so: The old boathouse");
    expect(output).toContain("Messages vanish 60 minutes after they were read");
    expect(output).toContain("found: Shall we have the strawberries outside?");
    expect(code).toBe(0);
    await world.close();
  });

  it("run a support inbox: a bot, labels, a hand-over to another device, a quick reply", async () => {
    const world = await World.open();
    const { code, output } = await run("support-inbox.ts", { RELAY: world.url });
    expect(output).toContain("kim reads: We are here from 9 to 17.");
    expect(output).toContain("carol looks after it: difficult");
    expect(output).toContain("kim reads: Hello Kim, this is Carol. I have a look at it.");
    expect(code).toBe(0);
    await world.close();
  });

  it("answer as a bot, which everybody sees it is", async () => {
    const world = await World.open();
    const bot = Terminal.run("echo-bot.ts", { folder, environment: { RELAY: world.url } });
    try {
      await bot.shows("echo is here.");
      const toBot = await (await world.client("alice")).openDM({ userId: "echo" });
      expect((await toBot.peer()).accountRole).toBe("bot");
      await toBot.send({ text: "echo hello" }).accepted;
      const heard = await itemsUntil(toBot, (item) => item.kind === "text" && item.direction === "received");
      expect(textsOf(heard)).toEqual(["echo hello", "hello"]);
      expect(await bot.interrupt()).toBe(0);
    } finally {
      bot.end();
      await world.close();
    }
  });

  it("register with a host's token and a pinned root", async () => {
    const { close, environment } = await hostedRelay();
    const { code, output } = await run("host-tokens.ts", environment);
    expect(output).toMatch(/registered as account [0-9a-f-]{36}, device 1/);
    expect(code).toBe(0);
    await close();
  });

  it("write first on the host's word only", async () => {
    const { close, environment } = await hostedRelay({ firstContactFloor: "grant", grantBases: ["mutual_follow"] });
    const { code, output } = await run("grants.ts", environment);
    expect(output).toContain("erin could write to frank");
    expect(output).toContain("grace could not: policyDenied");
    expect(code).toBe(0);
    await close();
  });

  it("resume behind the last item", async () => {
    const world = await World.open();
    const bob = await world.client("bob");
    const first = await run("resume.ts", { RELAY: world.url });
    expect(first).toMatchObject({ code: 0 });
    const carol = await createClient({
      relay: world.url,
      userId: "carol",
      store: levelStore(join(folder, "demo/carol")),
    });
    const { toBob: toCarol } = await befriend(bob, carol);
    await carol.close();
    await toCarol.send({ text: "one" }).accepted;
    expect((await run("resume.ts", { RELAY: world.url })).output).toContain("received: one");
    await toCarol.send({ text: "two" }).accepted;
    const { output } = await run("resume.ts", { RELAY: world.url });
    expect(output).toContain("received: two");
    expect(output).not.toContain("received: one");
    await world.close();
  });

  it("chat in a terminal, and say what is wrong in plain words", async () => {
    const world = await World.open();
    const bob = await world.client("bob");
    const chat = run("chat/main.ts", {}, ["--as", "alice", "--to", "bob", "--relay", world.url], "hello from a pipe\n");
    const heard = new Promise((resolve) => {
      bob.addEventListener("request", ({ request }) => resolve(request.text));
    });
    const { code, output } = await chat;
    expect(code).toBe(0);
    expect(output).toContain("Bye.");
    const rest = run("chat/main.ts", {}, ["--as", "alice", "--to", "bob", "--relay", world.url], "/help\n");
    expect(await heard).toBe("hello from a pipe");
    expect((await rest).output).toContain("/safety");
    await world.close();

    const usage = await run("chat/main.ts", {}, []);
    expect(usage).toMatchObject({ code: 2, output: expect.stringContaining("Usage: npm run chat") });
    const nobody = await run("chat/main.ts", {}, ["--as", "a", "--to", "b", "--relay", "http://127.0.0.1:9"]);
    expect(nobody).toMatchObject({ code: 1, output: expect.stringContaining("npm start") });
  });
});
