import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { epochOf, fromHex, parseAccountId, SEAL_PUBLIC_KEY_BYTES } from "@sotto/protocol";
import { settingsFrom, startRelay } from "@sotto/relay";
import { expect, it } from "vitest";
import { openTables } from "../../../server/desk/rows.js";
import { openLevelRows, rowsFolder } from "../../../server/desk/store/level-rows.js";
import { freePort } from "../../support/free-port.js";
import { program } from "../../support/programs/program.js";
import { silentLog } from "../../support/world.js";
import { temporaryFolders } from "../ops/temporary-folder.js";
import { desk } from "./sotto-desk.js";

const newFolder = temporaryFolders();
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** What stands behind a name in an output. */
const after = (out: string, name: string) => new RegExp(`${name}[= ]+(\\S+)`).exec(out)?.[1] ?? "";

it("works for a relay that knows its key, invites the first lead, and ends at a signal", async () => {
  const cwd = newFolder();
  const shown = await desk(cwd, ["keys"]);
  expect(shown.code).toBe(0);
  const deskKey = fromHex(after(shown.out, "SOTTO_DESK_KEY"));
  const settings = settingsFrom({ development: true, dataDir: newFolder(), port: await freePort(), deskKey });
  const relay = await startRelay({ settings, log: silentLog });
  const child = spawn(process.execPath, [...program("server/desk/main.ts")], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? "",
      SOTTO_DESK_DATA_DIR: join(cwd, "data"),
      SOTTO_DESK_RELAY: relay.url,
      SOTTO_DESK_PORT: "0",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  let [out, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const invitation = /(http\S+)\/#invite=([0-9a-f]+)\s/;
  await expect.poll(() => errors).toMatch(invitation);
  const link = invitation.exec(errors);
  expect(out).not.toContain(link?.[2]);
  expect((await fetch(`${link?.[1]}/api/state`)).status).toBe(200);
  await expect.poll(async () => (await fetch(`${relay.url}/.well-known/sotto/realm`)).status).toBe(200);

  const locked = await desk(cwd, ["moderators", "add", "Ada", "--team", "community"]);
  expect([locked.code, locked.errors]).toEqual([
    1,
    expect.stringMatching(/^sotto-desk: A desk is running .*stop it first/),
  ]);

  child.kill("SIGTERM");
  expect((await closed)[0]).toBe(0);
  await relay.close();
});

it("invites people, lists them, and says what is wrong with a role or a team", async () => {
  const cwd = newFolder();
  const added = await desk(cwd, ["moderators", "add", "Ada", "--role", "lead", "--team", "community", "safety"]);
  expect(added.out).toMatch(/Ada can begin here.*\n {2}http:\/\/localhost:8788\/#invite=[0-9a-f]{32}\n/);
  expect((await desk(cwd, ["moderators"])).out).toContain("Nobody works here yet");
  expect(await desk(cwd, ["moderators", "add", "Ada", "--role", "king", "--team", "safety"])).toMatchObject({
    code: 2,
  });
  expect(await desk(cwd, ["moderators", "add", "Ada", "--team", "nobody"])).toMatchObject({ code: 2 });
});

it("finds nothing wrong with a sound log, and what was changed in one", async () => {
  const cwd = newFolder();
  await desk(cwd, ["keys"]);
  const file = join(cwd, "log.json");
  expect((await desk(cwd, ["audit", "check", "--export", file])).code).toBe(0);
  expect((await desk(cwd, ["audit", "check", "--from", file])).code).toBe(0);
  const log = JSON.parse(await readFile(file, "utf8"));
  log.entries[1].about = "something else";
  await writeFile(file, JSON.stringify(log));
  const checked = await desk(cwd, ["audit", "check", "--from", file]);
  expect([checked.code, checked.out]).toEqual([1, "NOT SOUND: entry 2: it was changed.\n"]);
});

it("revokes an epoch, in the log's sight, and says what is none", async () => {
  const cwd = newFolder();
  await desk(cwd, ["keys"]);
  const today = String(epochOf(Date.now()));
  const revoked = await desk(cwd, ["keys", "revoke-epoch", today, "--from", "2026-01-31T12:00:00Z"]);
  expect([revoked.code, revoked.out]).toEqual([0, expect.stringContaining("2026-01-31T12:00:00.000Z")]);
  const file = join(cwd, "log.json");
  expect((await desk(cwd, ["audit", "check", "--export", file])).code).toBe(0);
  const { entries } = JSON.parse(await readFile(file, "utf8"));
  const entry = { by: "operator", what: "epochRevoked", about: `epoch ${today}` };
  expect(entries).toContainEqual(expect.objectContaining(entry));
  expect((await desk(cwd, ["keys", "revoke-epoch", "7"])).code).toBe(1);
  expect((await desk(cwd, ["keys", "revoke-epoch", "tomorrow"])).code).toBe(2);
  expect((await desk(cwd, ["keys", "revoke-epoch", today, "--from", "noon"])).code).toBe(2);
});

it("lists identities that were refused, and lets one in by its key", async () => {
  const cwd = newFolder();
  await desk(cwd, ["keys"]);
  expect((await desk(cwd, ["identities"])).out).toContain("No account came back");
  const account = parseAccountId("11111111-2222-4333-8444-555555555555");
  const [key, refusedKey] = ["ab".repeat(32), fromHex("ab".repeat(32))];
  const rows = await openLevelRows(rowsFolder(join(cwd, "data")), "refuse");
  const { account: table } = openTables(rows);
  const box = new Uint8Array(SEAL_PUBLIC_KEY_BYTES);
  const held = { identityKey: new Uint8Array(33), box, enrolledMs: 1, refusedDay: 1, refusedKey };
  await rows.write([table.put(account, held)]);
  await rows.close();
  expect((await desk(cwd, ["identities", "list"])).out).toBe(`${account}  ${key}  refused\n`);
  expect((await desk(cwd, ["identities", "allow", account, "cd".repeat(32)])).code).toBe(1);
  expect((await desk(cwd, ["identities", "allow", account, "key"])).code).toBe(2);
  expect((await desk(cwd, ["identities", "allow", "alice", key])).code).toBe(2);
  expect((await desk(cwd, ["identities", "allow", account, key])).code).toBe(0);
  expect((await desk(cwd, ["identities"])).out).toBe(`${account}  ${key}  allowed\n`);
});

it("names every wrong setting at once, and commands that there are not", async () => {
  const cwd = newFolder();
  const wrong = await desk(cwd, [], {
    SOTTO_DESK_PORT: "x",
    SOTTO_DESK_NAM: "a",
    SOTTO_DESK_RELAY: "https://chat.example",
  });
  expect(wrong.code).toBe(2);
  expect(wrong.errors).toMatch(/SOTTO_DESK_NAM is no setting; did you mean SOTTO_DESK_NAME/);
  expect(wrong.errors).toMatch(/SOTTO_DESK_PORT must be/);
  const unpinned = await desk(cwd, [], { SOTTO_DESK_RELAY: "https://chat.example" });
  expect([unpinned.code, unpinned.errors]).toEqual([2, expect.stringContaining("SOTTO_DESK_RELAY_ROOT")]);
  expect(await desk(cwd, ["modertors"])).toMatchObject({ code: 2, errors: expect.stringContaining("unknown command") });
});

it("prints its settings without their secrets", async () => {
  const secret = "a-secret-of-the-webhook";
  const env = { SOTTO_DESK_WEBHOOK_URL: "https://hooks.example/", SOTTO_DESK_WEBHOOK_SECRET: secret };
  const { out, code } = await desk(newFolder(), ["settings"], env);
  expect(code).toBe(0);
  expect(out).toContain("SOTTO_DESK_WEBHOOK_SECRET=(set, not shown)");
  expect(out).not.toContain(secret);
});

it("prints a month, and refuses what is none", async () => {
  const cwd = newFolder();
  expect(await desk(cwd, ["transparency", "2026-11"])).toMatchObject({ code: 1 });
  await desk(cwd, ["keys"]);
  const month = await desk(cwd, ["transparency", "2026-11"]);
  expect([month.code, month.out.split("\t")[0]]).toEqual([0, "category"]);
  expect(await desk(cwd, ["transparency", "november"])).toMatchObject({ code: 2 });
});
