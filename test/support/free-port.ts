/** Ports for servers that must be known beforehand, or come back to where they were. */

import { createServer } from "node:net";

/**
 * Below what systems choose from when somebody connects, or listens on "any" port (Linux from 32768, others from 49152): no socket of
 * another test is given one of these while its relay is away.
 */
const FIRST = 10_000;
const LAST = 32_000;
/** Ports of one worker, and workers of one run; every worker has its own, every run nearly always. */
const PORTS = 16;
const WORKERS = 8;
const RUNS = Math.floor((LAST - FIRST) / (PORTS * WORKERS));

/** What runs outside of the test runner is a run of its own. */
const worker = Number(process.env.VITEST_POOL_ID ?? 0) % WORKERS;
const run = (worker === 0 ? process.pid : process.ppid) % RUNS;
const base = FIRST + (run * WORKERS + worker) * PORTS;
let next = 0;

/**
 * A port nobody listens on, and that is not given again before 15 others were. A port of the system's choice would not do: it may be
 * another's a moment later, and uWebSockets.js comes back at once to named ports only.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PORTS; tried++) {
    const port = base + next;
    next = (next + 1) % PORTS;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${base} to ${base + PORTS - 1} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, () => probe.close(() => resolve(true)));
  });
}
