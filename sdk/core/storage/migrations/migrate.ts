/** The way from any older format of the store to the present one. A newer format than ours is refused before this. */

import { SottoError } from "@sotto/protocol";
import type { SealedStore } from "../sealed-store.js";
import { migrateFrom1To2 } from "./from-1-to-2.js";

/**
 * Brings the rows of an older format to the present one. Resolves once every change is durable; the caller then marks the
 * header.
 *
 * @throws storeCorrupt if a row is of neither format; storeFailed.
 */
export async function migrate(store: SealedStore, format: number): Promise<void> {
  if (format !== 1) throw new SottoError("storeCorrupt", { detail: "the header names a format there never was" });
  await migrateFrom1To2(store);
  await store.commit([]);
}
