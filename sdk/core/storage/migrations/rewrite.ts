/** The way every migration takes through the rows of a prefix: page by page, one commit for each, so that it can be interrupted anywhere. */

import type { StoreChange } from "../../ports.js";
import { range } from "../../rows.js";
import type { SealedStore } from "../sealed-store.js";

/** Rows of one commit: items of up to 128 KiB each lie in memory together. */
export const MIGRATION_PAGE = 64;

/** What becomes of a row: other bytes, other rows in its place, or nothing else than it is. */
type Rewritten = Uint8Array | readonly StoreChange[] | undefined;

/** Rewrites the rows of a prefix for which `row` answers something else; what stands in a row's place takes it away. */
export async function rewrite(
  store: SealedStore,
  prefix: string,
  row: (value: Uint8Array) => Promise<Rewritten> | Rewritten,
): Promise<void> {
  let spanned = range(prefix, MIGRATION_PAGE);
  for (;;) {
    const page = await store.list(spanned);
    const changes: StoreChange[] = [];
    for (const { key, value } of page) {
      const next = await row(value);
      if (next instanceof Uint8Array) changes.push({ key, value: next });
      else if (next !== undefined) changes.push({ key, value: undefined }, ...next);
    }
    if (changes.length > 0) await store.commit(changes);
    const last = page.at(-1);
    if (last === undefined || page.length < MIGRATION_PAGE) return;
    spanned = { ...spanned, after: last.key };
  }
}
