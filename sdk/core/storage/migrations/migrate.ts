/** The way from any older format of the store to the present one. A newer format than ours is refused before this. */

import { SottoError } from "@sotto/protocol";
import type { SealedStore } from "../sealed-store.js";
import { migrateFrom1To2 } from "./from-1-to-2.js";
import { migrateFrom2To3 } from "./from-2-to-3.js";
import { migrateFrom4To5 } from "./from-4-to-5.js";

/**
 * Brings the rows of an older format to the present one. Resolves once every change is durable; the caller then marks the
 * header.
 *
 * @throws storeCorrupt if a row is of no format there was; storeFailed.
 */
export async function migrate(store: SealedStore, format: number): Promise<void> {
  if (format < 1 || format > 4) {
    throw new SottoError("storeCorrupt", { detail: "the header names a format there never was" });
  }
  if (format === 1) await migrateFrom1To2(store);
  // Of format 1 too: a crash of the release that wrote format 2 may have left rows of both under the older header.
  if (format <= 2) await migrateFrom2To3(store);
  // Format 4 has rows that format 3 knew nothing of (votes, lives, registers, uploads, the search index) and changes none: a
  // program of format 3 would leave what disappears, and so is refused.
  await migrateFrom4To5(store);
}
