import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { levelStore } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CrashableStore } from "./crashable-store.js";

let folder: string;
let store: CrashableStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-crashable-"));
  store = new CrashableStore(levelStore(folder).store);
  await store.open();
});
afterEach(async () => {
  await store.bury();
  await rm(folder, { recursive: true });
});

const put = (key: string) => store.write([{ key, value: new Uint8Array(1) }]);

/** What the next life finds. */
async function found(...keys: readonly string[]): Promise<readonly boolean[]> {
  await store.bury();
  const next = levelStore(folder).store;
  await next.open();
  const rows = await next.getMany(keys);
  await next.close();
  return rows.map((row) => row !== undefined);
}

/** Whether a call is answered within some turns of the loop. */
async function isAnswered(call: Promise<unknown>): Promise<boolean> {
  let answered = false;
  call.then(
    () => {
      answered = true;
    },
    () => undefined,
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  return answered;
}

describe("a store that crashes", () => {
  it("keeps what was written before, and neither writes nor answers behind it", async () => {
    await put("before");
    store.light({ afterWrites: 1, lastWrite: "lost" });
    await put("last heard");
    expect(await isAnswered(put("lost"))).toBe(false);
    await store.stopped;
    expect(await isAnswered(put("after"))).toBe(false);
    expect(await isAnswered(store.get("before"))).toBe(false);
    expect(await found("before", "last heard", "lost", "after")).toEqual([true, true, false, false]);
  });

  it("may keep a batch that nobody heard of", async () => {
    store.light({ afterWrites: 0, lastWrite: "kept" });
    expect(await isAnswered(put("kept"))).toBe(false);
    expect(await isAnswered(put("after"))).toBe(false);
    expect(await found("kept", "after")).toEqual([true, false]);
  });
});
