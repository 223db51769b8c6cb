import { describe, expect, it } from "vitest";
import { Heartbeat } from "../../../../sdk/core/link/heartbeat.js";
import { type ManualClock, manualClock } from "./manual-clock.js";

function watched(): { clock: ManualClock; beat: Heartbeat; pings: number[]; deaths: string[] } {
  const clock = manualClock(0);
  const pings: number[] = [];
  const deaths: string[] = [];
  const beat: Heartbeat = new Heartbeat({
    clock,
    ping: () => {
      pings.push(clock.now());
      beat.sent();
    },
    dead: (why) => deaths.push(why),
  });
  return { clock, beat, pings, deaths };
}

describe("the heartbeat", () => {
  it("pings within 30 s of own silence, again and again while it is answered", async () => {
    const { clock, beat, pings, deaths } = watched();
    for (let round = 1; round <= 5; round++) {
      await clock.advance(30_000);
      expect(pings).toHaveLength(round);
      beat.heard();
      beat.answered();
    }
    expect(deaths).toEqual([]);
  });

  it("does not ping while something else is sent", async () => {
    const { clock, beat, pings } = watched();
    for (let round = 0; round < 10; round++) {
      await clock.advance(20_000);
      beat.sent();
      beat.heard();
    }
    expect(pings).toEqual([]);
  });

  it("gives up a relay that never answers a heartbeat, once", async () => {
    const { clock, deaths } = watched();
    await clock.advance(75_000);
    expect(deaths).toHaveLength(1);
    await clock.advance(300_000);
    expect(deaths).toHaveLength(1);
    expect(clock.planned).toBe(0);
  });

  it("gives up a relay that talks but answers no heartbeat", async () => {
    const { clock, beat, deaths } = watched();
    for (let round = 0; round < 70; round++) {
      await clock.advance(1_000);
      beat.heard();
    }
    expect(deaths).toHaveLength(1);
  });

  it("gives up a silent relay within 75 s although we go on sending", async () => {
    const { clock, beat, deaths } = watched();
    for (let round = 0; round < 74; round++) {
      await clock.advance(1_000);
      beat.sent();
    }
    expect(deaths).toEqual([]);
    await clock.advance(1_000);
    expect(deaths).toHaveLength(1);
  });

  it("probes a suspect and gives it up unless it says something in time", async () => {
    const { clock, beat, pings, deaths } = watched();
    beat.suspect();
    beat.suspect();
    expect(pings).toHaveLength(1);
    await clock.advance(9_999);
    beat.heard();
    beat.answered();
    await clock.advance(10_000);
    expect(deaths).toEqual([]);
    beat.suspect();
    await clock.advance(10_000);
    expect(deaths).toHaveLength(1);
  });

  it("survives a clock that is set back or forward, and checks the relay after a leap", async () => {
    const { clock, beat, pings, deaths } = watched();
    clock.setNow(-86_400_000);
    await clock.advance(30_000);
    expect(pings).toHaveLength(1);
    beat.heard();
    beat.answered();
    clock.setNow(86_400_000);
    await clock.advance(5_000);
    expect(pings).toHaveLength(2);
    beat.heard();
    await clock.advance(15_000);
    expect(deaths).toEqual([]);
  });

  it("tells the moment between ping and pong, and none without a ping", async () => {
    const { clock, beat } = watched();
    expect(beat.answered()).toBeUndefined();
    beat.suspect();
    await clock.advance(2_000);
    expect(beat.answered()).toBe(1_000);
    expect(beat.answered()).toBeUndefined();
  });

  it("does nothing after it was stopped", async () => {
    const { clock, beat, pings, deaths } = watched();
    beat.stop();
    beat.suspect();
    await clock.advance(600_000);
    expect([pings, deaths]).toEqual([[], []]);
  });
});
