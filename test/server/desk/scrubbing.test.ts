/** What is destroyed is gone from the disk: LevelDB keeps what was deleted until something has it rewrite its files. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EPOCH_MS, epochOf } from "@sotto/protocol";
import { afterEach, expect, it } from "vitest";
import type { Rows } from "../../../server/desk/ports.js";
import { openTables, sortable } from "../../../server/desk/rows.js";
import { openLevelRows } from "../../../server/desk/store/level-rows.js";
import { temporaryFolders } from "../ops/temporary-folder.js";
import { DAY_MS, openDesk } from "./desk-of.js";
import { reported } from "./report-of.js";

/** So many bytes of chance are nowhere else. */
const PART_BYTES = 8;

const newFolder = temporaryFolders();
const opened: Rows[] = [];
afterEach(() => Promise.all(opened.splice(0).map((rows) => rows.close())));

/** A desk on a disk, with one report. */
async function deskOnDisk() {
  const folder = join(newFolder(), "rows");
  const rows = await openLevelRows(folder);
  opened.push(rows);
  const test = await openDesk({}, { rows });
  await reported(test);
  return { test, rows, tables: openTables(rows), onDisk: (bytes: Uint8Array) => onDisk(folder, bytes) };
}

it("keys of an epoch leave the files once nothing of it can be reported, and those of other epochs stay", async () => {
  const { test, tables, onDisk } = await deskOnDisk();
  const epoch = sortable(epochOf(test.nowMs));
  const account = (await tables.accountKey.get(epoch))?.key ?? Uint8Array.of();
  const stamp = (await tables.stampKey.get(epoch))?.key ?? Uint8Array.of();
  expect([account, stamp].map(onDisk)).toEqual([true, true]);
  await test.pass(31 * DAY_MS);
  expect([account, stamp].map(onDisk)).toEqual([true, true]);
  await test.pass(2 * EPOCH_MS);
  await test.pass(DAY_MS);
  expect([account, stamp].map(onDisk)).toEqual([false, false]);
  const present = (await tables.accountKey.get(sortable(epochOf(test.nowMs))))?.key ?? Uint8Array.of();
  expect(onDisk(present)).toBe(true);
  expect(await tables.unscrubbed.all()).toEqual([]);
});

it("what was shared in a report leaves the files with its row, also if the desk died before it had them rewritten", async () => {
  const { test, rows, tables, onDisk } = await deskOnDisk();
  const [layers] = await tables.layers.all();
  if (layers === undefined) throw new Error("no layers");
  const words = layers.value.words.slice(2_000, 2_064);
  expect(onDisk(words)).toBe(true);
  await rows.write([tables.layers.drop(layers.key), tables.unscrubbed.put("layers", { atMs: test.nowMs })]);
  expect(onDisk(words)).toBe(true);
  await test.pass(DAY_MS);
  expect(onDisk(words)).toBe(false);
});

/**
 * Whether bytes, or a part of them, lie anywhere in a folder's files. Part by part, as LevelDB breaks what lies across two blocks of its log,
 * and its compression spells four bytes that were there before, by chance or with a neighbour's, by where they were.
 */
function onDisk(folder: string, bytes: Uint8Array): boolean {
  const parts = Array.from({ length: Math.floor(bytes.length / PART_BYTES) }, (_, at) =>
    Buffer.from(bytes).subarray(at * PART_BYTES, (at + 1) * PART_BYTES),
  );
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  return files.some((file) => parts.some((part) => file.includes(part)));
}
