/** The end of a migration that lost power at each of its writes, one after the other. */

import { expect } from "vitest";
import type { SealedStore } from "../../../../../sdk/core/storage/sealed-store.js";
import { HEADER_KEY } from "../../../../../sdk/core/storage/store-header.js";
import { openSealed } from "../fixture.js";
import { UnsafeMemoryStore } from "../unsafe-memory-store.js";

/** What a migration begins with, and what is compared at its end. */
interface Migration {
  /** A fresh copy of an old store, and the format its header names. */
  oldPlace(): NonNullable<ConstructorParameters<typeof UnsafeMemoryStore>[0]>;
  readonly format: number;
  everyRow(store: SealedStore): Promise<readonly string[]>;
  /** The migration has more writes than this. */
  readonly moreThan: number;
}

/** Expects that whichever write is the one that fails, the header stays the old one and the next opening ends the same. */
export async function expectSurvivesPowerLoss({ oldPlace, format, everyRow, moreThan }: Migration): Promise<void> {
  const first = new UnsafeMemoryStore(oldPlace());
  const expected = await openSealed(first).then(async (store) => {
    const all = await everyRow(store);
    await store.close();
    return all;
  });
  const { length } = first.writes;
  expect(length).toBeGreaterThan(moreThan);
  for (let failing = 1; failing <= length; failing++) {
    const place = oldPlace();
    const raw = new UnsafeMemoryStore(place);
    let writes = 0;
    raw.beforeWrite = async () => {
      writes += 1;
      if (writes === failing) throw new Error("power gone");
    };
    await expect(openSealed(raw)).rejects.toMatchObject({ code: "storeFailed" });
    expect(place.rows.get(HEADER_KEY)?.[5]).toBe(format);
    const store = await openSealed(new UnsafeMemoryStore(place));
    expect(await everyRow(store)).toEqual(expected);
    await store.close();
  }
}
