/** Checkpoints: what they delete, what stays, and who may leave one. */

import { randomBytes } from "node:crypto";
import { limits } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Logs } from "../../../server/ports.js";
import { memoryStore } from "../../../server/store/index.js";
import type { Client } from "./support/client.js";
import { ManualClock } from "./support/manual-clock.js";
import { TestGroup, type TestKey } from "./support/test-group.js";
import { TestRelay } from "./support/test-relay.js";
import { until } from "./support/turns.js";

/** Everything a reader is told from the beginning: checkpoints and entries, page by page. */
async function readAll(relay: TestRelay, group: TestGroup, client: Client, by?: TestKey) {
  const seqs: number[] = [];
  const checkpoints: { readonly seq: number; readonly body: Uint8Array }[] = [];
  for (let after = 0; ; ) {
    client.say(group.read(client, { after, atMs: relay.clock.now() }, by));
    const { head, entries, checkpoint } = await client.next("groupEntries");
    if (checkpoint !== undefined) checkpoints.push(checkpoint);
    seqs.push(...entries.map(({ seq }) => seq));
    after = entries.at(-1)?.seq ?? head;
    if (after >= head) return { head, seqs, checkpoints };
  }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe("a checkpoint", () => {
  it("stands for the entries below it, but the latest two hundred and those that ended an epoch stay", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    await group.fill(client, 1, 4);
    const former = await group.rotate(client, 4);
    await group.fill(client, 5, 300);
    const frame = group.checkpoint(client, { seq: 250 });
    client.say(frame);
    await client.next("done");
    expect(relay.counts.get("groupCheckpoints")).toBe(1);
    expect(await readAll(relay, group, client)).toMatchObject({
      head: 300,
      seqs: [5, ...range(101, 300)],
      checkpoints: [{ seq: 250, body: frame.body }],
    });
    expect(await readAll(relay, group, client, former.access)).toEqual({ head: 5, seqs: [5], checkpoints: [] });
  });

  it("comes only to who asks for what is no longer there", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    await group.fill(client, 1, 300);
    client.say(group.checkpoint(client, { seq: 300 }));
    await client.next("done");
    for (const [after, comes] of [
      [99, true],
      [100, false],
      [250, false],
      [300, false],
    ] as const) {
      client.say(group.read(client, { after, atMs: relay.clock.now() }));
      expect((await client.next("groupEntries")).checkpoint !== undefined, `after ${after}`).toBe(comes);
    }
  });

  it("of a short log deletes nothing, and comes to who reads from the beginning", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    await group.fill(client, 1, 150);
    const frame = group.checkpoint(client, { seq: 150 });
    client.say(frame);
    await client.next("done");
    const checkpoints = [{ seq: 150, body: frame.body }];
    expect(await readAll(relay, group, client)).toEqual({ head: 150, seqs: range(1, 150), checkpoints });
    client.say(group.read(client, { after: 1, atMs: relay.clock.now() }));
    expect((await client.next("groupEntries")).checkpoint).toBeUndefined();
  });

  it("is replaced by a later one, and not by an earlier one", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    await group.fill(client, 1, 450);
    const bodies = new Map<number, Uint8Array>();
    for (const seq of [200, 240, 210]) {
      const frame = group.checkpoint(client, { seq });
      bodies.set(seq, frame.body);
      client.say(frame);
      await client.next("done");
    }
    const { seqs, checkpoints } = await readAll(relay, group, client);
    expect(seqs[0]).toBe(240);
    expect(checkpoints).toEqual([{ seq: 240, body: bodies.get(240) }]);
  });

  it("of the largest size comes with a page of entries in one frame", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    await group.fill(client, 1, 300);
    const body = new Uint8Array(randomBytes(limits.groupCheckpointBytes.value));
    client.say(group.checkpoint(client, { seq: 300, body }));
    await client.next("done");
    const { seqs, checkpoints } = await readAll(relay, group, client);
    expect(seqs).toEqual(range(101, 300));
    expect(checkpoints.map(({ seq }) => seq)).toEqual([300]);
    expect(Buffer.from(checkpoints[0]?.body ?? []).equals(body)).toBe(true);
  });

  it("of an entry that is not there is refused", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    for (const seq of [0, 2, 0xffff_ffff]) {
      const frame = group.checkpoint(client, { seq });
      client.say(frame);
      await client.failure(frame.id, "badFrame");
    }
    expect(await relay.store.logs.checkpoint(group.group)).toBeUndefined();
  });

  it("is left although an entry is appended meanwhile", async () => {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    await inner.open();
    let interruptions = 1;
    const putCheckpoint: Logs["putCheckpoint"] = async (put) => {
      if (interruptions-- > 0) {
        other.say(group.append(other, { expectedSeq: 1 }));
        await other.next("groupAppended");
      }
      return inner.logs.putCheckpoint(put);
    };
    const relay = await TestRelay.start({ clock, store: { ...inner, logs: { ...inner.logs, putCheckpoint } } });
    const { group, client } = await TestGroup.start(relay);
    const other = await relay.anonymous();
    client.say(group.checkpoint(client, { seq: 1 }));
    await client.next("done");
    expect((await inner.logs.checkpoint(group.group))?.seq).toBe(1);
    expect((await inner.logs.head(group.group))?.seq).toBe(2);
  });

  it("is left one at a time for a group", async () => {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    await inner.open();
    let arrived = false;
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const putCheckpoint: Logs["putCheckpoint"] = async (put) => {
      arrived = true;
      await released;
      return inner.logs.putCheckpoint(put);
    };
    const relay = await TestRelay.start({ clock, store: { ...inner, logs: { ...inner.logs, putCheckpoint } } });
    const { group, client } = await TestGroup.start(relay);
    await group.fill(client, 1, 3);
    client.say(group.checkpoint(client, { seq: 3 }));
    await until(
      () => arrived,
      () => "the first checkpoint",
    );
    const older = group.checkpoint(client, { seq: 2 });
    client.say(older);
    await client.failure(older.id, "busy");
    release();
    await client.next("done");
    client.say(group.checkpoint(client, { seq: 2 }));
    await client.next("done");
    expect((await inner.logs.checkpoint(group.group))?.seq).toBe(3);
  });
});
