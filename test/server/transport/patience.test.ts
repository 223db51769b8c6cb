import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Patience } from "../../../server/transport/patience.js";

const bounds = { stallMs: 30_000, minBytesPerSecond: 1_024 };

describe("patience with a peer", () => {
  let spent = 0;
  let patience = new Patience(bounds, () => {});

  beforeEach(() => {
    vi.useFakeTimers();
    spent = 0;
    patience = new Patience(bounds, () => {
      spent += 1;
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("ends once, after as long as a peer may be silent", () => {
    patience.wait();
    vi.advanceTimersByTime(29_990);
    expect(spent).toBe(0);
    vi.advanceTimersByTime(20);
    expect(spent).toBe(1);
    patience.wait();
    vi.advanceTimersByTime(1_000_000);
    expect(spent).toBe(1);
  });

  it("does not run while the peer is not waited for", () => {
    for (let turn = 0; turn < 10; turn++) {
      patience.wait();
      vi.advanceTimersByTime(2_900);
      patience.rest();
      vi.advanceTimersByTime(1_000_000);
    }
    expect(spent).toBe(0);
    patience.wait();
    vi.advanceTimersByTime(1_010);
    expect(spent).toBe(1);
  });

  it("ends for a peer that sends a byte just before the end of it, again and again", () => {
    patience.wait();
    for (let turn = 0; turn < 3 && spent === 0; turn++) {
      vi.advanceTimersByTime(29_000);
      patience.moved(1);
    }
    expect(spent).toBe(1);
  });

  it("lasts for a peer that keeps to the slowest rate, and not for one below it", () => {
    patience.wait();
    for (let turn = 0; turn < 1_000; turn++) {
      vi.advanceTimersByTime(1_000);
      patience.moved(1_024);
    }
    expect(spent).toBe(0);
    let slowMs = 0;
    for (; spent === 0; slowMs += 1_000) {
      vi.advanceTimersByTime(1_000);
      patience.moved(512);
    }
    expect(slowMs).toBeGreaterThan(55_000);
    expect(slowMs).toBeLessThan(65_000);
  });

  it("cannot be saved up", () => {
    patience.wait();
    patience.moved(1_000_000_000);
    vi.advanceTimersByTime(29_990);
    expect(spent).toBe(0);
    vi.advanceTimersByTime(30);
    expect(spent).toBe(1);
  });

  describe("while this process stands still", () => {
    let stillMs = 0;

    beforeEach(() => {
      stillMs = 0;
      const { now } = performance;
      vi.spyOn(performance, "now").mockImplementation(() => now.call(performance) + stillMs);
    });
    afterEach(() => {
      vi.restoreAllMocks();
    });

    /** Nothing is read and no timer fires for so long; then what is due fires, and what came is read in the same turn. */
    function standStill(ms: number, cameBytes: number): void {
      stillMs += ms;
      setTimeout(() => patience.moved(cameBytes), 30_000);
      // Mocked time counts the turn behind a timer as a millisecond.
      vi.advanceTimersByTime(30_001);
    }

    it("lasts for a peer whose bytes lay unread meanwhile, however long that was", () => {
      patience.wait();
      standStill(600_000, 1_024);
      expect(spent).toBe(0);
      vi.advanceTimersByTime(990);
      expect(spent).toBe(0);
      vi.advanceTimersByTime(20);
      expect(spent).toBe(1);
    });

    it("ends for one of whom nothing had come, whatever fractions of a millisecond the clock counts", () => {
      for (let at = 0; at < 50; at++) {
        stillMs = at / 7;
        const waited = new Patience(bounds, () => {
          spent += 1;
        });
        waited.wait();
        stillMs += 600_000;
        vi.advanceTimersByTime(30_010);
        expect(spent).toBe(at + 1);
      }
    });

    it("takes nothing for that from what came, also if it stands still once more before it has read that", () => {
      for (const isTaken of [false, true]) {
        const before = spent;
        const waited = new Patience(bounds, () => {
          spent += 1;
        });
        waited.wait();
        setTimeout(() => {
          stillMs += 600_000;
          waited.moved(1_024);
          if (isTaken) waited.rest();
          if (isTaken) waited.wait();
        }, 30_000);
        vi.advanceTimersByTime(30_990);
        expect(spent).toBe(before);
        vi.advanceTimersByTime(20);
        expect(spent).toBe(before + 1);
      }
    });

    it("does not end between the timer and what is read then, if nobody waits or it is over", () => {
      patience.wait();
      setTimeout(() => patience.rest(), 30_000);
      vi.advanceTimersByTime(30_010);
      expect(spent).toBe(0);
      patience.wait();
      setTimeout(() => patience.end(), 0);
      vi.advanceTimersByTime(1_000);
      expect(spent).toBe(0);
    });
  });

  it("leaves no timer behind", () => {
    const others = vi.getTimerCount();
    patience.wait();
    patience.end();
    expect(vi.getTimerCount()).toBe(others);
    patience.wait();
    expect(vi.getTimerCount()).toBe(others);
    const late = new Patience({ ...bounds, stallMs: 0 }, () => {});
    late.wait();
    vi.advanceTimersToNextTimer();
    late.end();
    expect(vi.getTimerCount()).toBe(others);
  });
});
