import { cp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { decodeManifest, decodeRealm, realmFingerprint } from "@sotto/protocol";
import { type RunningRelay, settingsFrom, startRelay } from "@sotto/relay";
import { afterEach, expect, it } from "vitest";
import { signingKeyOf, verifySignature } from "../../../server/desk/index.js";
import { openTables } from "../../../server/desk/rows.js";
import { openLevelRows, rowsFolder } from "../../../server/desk/store/level-rows.js";
import { freePort } from "../../support/free-port.js";
import { silentLog } from "../../support/world.js";
import { endsWhatItStarts, serve } from "../ops/cli/sotto-relay.js";
import { collectedLog } from "../ops/collected-log.js";
import { temporaryFolders } from "../ops/temporary-folder.js";

const newFolder = temporaryFolders();
endsWhatItStarts();
const running: RunningRelay[] = [];

afterEach(async () => {
  for (const relay of running.splice(0)) await relay.close();
});

async function start(some: Parameters<typeof settingsFrom>[0], log = silentLog): Promise<RunningRelay> {
  const relay = await startRelay({
    settings: settingsFrom({ development: true, port: await freePort(), ...some }),
    log,
  });
  running.push(relay);
  return relay;
}

const manifestIn = (document: ArrayBuffer) =>
  decodeManifest(decodeRealm(new Uint8Array(document)).manifest, verifySignature);

it("runs a desk inside a development relay, says so loudly, and serves its realm before it takes anybody", async () => {
  const log = collectedLog();
  const { desk, url } = await start({ dataDir: newFolder() }, log);
  expect(desk?.isLinked()).toBe(true);
  expect(desk?.url).toBeUndefined();
  expect(log.lines.some(({ level, event }) => level === "warn" && event.includes("ONE PROCESS"))).toBe(true);
  const served = await fetch(`${url}/.well-known/sotto/realm`);
  expect(served.status).toBe(200);
  expect(realmFingerprint(manifestIn(await served.arrayBuffer()).root)).toBe(desk?.fingerprint);
  expect(await desk?.service.state()).toMatchObject({ development: true, hasModerators: false });
});

it("runs none where another desk is named", async () => {
  const { publicKey } = signingKeyOf(new Uint8Array(32).fill(1));
  const relay = await start({ dataDir: newFolder(), deskKey: publicKey });
  expect(relay.desk).toBeUndefined();
});

it("has the keys of before after a restart", async () => {
  const dataDir = newFolder();
  const first = await start({ dataDir });
  const before = first.desk?.fingerprint;
  await first.close();
  const again = await start({ dataDir });
  expect(again.desk?.fingerprint).toBe(before);
  expect(again.desk?.linkKey).toEqual(first.desk?.linkKey);
});

it("goes on with the relay after its folder was restored from a backup that is older than what the relay holds", async () => {
  const dataDir = newFolder();
  const desk = join(dataDir, "desk");
  const numberServed = async ({ url }: RunningRelay) =>
    manifestIn(await (await fetch(`${url}/.well-known/sotto/realm`)).arrayBuffer()).number;
  const first = await start({ dataDir });
  const number = await numberServed(first);
  await first.close();
  await cp(desk, `${desk}.backup`, { recursive: true });
  const rows = await openLevelRows(rowsFolder(desk));
  const tables = openTables(rows);
  const [epoch] = await tables.issuerKey.all();
  if (epoch === undefined) throw new Error("no epoch");
  await rows.write([tables.issuerKey.put(epoch.key, { ...epoch.value, revokedAfterMs: 1 })]);
  await rows.close();
  const second = await start({ dataDir });
  expect(await numberServed(second)).toBe(number + 1);
  await second.close();
  await rm(desk, { recursive: true });
  await rename(`${desk}.backup`, desk);
  const third = await start({ dataDir });
  expect(third.desk?.isLinked()).toBe(true);
  expect(await numberServed(third)).toBeGreaterThan(number + 1);
});

it("has the keys of before after it was killed", async () => {
  const dataDir = newFolder();
  const relay = await serve({ cwd: dataDir, env: { SOTTO_DEVELOPMENT: "true", SOTTO_DATA_DIR: dataDir } });
  const served = await fetch(`http://127.0.0.1:${relay.port}/.well-known/sotto/realm`);
  const before = realmFingerprint(manifestIn(await served.arrayBuffer()).root);
  relay.signal("SIGKILL");
  await relay.ended();
  const again = await start({ dataDir });
  expect(again.desk?.fingerprint).toBe(before);
});

it("serves the console where it has a port, and invites whoever comes first", async () => {
  const { desk } = await start({ dataDir: newFolder(), deskPort: 0 });
  const invitation = await desk?.firstInvitation();
  expect(invitation).toMatch(new RegExp(`^${desk?.url}/#invite=[0-9a-f]+$`));
  const page = await fetch(`${desk?.url}/`);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain("/console.js");
});

it("closes its desk before itself, so that the folder is free at once", async () => {
  const dataDir = newFolder();
  const first = await start({ dataDir, deskPort: 0 });
  const console = first.desk?.url;
  await first.close();
  await first.close();
  expect(first.desk?.isLinked()).toBe(false);
  await expect(fetch(`${console}/`)).rejects.toThrow();
  await start({ dataDir });
});
