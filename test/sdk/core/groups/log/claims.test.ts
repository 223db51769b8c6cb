import { describe, expect, it } from "vitest";
import { type Deferred, deferred } from "../../../../../sdk/core/deferred.js";
import { Claims, type LogGap } from "../../../../../sdk/core/groups/log/claims.js";
import { manualClock, settled } from "../../link/manual-clock.js";
import { group } from "../sending/snapshots.js";

const GRACE_MS = 60_000;

function fixture() {
  const clock = manualClock();
  const asked: Deferred<"asked" | "offline">[] = [];
  const gaps: LogGap[] = [];
  const log = { readSeq: 9 };
  const claims = new Claims({
    clock,
    readSeq: () => log.readSeq,
    ask: () => {
      const asking = deferred<"asked" | "offline">();
      asked.push(asking);
      return asking.promise;
    },
    gap: (gap) => gaps.push(gap),
  });
  return { clock, asked, gaps, log, claims };
}

describe("what others say to have read of a log", () => {
  it("is told to be withheld where it is not shown in time", async () => {
    const { clock, asked, gaps, claims } = fixture();
    claims.expect(group, 10);
    await clock.advance(GRACE_MS);
    asked[0]?.resolve("asked");
    await settled();
    expect(gaps).toEqual([{ group, revision: 10 }]);
  });

  it("has its own time if it is said while the relay is asked for what was said before", async () => {
    const { clock, asked, gaps, log, claims } = fixture();
    claims.expect(group, 10);
    await clock.advance(GRACE_MS);
    // The answer is on its way, and the log goes on behind it.
    claims.expect(group, 11);
    log.readSeq = 10;
    asked[0]?.resolve("asked");
    await settled();
    expect(gaps).toEqual([]);

    await clock.advance(GRACE_MS);
    asked[1]?.resolve("asked");
    await settled();
    expect(gaps).toEqual([{ group, revision: 11 }]);
  });

  it("is asked for again, all of it, once the relay can be", async () => {
    const { clock, asked, gaps, claims } = fixture();
    claims.expect(group, 10);
    await clock.advance(GRACE_MS);
    claims.expect(group, 11);
    asked[0]?.resolve("offline");
    await clock.advance(GRACE_MS);
    asked[1]?.resolve("asked");
    await settled();
    expect(gaps).toEqual([{ group, revision: 11 }]);
  });
});
