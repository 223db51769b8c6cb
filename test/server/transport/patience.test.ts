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

  it("leaves no timer behind", () => {
    patience.wait();
    patience.end();
    expect(vi.getTimerCount()).toBe(0);
    patience.wait();
    expect(vi.getTimerCount()).toBe(0);
  });
});
