import { EventEmitter, once } from "node:events";
import { describe, expect, it } from "vitest";
import { stopOnSignals } from "../../../server/ops/shutdown.js";
import { collectedLog } from "./collected-log.js";
import { steppedClock } from "./stepped-clock.js";

function stoppable(close: () => Promise<void>) {
  const signals = new EventEmitter();
  const exits = new EventEmitter();
  const codes: number[] = [];
  const clock = steppedClock();
  const log = collectedLog();
  const exit = (code: number) => {
    codes.push(code);
    exits.emit("exit", code);
  };
  stopOnSignals({ signals, clock, log, close, exit });
  return { signals, codes, clock, log, exited: () => once(exits, "exit") };
}

const never = () => new Promise<void>(() => undefined);

describe("a signal", () => {
  it.each(["SIGTERM", "SIGINT"])("%s closes, then exits with 0", async (signal) => {
    let closed = 0;
    const { signals, exited } = stoppable(async () => {
      closed += 1;
    });
    const exit = exited();
    signals.emit(signal);
    expect(await exit).toEqual([0]);
    expect(closed).toBe(1);
  });

  it("exits with 1 and says why when closing fails", async () => {
    const { signals, exited, log } = stoppable(() => Promise.reject(new Error("disk")));
    const exit = exited();
    signals.emit("SIGTERM");
    expect(await exit).toEqual([1]);
    expect(log.lines.at(-1)?.event).toBe("stopFailed");
  });

  it("that comes again exits with 1 at once", () => {
    const { signals, codes, clock } = stoppable(never);
    signals.emit("SIGTERM");
    clock.step(2_000);
    signals.emit("SIGINT");
    expect(codes).toEqual([1]);
  });

  it("that npm repeats at the same moment counts once", () => {
    const { signals, codes, clock } = stoppable(never);
    signals.emit("SIGINT");
    clock.step(50);
    signals.emit("SIGINT");
    expect(codes).toEqual([]);
  });
});
