/**
 * Format 3: groups. What waits and what was sent may be for a group now, and not for one account. Every row says for itself
 * whether it is still of format 2, so a crash at any point leaves a store that the next opening goes on with; the header
 * comes last. A conversation's row may lack its peer now; those there are have one and are spelled as before.
 */

import { encodeRow, keys } from "../../rows.js";
import type { SealedStore } from "../sealed-store.js";
import { tryRowOf2 } from "./format-2.js";
import { rewrite } from "./rewrite.js";

/** Rewrites every row that changed. The store is open and used by nobody else. */
export async function migrateFrom2To3(store: SealedStore): Promise<void> {
  await rewrite(store, keys.outboxAll, outboxRow);
  await rewrite(store, keys.sentAll, sentRow);
}

function outboxRow(value: Uint8Array): Uint8Array | undefined {
  const old = tryRowOf2("outbox", value);
  return old === undefined ? undefined : encodeRow("outbox", old);
}

function sentRow(value: Uint8Array): Uint8Array | undefined {
  const old = tryRowOf2("sent", value);
  return old === undefined ? undefined : encodeRow("sent", old);
}
