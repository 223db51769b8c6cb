/** The format of the rows on disk, and the way from an older one. */

import { StoreError } from "../../ports.js";
import { FORMAT_VERSION } from "../catalogue.js";
import type { Engine } from "../engine.js";
import { singleKey } from "../row-keys.js";
import { appendCommitments } from "./commitment-migration.js";

/**
 * Rewrites a store from one format to the next. Run again if the process dies in it, with the row `migration` as it left that:
 * this row goes when the new version is marked.
 */
export type Migration = (engine: Engine) => Promise<void>;

/** What a program knows of formats: its own, and the step away from each older one. */
export interface Formats {
  readonly current: number;
  /** By the version they start from. */
  readonly migrations: ReadonlyMap<number, Migration>;
}

/** The formats of this program. */
export const formats: Formats = {
  current: FORMAT_VERSION,
  migrations: new Map([
    // Format 2 has new kinds of rows and changes none of format 1's: only a program that knows them may open the store.
    [1, async () => {}],
    // Format 3 has the commitment of its send at the end of every body.
    [2, appendCommitments],
  ]),
};

/**
 * Brings an open engine to the current format: an empty one is marked, an older one migrated step by step.
 *
 * @throws StoreError `fatal` if the store is newer, of an unknown older format, or none of ours.
 */
export async function settleFormat(engine: Engine, known: Formats = formats): Promise<void> {
  const key = singleKey("format");
  const found = engine.get(key)?.readUInt16BE(0);
  if (found === undefined) {
    const [first] = await engine.keys({ from: Buffer.of(0x00), to: Buffer.of(0xff) }, 1);
    if (first !== undefined) throw new StoreError("fatal", "The folder holds a database that is not a Sotto relay's.");
    await writeVersion(engine, known.current);
    return;
  }
  if (found > known.current) {
    throw new StoreError(
      "fatal",
      `The store was written by a newer version of the relay (format ${found}, this one knows up to ${known.current}); update the relay.`,
    );
  }
  for (let version = found; version < known.current; version++) {
    const migrate = known.migrations.get(version);
    if (migrate === undefined) throw new StoreError("fatal", `No migration leads away from format ${version}.`);
    await migrate(engine);
    await writeVersion(engine, version + 1);
  }
}

async function writeVersion(engine: Engine, version: number): Promise<void> {
  const value = Buffer.alloc(2);
  value.writeUInt16BE(version, 0);
  const batch = engine.batch();
  batch.put(singleKey("format"), value);
  batch.delete(singleKey("migration"));
  await batch.write("synced");
}
