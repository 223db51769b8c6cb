/** Stores that the code of an earlier format wrote. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MemoryPlace } from "../unsafe-memory-store.js";

/** One, as its file holds it. */
export interface OldStore<Who extends string = never> {
  /** The ids that tests ask for by name. */
  readonly ids: Readonly<Record<Who, string>>;
  /** Its rows in base64, by their keys. */
  readonly rows: Readonly<Record<string, string>>;
}

/** The store of a format. */
export async function oldStore<Who extends string>(format: number): Promise<OldStore<Who>> {
  const file = fileURLToPath(new URL(`../format-${format}.json`, import.meta.url));
  return JSON.parse(await readFile(file, "utf8"));
}

/** A place that holds it. */
export function placeOf({ rows }: Pick<OldStore, "rows">): MemoryPlace {
  const place = new MemoryPlace();
  for (const [key, value] of Object.entries(rows)) place.rows.set(key, Uint8Array.from(Buffer.from(value, "base64")));
  return place;
}
