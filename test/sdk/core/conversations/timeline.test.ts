import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Cancellation } from "../../../../sdk/core/cancellation.js";
import { hidden } from "../../../../sdk/core/conversations/content-writer.js";
import { Timeline } from "../../../../sdk/core/conversations/timeline.js";
import { settled } from "../link/manual-clock.js";
import { conversationId, me, peer } from "../people.js";
import { Gate, openSealed } from "../storage/fixture.js";
import { UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";

const row = (atMs: number) => ({ ...hidden(peer, atMs), shape: "keychange" as const });

async function fixture() {
  const store = await openSealed();
  return { store, timeline: await Timeline.load(store, conversationId, peer) };
}

/** Appends, and answers what announces. */
function append({ store, timeline }: Awaited<ReturnType<typeof fixture>>, atMs: number) {
  const { sequence, changes } = timeline.append(row(atMs));
  const durable = store.commit(changes);
  return { sequence, announced: durable.then(() => timeline.announce(sequence)) };
}

describe("a timeline", () => {
  it("shows each place to each follower exactly once and in order, however appends, changes and readers mix", async () => {
    const step = fc.oneof(
      fc.constant("append" as const),
      fc.constant("replace" as const),
      fc.constant("turn" as const),
      fc.constant("follow" as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.integer({ min: 0, max: 90 }), async (steps, bulk) => {
        const talk = await fixture();
        const { store, timeline } = talk;
        const announced: Promise<void>[] = [];
        const readers: { readonly from: number; readonly seen: number[]; readonly ended: Promise<void> }[] = [];
        const stop = new Cancellation();
        const follow = (from: number) => {
          const seen: number[] = [];
          const read = async () => {
            for await (const { sequence } of timeline.follow(from, stop)) seen.push(sequence);
          };
          readers.push({ from, seen, ended: read() });
        };
        follow(0);
        for (let count = 0; count < bulk; count++) announced.push(append(talk, count).announced);
        for (const next of steps) {
          if (next === "append") announced.push(append(talk, 1).announced);
          else if (next === "replace" && timeline.end > 0) void store.commit([timeline.replace(timeline.end, row(2))]);
          else if (next === "follow") follow(Math.floor(timeline.end / 2));
          else await settled();
        }
        await Promise.all(announced);
        const { end } = timeline;
        for (let turn = 0; turn < 400 && readers.some(({ from, seen }) => from + seen.length < end); turn++)
          await settled();
        stop.abort();
        await Promise.all(readers.map(({ ended }) => ended));
        for (const { from, seen } of readers) {
          expect(seen).toEqual(Array.from({ length: end - from }, (_, index) => from + index + 1));
        }
        await store.close();
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it("shows no place before it is announced, though its commit can be read already", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    const gate = new Gate();
    raw.beforeWrite = gate.pass;
    const timeline = await Timeline.load(store, conversationId, peer);
    const seen: number[] = [];
    const read = async () => {
      for await (const { sequence } of timeline.follow(0, undefined)) seen.push(sequence);
    };
    const reading = read();
    const { announced } = append({ store, timeline }, 1);
    await gate.arrival();
    expect(await timeline.row(1)).toBeDefined();
    expect([seen, timeline.end, await timeline.latest(10)]).toEqual([[], 0, []]);
    gate.open();
    await announced;
    await settled();
    expect(seen).toEqual([1]);
    timeline.close();
    await reading;
  });

  it("answers the last announced rows although newer ones are on their way", async () => {
    const talk = await fixture();
    await Promise.all([append(talk, 1).announced, append(talk, 2).announced]);
    const { changes } = talk.timeline.append(row(3));
    await talk.store.commit(changes);
    expect((await talk.timeline.latest(2)).map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect((await talk.timeline.latest(1)).map(({ sequence }) => sequence)).toEqual([2]);
  });

  it("answers the last announced rows although newer ones come while it reads", async () => {
    const talk = await fixture();
    await Promise.all([append(talk, 1).announced, append(talk, 2).announced]);
    for (const count of [1, 2]) {
      const reading = talk.timeline.latest(count);
      const coming = Array.from({ length: 5 }, (_, index) => talk.timeline.append(row(3 + index)));
      void talk.store.commit(coming.flatMap(({ changes }) => changes));
      expect((await reading).map(({ sequence }) => sequence)).toEqual([1, 2].slice(-count));
    }
  });

  it("goes on behind the last place and counter of an earlier run", async () => {
    const talk = await fixture();
    talk.timeline.stamp(1);
    await append(talk, 1).announced;
    const again = await Timeline.load(talk.store, conversationId, peer);
    expect(again.end).toBe(1);
    expect(again.stamp(1).counter).toBe(2);
    expect(again.append(row(2)).sequence).toBe(2);
  });

  it("never gives the counters of an earlier moment to the disk, whichever commit is last", async () => {
    const talk = await fixture();
    const { store, timeline } = talk;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom("append", "count"), { maxLength: 20 }), async (steps) => {
        for (const step of steps) {
          if (step === "append") await append(talk, 1).announced;
          else {
            timeline.stamp(1);
            await store.commit([timeline.countersChange()]);
          }
          const stored = await Timeline.load(store, conversationId, me);
          const expected = timeline.end;
          expect(stored.end).toBe(expected);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("ends its followers when their signal aborts or it closes, at once and for later ones", async () => {
    const { timeline } = await fixture();
    const stop = new Cancellation();
    const one = timeline.follow(0, stop).next();
    const other = timeline.follow(0, undefined).next();
    await settled();
    stop.abort();
    expect((await one).done).toBe(true);
    timeline.close();
    expect((await other).done).toBe(true);
    expect((await timeline.follow(0, undefined).next()).done).toBe(true);
    expect((await timeline.follow(0, stop).next()).done).toBe(true);
  });

  it("shows each place as it is when it is taken, however long ago its page was read", async () => {
    const talk = await fixture();
    const { store, timeline } = talk;
    for (let count = 1; count <= 10; count++) await append(talk, count).announced;
    const reading = timeline.follow(0, undefined);
    expect((await reading.next()).value).toMatchObject({ sequence: 1, row: { atMs: 1 } });
    await store.commit([timeline.replace(7, row(70))]);
    const seen: unknown[] = [];
    for (let count = 2; count <= 10; count++) seen.push((await reading.next()).value?.row.atMs);
    expect(seen).toEqual([2, 3, 4, 5, 6, 70, 8, 9, 10]);
  });

  it("keeps nothing of followers that ended", async () => {
    const talk = await fixture();
    for (let turn = 0; turn < 50; turn++) {
      const stop = new Cancellation();
      const reading = talk.timeline.follow(0, stop).next();
      await settled();
      stop.abort();
      await reading;
    }
    const { readers } = talk.timeline as unknown as { readonly readers: ReadonlySet<unknown> };
    expect(readers.size).toBe(0);
  });

  it("lets go of whoever waits for a place when it closes", async () => {
    const { timeline } = await fixture();
    const waiting = timeline.resolved(7);
    timeline.close();
    await waiting;
    await timeline.resolved(8);
  });
});
