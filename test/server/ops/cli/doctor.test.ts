import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkClock, checkNode } from "../../../../server/ops/cli/doctor-checks.js";
import { temporaryFolders } from "../temporary-folder.js";
import { run } from "./sotto-relay.js";

const newFolder = temporaryFolders();
const DEVELOPMENT = { SOTTO_DEVELOPMENT: "true", SOTTO_PORT: "0" };

/** The report's level for a topic; the first line of several. */
const levelOf = (out: string, topic: string) => new RegExp(`^(ok|warn|fail) +${topic} `, "m").exec(out)?.[1];

describe("sotto-relay doctor", () => {
  it("finds nothing to mend on a good machine, and leaves nothing behind", async () => {
    const cwd = newFolder();
    mkdirSync(join(cwd, "data"), { mode: 0o700 });
    const done = await run(["doctor"], { cwd, env: DEVELOPMENT });
    expect(done.errors).toBe("");
    for (const topic of ["node", "settings", "clock", "data folder", "disk", "keys", "transport", "port"]) {
      expect([topic, levelOf(done.out, topic)]).not.toEqual([topic, "fail"]);
      expect(levelOf(done.out, topic), topic).toBeDefined();
    }
    expect(done.code).toBe(0);
    expect(readdirSync(join(cwd, "data"))).toEqual([]);
  });

  it("fails with every problem of the settings", async () => {
    const done = await run(["doctor"], { cwd: newFolder(), env: { SOTTO_PORT: "x", SOTTO_COLOUR: "red" } });
    expect(done.code).toBe(1);
    expect(done.out.match(/^fail +settings /gm)).toHaveLength(2);
  });

  it("fails on a taken port, missing keys, an unreadable token key and development mode in the open", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const taken = await run(["doctor"], { cwd: newFolder(), env: { ...DEVELOPMENT, SOTTO_PORT: String(port) } });
    server.close();
    expect([taken.code, levelOf(taken.out, "port")]).toEqual([1, "fail"]);

    const env = { SOTTO_PORT: "0", SOTTO_TOKEN_KEY: "missing.pem", SOTTO_TOKEN_ISSUER: "i", SOTTO_TOKEN_AUDIENCE: "a" };
    const bare = await run(["doctor"], { cwd: newFolder(), env });
    expect([bare.code, levelOf(bare.out, "keys"), levelOf(bare.out, "token keys")]).toEqual([1, "fail", "fail"]);
    expect(levelOf(bare.out, "desk")).toBe("warn");

    const open = await run(["doctor"], { cwd: newFolder(), env: { ...DEVELOPMENT, SOTTO_HOST: "0.0.0.0" } });
    expect([open.code, levelOf(open.out, "exposure")]).toEqual([1, "fail"]);
  });

  it("says whether attachments have a folder and the disk they may fill", async () => {
    const cwd = newFolder();
    mkdirSync(join(cwd, "data"), { mode: 0o700 });
    const small = await run(["doctor"], { cwd, env: { ...DEVELOPMENT, SOTTO_ATTACHMENT_FOLDER_BYTES: "1MiB" } });
    expect([small.code, levelOf(small.out, "attachments")]).toEqual([0, "ok"]);
    const large = await run(["doctor"], { cwd, env: { ...DEVELOPMENT, SOTTO_ATTACHMENT_FOLDER_BYTES: "1000000GiB" } });
    expect([large.code, levelOf(large.out, "attachments")]).toEqual([0, "warn"]);
    writeFileSync(join(cwd, "data", "blobs"), "no folder");
    const broken = await run(["doctor"], { cwd, env: DEVELOPMENT });
    expect([broken.code, levelOf(broken.out, "attachments")]).toEqual([1, "fail"]);
  });

  it.runIf(process.platform !== "win32")("fails on keys that others may read", async () => {
    const cwd = newFolder();
    mkdirSync(join(cwd, "data", "keys"), { recursive: true, mode: 0o700 });
    writeFileSync(join(cwd, "data", "keys", "relay.json"), "{}", { mode: 0o600 });
    chmodSync(join(cwd, "data", "keys", "relay.json"), 0o644);
    const done = await run(["doctor"], { cwd, env: DEVELOPMENT });
    expect([done.code, levelOf(done.out, "keys")]).toEqual([1, "fail"]);
    expect(done.out).toContain("chmod 600");
  });
});

describe("single checks", () => {
  it.each([
    ["18.20.0", "fail"],
    ["20.18.3", "fail"],
    ["20.19.0", "ok"],
    ["24.1.0", "ok"],
  ])("Node %s: %s", (version, level) => expect(checkNode(version).level).toBe(level));

  it("a clock before this program's time, or before its keys, fails", () => {
    const now = Date.parse("2026-06-01T12:00:00Z");
    expect(checkClock(now, undefined).level).toBe("ok");
    expect(checkClock(now, now - 1).level).toBe("ok");
    expect(checkClock(now, now + 3_600_000).level).toBe("fail");
    expect(checkClock(0, undefined).level).toBe("fail");
  });
});
