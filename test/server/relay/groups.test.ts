/** What is remembered of logs, and when it is forgotten. */

import type { ConversationId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { newGroup, withNextEpoch } from "../../../server/relay/group-keys.js";
import { Groups } from "../../../server/relay/groups.js";
import { memoryStore } from "../../../server/store/index.js";
import { ManualClock } from "./support/manual-clock.js";
import { entry } from "./support/test-group.js";

const group = "ab".repeat(16) as ConversationId;
const keys = (epoch: number) => ({
  accessKey: new Uint8Array(32).fill(epoch),
  adminKey: new Uint8Array(32).fill(epoch + 9),
});

async function begun() {
  const store = memoryStore({ clock: new ManualClock() });
  await store.open();
  const groups = new Groups(store.logs);
  const document = newGroup(keys(1));
  const append = (expectedSeq: number, next = document) =>
    groups.append({ group, expectedSeq, acceptedMs: 1, entry: entry(expectedSeq + 1), document: next });
  await append(0);
  return { store, groups, document, append };
}

describe("the memory of logs", () => {
  it("follows what is appended here, keys and number", async () => {
    const { groups, document, append } = await begun();
    expect(groups.remembered(group)).toMatchObject({ seq: 1, document: { present: keys(1) } });
    await append(1, withNextEpoch(document, keys(2), 2));
    expect(groups.remembered(group)).toMatchObject({ seq: 2, document: { present: keys(2) } });
    expect(await append(1)).toEqual({ kind: "moved", seq: 2 });
    expect(groups.remembered(group)?.seq).toBe(2);
  });

  it("keeps copies: a frame it came from may be written over", async () => {
    const { groups, document } = await begun();
    document.present.accessKey.fill(7);
    expect(groups.remembered(group)?.document.present.accessKey).toEqual(keys(1).accessKey);
  });

  it("is never set back by a load that began before an append", async () => {
    const { store, document, append } = await begun();
    let release = (): void => {};
    const slow = new Groups({
      ...store.logs,
      async head(of) {
        const head = await store.logs.head(of);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return head;
      },
    });
    const loading = slow.load(group);
    await append(1);
    await slow.append({ group, expectedSeq: 2, acceptedMs: 1, entry: entry(3), document });
    release();
    expect((await loading)?.seq).toBeLessThan(3);
    expect(slow.remembered(group)?.seq).toBe(3);
  });

  it("ends with the log", async () => {
    const { store, groups } = await begun();
    await store.logs.expire(1_000_000, { aborted: false });
    expect(await groups.load(group)).toBeUndefined();
    expect(groups.remembered(group)).toBeUndefined();
  });
});
