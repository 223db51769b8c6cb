import { join } from "node:path";
import { decodeManifest, realmFingerprint } from "@sotto/protocol";
import { settingsFrom, startRelay } from "@sotto/relay";
import { expect, it } from "vitest";
import { openDesk } from "../../../server/desk/compose.js";
import { verifySignature } from "../../../server/desk/index.js";
import { openTables } from "../../../server/desk/rows.js";
import { deskSettingsFrom } from "../../../server/desk/settings.js";
import { openLevelRows, rowsFolder } from "../../../server/desk/store/level-rows.js";
import { freePort } from "../../support/free-port.js";
import { silentLog } from "../../support/world.js";
import { temporaryFolders } from "../ops/temporary-folder.js";
import { desk } from "./sotto-desk.js";

const newFolder = temporaryFolders();

/** Lets a desk run beside a relay until the relay was told what it can be told. */
async function runBesideRelay(folder: string): Promise<void> {
  const open = await openDesk({
    settings: deskSettingsFrom({ dataDir: join(folder, "data") }),
    mode: "standalone",
    console: "none",
    log: silentLog,
  });
  const settings = { development: true, dataDir: join(folder, "relay"), port: await freePort(), deskKey: open.linkKey };
  const relay = await startRelay({ settings: settingsFrom(settings), log: silentLog });
  const running = await open.start({ url: relay.url, root: relay.rootFingerprint });
  await expect.poll(() => running.isLinked()).toBe(true);
  await running.sweep();
  await running.close();
  await relay.close();
}

it("leads from a root that was taken away to a manifest that it signed elsewhere", async () => {
  const folder = newFolder();
  const at = (name: string) => join(folder, name);
  const shown = (await desk(folder, ["keys"])).out;
  expect(await desk(folder, ["root", "take", at("root.json")])).toMatchObject({ code: 0 });
  expect(await desk(folder, ["root", "take", at("other.json")])).toMatchObject({ code: 1 });
  expect((await desk(folder, ["keys"])).out).toBe(shown);
  expect(await desk(folder, ["root", "export", at("manifest")])).toMatchObject({ code: 1 });

  await runBesideRelay(folder);
  expect(await desk(folder, ["root", "export", at("manifest")])).toMatchObject({ code: 0 });
  expect(await desk(folder, ["root", "import", at("manifest")])).toMatchObject({ code: 1 });
  expect(await desk(folder, ["root", "sign", at("root.json"), at("manifest"), at("signed")])).toMatchObject({
    code: 0,
  });
  expect(await desk(folder, ["root", "import", at("signed")])).toMatchObject({ code: 0 });
  expect(await desk(folder, ["audit"])).toMatchObject({ code: 0 });

  const rows = await openLevelRows(rowsFolder(at("data")), "refuse");
  const tables = openTables(rows);
  expect((await tables.root.get("root"))?.secret).toBeUndefined();
  const signed = (await tables.manifest.get("signed"))?.encoded ?? new Uint8Array();
  expect(shown).toContain(realmFingerprint(decodeManifest(signed, verifySignature).root));
  await rows.close();
});
