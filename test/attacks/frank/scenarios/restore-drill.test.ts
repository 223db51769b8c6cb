/**
 * Attack 17, as an operation: what somebody can do with a stolen key of the desk, with its disk, and with a backup of it, while the
 * keys of a report are held and after they were destroyed. On real rows, with the command that moderators verify with.
 */

import { randomBytes } from "node:crypto";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  decodeHeadLayer,
  decodeSealedReport,
  EPOCH_MS,
  headLayerHash,
  layerContext,
  type SealedReport,
  sealKeysOf,
  unseal,
} from "@sotto/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import { openTables } from "../../../../server/desk/rows.js";
import { openLevelRows, rowsFolder } from "../../../../server/desk/store/level-rows.js";
import { DAY_MS, openDesk, type TestDesk } from "../../../server/desk/desk-of.js";
import { arrive, communityKeys, reported, say, submit } from "../../../server/desk/report-of.js";
import { hire, onlyCase } from "../../../server/desk/staff.js";
import { desk as command } from "../../../server/desk-shell/sotto-desk.js";
import { temporaryFolders } from "../../../server/ops/temporary-folder.js";

type Rows = Awaited<ReturnType<typeof openLevelRows>>;

const newFolder = temporaryFolders();

/** A desk on a disk. */
async function deskIn(folder: string, nowMs?: number): Promise<{ readonly test: TestDesk; readonly rows: Rows }> {
  const rows = await openLevelRows(rowsFolder(join(folder, "data")));
  const held = Object.assign(rows, { held: new Map<string, Uint8Array>(), dump: () => Buffer.alloc(0) });
  const test = await openDesk({}, {}, held);
  if (nowMs !== undefined) test.nowMs = nowMs;
  return { test, rows };
}

async function stop({ test, rows }: { readonly test: TestDesk; readonly rows: Rows }): Promise<void> {
  await test.desk.close();
  await rows.close();
}

/** Every byte of a stopped desk's folder. */
async function bytesIn(folder: string): Promise<Buffer> {
  const files = await readdir(join(folder, "data"), { recursive: true, withFileTypes: true });
  const all = files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name)));
  return Buffer.concat(await Promise.all(all));
}

/** As many bytes as nobody guesses. */
const PIECE_BYTES = 12;

/**
 * Whether any piece of some bytes lies on a disk. All of them in a row need not: LevelDB cuts what crosses a block of its log, and
 * a beginning that a row has in common with another one is packed away.
 */
function liesOn(disk: Buffer, bytes: Uint8Array): boolean {
  const whole = Buffer.from(bytes);
  for (let at = 0; at + PIECE_BYTES <= whole.length; at++)
    if (disk.includes(whole.subarray(at, at + PIECE_BYTES))) return true;
  return false;
}

/** What is kept of a report and its keys, before time passes. */
let folder: string;
let backup: string;
let exported: string;
let stolen: { readonly triage: readonly Uint8Array[]; readonly account: Uint8Array; readonly stamp: Uint8Array };
let report: SealedReport;
let wordsExcerpt: Uint8Array;
let startMs: number;
let id: string;

beforeAll(async () => {
  folder = newFolder();
  backup = newFolder();
  const running = await deskIn(folder);
  const { test, rows } = running;
  startMs = test.nowMs;
  const people = await reported(test);
  const lead = await hire(test, "lead");
  ({ id } = await onlyCase(test, lead));
  await test.desk.claim(lead.me, id);
  exported = join(folder, "report");
  const file = await test.desk.exportReport(lead.me, people.report.name);
  await writeFile(exported, file);
  report = decodeSealedReport(file);
  const tables = openTables(rows);
  const epoch = String(Math.floor(startMs / EPOCH_MS));
  const keyIn = async (table: "accountKey" | "stampKey") =>
    (await tables[table].all()).find(({ key }) => Number(key) === Number(epoch))?.value.key ?? new Uint8Array(1);
  stolen = {
    triage: (await tables.triageKey.all()).map(({ value }) => value.seed.slice()),
    account: (await keyIn("accountKey")).slice(),
    stamp: (await keyIn("stampKey")).slice(),
  };
  wordsExcerpt = report.words.slice(2_000, 2_064);
  await stop(running);
  await mkdir(backup, { recursive: true });
  await cp(join(folder, "data"), join(backup, "data"), { recursive: true });
});

const contexts = (realm: Uint8Array) => {
  const named = { id: report.id, reporter: report.reporter } as const;
  const heads = () => {
    const seeds = stolen.triage.map((seed) => sealKeysOf(seed).secretKey);
    const context = layerContext(realm, { ...named, layer: "heads" });
    return seeds.map((seed) => unseal(seed, context, report.heads)).find((opened) => opened !== undefined);
  };
  return { named, heads };
};

