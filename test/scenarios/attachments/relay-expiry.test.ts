/** Attachments whose time is over, on a real disk, by a clock in the test's hand. */

import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { folderBlobs } from "../../../server/blobs/index.js";
import { levelStore } from "../../../server/store/index.js";
import { ask, begin, begun, granted, look, patch, uploaded } from "../../server/relay/support/http-caller.js";
import { ManualClock } from "../../server/relay/support/manual-clock.js";
import { TestRelay } from "../../server/relay/support/test-relay.js";

const DAY = 86_400_000;
const SIZE = 300_000;

/** The files of blobs below a folder. */
async function filesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name !== "format").length;
}

it("leaves no file and no byte of an upload that was not finished in a day, or of an attachment after thirty", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-expiry-"));
  const clock = new ManualClock();
  const store = levelStore({ folder: join(folder, "store"), clock });
  const blobs = folderBlobs({ folder: join(folder, "blobs"), maxBytes: 10 * SIZE, clock });
  await Promise.all([store.open(), blobs.open()]);
  try {
    const relay = await TestRelay.start({ clock, store, blobs });
    const { client } = await relay.person("alice");
    const unused = await granted(client, SIZE);
    const empty = await begun(relay, client, SIZE);
    const half = await begun(relay, client, SIZE);
    await patch(relay, half.upload, 0, new Uint8Array(randomBytes(SIZE / 2)));
    const whole = await uploaded(relay, client, SIZE);
    await relay.relay.sweep({ aborted: false });
    expect(blobs.usage().bytes).toBe(3 * SIZE);

    clock.advance(DAY);
    expect((await begin(relay, unused, SIZE)).status).toBe(401);
    for (const { upload } of [empty, half]) expect((await look(relay, upload)).status).toBe(404);
    await relay.relay.sweep({ aborted: false });
    expect(blobs.usage().bytes).toBe(SIZE);
    expect((await ask(relay, { path: whole.blob })).body).toEqual(whole.content);

    clock.advance(29 * DAY);
    expect((await ask(relay, { path: whole.blob })).status).toBe(404);
    await relay.relay.sweep({ aborted: false });
    expect(blobs.usage().bytes).toBe(0);
    expect(await filesIn(join(folder, "blobs"))).toBe(0);
    expect(relay.bugs).toEqual([]);
  } finally {
    await blobs.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
