import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../sdk/node/clock.js";
import { runChild } from "./child.js";

const DAY_MS = 86_400_000;

describe("the system's clock", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("calls back once when the time has come, and never if cancelled", () => {
    const work = vi.fn();
    const cancelled = vi.fn();
    systemClock.after(1_000, work);
    systemClock.after(1_000, cancelled).cancel();
    vi.advanceTimersByTime(999);
    expect(work).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10_000);
    expect(work).toHaveBeenCalledTimes(1);
    expect(cancelled).not.toHaveBeenCalled();
  });

  test("waits longer than a timer of Node can", () => {
    const work = vi.fn();
    const cancelled = vi.fn();
    systemClock.after(60 * DAY_MS, work);
    const timer = systemClock.after(60 * DAY_MS, cancelled);
    vi.advanceTimersByTime(59 * DAY_MS);
    timer.cancel();
    expect(work).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2 * DAY_MS);
    expect(work).toHaveBeenCalledTimes(1);
    expect(cancelled).not.toHaveBeenCalled();
  });

  test("takes a moment in the past for now", () => {
    const work = vi.fn();
    systemClock.after(-5, work);
    vi.advanceTimersByTime(1);
    expect(work).toHaveBeenCalledTimes(1);
  });
});

test("a waiting timer does not keep a process alive", async () => {
  const child = runChild("./waiting.ts");
  expect(await child.ended).toEqual({ code: 0, signal: null });
  expect(child.lines).toEqual(["waiting"]);
});