describe("attack 17: keys of the desk in the wrong hands", () => {
  it("of triage tell who reported whom, and not a word; those of a team not even that", async () => {
    const running = await deskIn(folder);
    const { realm } = running.test;
    await stop(running);
    const { named, heads } = contexts(realm);
    const opened = heads();
    if (opened === undefined) throw new Error("triage's key opens heads");
    expect(decodeHeadLayer(opened).items).toHaveLength(1);
    const words = layerContext(realm, { ...named, layer: "words", headHash: headLayerHash(opened) });
    for (const seed of stolen.triage) expect(unseal(sealKeysOf(seed).secretKey, words, report.words)).toBeUndefined();
    expect(unseal(communityKeys.secretKey, words, report.words)).toBeDefined();
    const headContext = layerContext(realm, { ...named, layer: "heads" });
    expect(unseal(communityKeys.secretKey, headContext, report.heads)).toBeUndefined();
    // Without the heads nobody knows what to open the words with either.
    for (const headHash of [new Uint8Array(32), new Uint8Array(randomBytes(32))]) {
      const blind = layerContext(realm, { ...named, layer: "words", headHash });
      expect(unseal(communityKeys.secretKey, blind, report.words)).toBeUndefined();
    }
  });

  it("are on its disk while a report may follow: the report is genuine, and its words lie there sealed", async () => {
    const disk = await bytesIn(folder);
    for (const key of [stolen.account, stolen.stamp, wordsExcerpt]) expect(liesOn(disk, key)).toBe(true);
    expect(await command(folder, ["verify-report", exported])).toMatchObject({ code: 0 });
  });
});

describe("33 days later", () => {
  const laterMs = () => startMs + 33 * DAY_MS;

  it("nothing on the desk's disk opens or verifies the report; case, verdict and log are still there", async () => {
    const running = await deskIn(folder, laterMs());
    const { test, rows } = running;
    await test.pass(0);
    const lead = await hire(test, "lead");
    const view = await test.desk.case(lead.me, id);
    expect(view.reports).toMatchObject([{ words: "deleted", items: [{ verdict: "verified" }] }]);
    expect(await openTables(rows).verdict.all()).toHaveLength(1);
    const { entries } = await test.desk.audit(lead.me, 0);
    expect(entries.map(({ what }) => what)).toEqual(expect.arrayContaining(["wordsDeleted", "keyDestroyed"]));
    await expect(test.desk.exportReport(lead.me, view.reports[0]?.report ?? "")).rejects.toMatchObject({
      code: "notFound",
    });
    await stop(running);
    const disk = await bytesIn(folder);
    for (const gone of [stolen.account, stolen.stamp, wordsExcerpt]) expect(liesOn(disk, gone)).toBe(false);
    const { code, out } = await command(folder, ["verify-report", exported]);
    expect([code, out]).toEqual([1, expect.stringMatching(/keyGone|No triage key opens it/)]);
  });

  it("a desk restored from the backup of then destroys what is past before anything is asked of it", async () => {
    const restored = newFolder();
    await cp(join(backup, "data"), join(restored, "data"), { recursive: true });
    const running = await deskIn(restored, laterMs());
    const { test } = running;
    await test.pass(0);
    // The relay, which was not restored, hands over all stamp keys it ever made: none of the past ones is taken again.
    test.desk.connected();
    await test.desk.settled();
    const lead = await hire(test, "lead");
    const view = await test.desk.case(lead.me, id);
    expect(view.reports[0]?.words).toBe("deleted");
    await stop(running);
    const disk = await bytesIn(restored);
    for (const gone of [stolen.account, stolen.stamp, wordsExcerpt]) expect(liesOn(disk, gone)).toBe(false);
    expect((await command(restored, ["verify-report", exported])).code).toBe(1);
  });

  it("a backup that was taken after the keys went verifies nothing that came before, and what comes now all the same", async () => {
    // Of a day of which no relay of these tests gave out a key yet.
    const running = await deskIn(folder, laterMs() + 3 * DAY_MS);
    const { test } = running;
    await test.pass(0);
    const { reporter, accused } = await reported(test);
    const again = submit(test, reporter, { accused: accused.account }, [await say(test, accused, reporter.account)]);
    await arrive(test);
    const lead = await hire(test, "lead");
    const file = join(folder, "later");
    await writeFile(file, await test.desk.exportReport(lead.me, again.name));
    await stop(running);
    const copy = newFolder();
    await cp(join(folder, "data"), join(copy, "data"), { recursive: true });
    expect(await command(copy, ["verify-report", file])).toMatchObject({ code: 0 });
    expect((await command(copy, ["verify-report", exported])).code).toBe(1);
  });
});
