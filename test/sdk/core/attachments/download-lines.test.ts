import { ATTACHMENT_CHUNK_BYTES } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { downloadAttachment } from "../../../../sdk/core/attachments/download.js";
import { attachmentOf, downloaded, downloadParts } from "../../../support/attachments/download-fixture.js";
import { pieced, type Script, ScriptedRelay, served } from "../../../support/attachments/scripted-relay.js";
import { type ManualClock, manualClock } from "../link/manual-clock.js";

const CHUNK = ATTACHMENT_CHUNK_BYTES;
const SEALED = CHUNK + 16;
const { plaintext, blob, reference } = attachmentOf(500_000);

/** Moves time on until the download has ended, and answers how much time it took. */
async function inTime(clock: ManualClock, relay: ScriptedRelay) {
  const beganMs = clock.now();
  let isOver = false;
  const download = downloaded(downloadParts(relay, clock), reference).finally(() => {
    isOver = true;
  });
  while (!isOver) await clock.advance(250);
  return { ...(await download), tookMs: clock.now() - beganMs };
}

/** What a relay answers that sends so much of what was asked for, and then this. */
function partly(ask: Parameters<typeof served>[1], bytes: number, end: Script["end"]): Script {
  const [all] = served(blob, ask, blob.length).pieces as Iterable<Uint8Array>;
  return { ...served(blob, ask), pieces: pieced((all as Uint8Array).subarray(0, bytes), 9_000), end: end as "broken" };
}

describe("a download over a bad line", () => {
  test("is complete wherever the line breaks, and asks each time for what is missing", async () => {
    const breaks = fc.array(fc.integer({ min: 0, max: 3 * SEALED }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(breaks, async (breaks) => {
        const relay = new ScriptedRelay((ask, attempt) => {
          const bytes = breaks[attempt - 1];
          return bytes === undefined ? served(blob, ask) : partly(ask, bytes, "broken");
        });
        const { released, failure } = await inTime(manualClock(), relay);
        expect(failure).toBeUndefined();
        expect(Buffer.compare(released, plaintext)).toBe(0);
        const starts = relay.ranges.map((range) => Number(/\d+/.exec(range ?? "0")?.[0]));
        expect(starts.every((start, at) => start % SEALED === 0 && start >= (starts[at - 1] ?? 0))).toBe(true);
        expect(relay.open).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  test("goes on where a relay answers with less than was asked for", async () => {
    const relay = new ScriptedRelay((ask) => partly(ask, 2 * SEALED, "clean"));
    const { released, failure } = await downloaded(downloadParts(relay), reference);
    expect(failure).toBeUndefined();
    expect(Buffer.compare(released, plaintext)).toBe(0);
    expect(relay.ranges[1]).toBe(`bytes=${2 * SEALED}-`);
  });

  test("is asked for anew when the relay falls silent, before its answer and within it", async () => {
    const relay = new ScriptedRelay((ask, attempt) => {
      if (attempt === 1) return "silent";
      return attempt === 2 ? partly(ask, SEALED + 5, "silent") : served(blob, ask);
    });
    const { released, failure, tookMs } = await inTime(manualClock(), relay);
    expect(failure).toBeUndefined();
    expect(Buffer.compare(released, plaintext)).toBe(0);
    expect(relay.ranges).toEqual([undefined, undefined, `bytes=${SEALED}-`]);
    expect(tookMs).toBeGreaterThanOrEqual(60_000);
    expect(relay.open).toBe(0);
  });

  test("is given up as offline after minutes without a chunk, and what came before was given out", async () => {
    const relay = new ScriptedRelay((ask, attempt) => (attempt === 1 ? partly(ask, SEALED, "broken") : "unreachable"));
    const { released, failure, tookMs } = await inTime(manualClock(), relay);
    expect(failure).toBe("offline");
    expect(Buffer.compare(released, plaintext.subarray(0, CHUNK))).toBe(0);
    expect(tookMs).toBeGreaterThan(60_000);
    expect(tookMs).toBeLessThan(180_000);
    expect(relay.asks.length).toBeLessThan(60);
  });

  test("is given up as offline too when bytes come, but so slowly that no chunk is ever whole", async () => {
    const clock = manualClock();
    async function* drip() {
      for (;;) {
        await new Promise<void>((resolve) => void clock.after(20_000, resolve));
        yield Uint8Array.of(1);
      }
    }
    const relay = new ScriptedRelay(() => ({ pieces: drip() }));
    const { failure, tookMs } = await inTime(clock, relay);
    expect(failure).toBe("offline");
    expect(tookMs).toBeLessThan(900_000);
  });
});

describe("a relay that refuses", () => {
  test.each([404, 410])("with %i has not got it any more", async (status) => {
    const relay = new ScriptedRelay(() => ({ status }));
    expect((await downloaded(downloadParts(relay), reference)).failure).toBe("attachmentGone");
    expect(relay.asks).toHaveLength(1);
    expect(relay.open).toBe(0);
  });

  test("with 429 is asked again no sooner than it said", async () => {
    const clock = manualClock();
    const asked: number[] = [];
    const relay = new ScriptedRelay((ask, attempt) => {
      asked.push(clock.now());
      return attempt === 1 ? { status: 429, headers: { "retry-after": "40" } } : served(blob, ask);
    });
    expect((await inTime(clock, relay)).failure).toBeUndefined();
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(40_000);
  });

  test("with 429 for longer than there is patience is told to the app, with how long to wait", async () => {
    const relay = new ScriptedRelay(() => ({ status: 429, headers: { "retry-after": "3600" } }));
    const pieces = downloadAttachment(downloadParts(relay), reference);
    await expect(pieces.next()).rejects.toMatchObject({ code: "tooManyRequests", retryAfterMs: 3_600_000 });
    expect(relay.asks).toHaveLength(1);
  });

  test("with 503 is asked again, and is offline if that lasts", async () => {
    const draining = new ScriptedRelay((ask, attempt) => (attempt < 4 ? { status: 503 } : served(blob, ask)));
    expect((await inTime(manualClock(), draining)).failure).toBeUndefined();
    const down = new ScriptedRelay(() => ({ status: 503 }));
    expect((await inTime(manualClock(), down)).failure).toBe("offline");
    expect(down.open).toBe(0);
  });

  test.each([301, 400, 401, 403])("with %i, which none should, is not asked again", async (status) => {
    const relay = new ScriptedRelay(() => ({ status }));
    expect((await downloaded(downloadParts(relay), reference)).failure).toBe("badRelay");
    expect(relay.asks).toHaveLength(1);
  });
});
