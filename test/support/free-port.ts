/** Ports for servers that must be known beforehand, or come back to where they were. */

import { createServer } from "node:net";

/**
 * Below what systems choose from when somebody connects, or listens on "any" port (Linux from 32768, others from 49152): no socket of
 * another test is given one of these while its relay is away.
 */
const FIRST = 10_000;
const LAST = 32_000;
/** Ports of one range: a guard, which says whose the range is as long as its process lives, and those that are given. */
const PORTS = 16;
const RANGES = Math.floor((LAST - FIRST) / PORTS);

let mine: Promise<number> | undefined;
let next = 0;

/**
 * A port nobody listens on, and that is not given again before 14 others were. A port of the system's choice would not do: it may be
 * another's a moment later, and uWebSockets.js comes back at once to named ports only.
 */
export async function freePort(): Promise<number> {
  mine ??= claimedRange();
  const guard = await mine;
  for (let tried = 1; tried < PORTS; tried++) {
    const port = guard + 1 + next;
    next = (next + 1) % (PORTS - 1);
    if (await listens(port, "for a moment")) return port;
  }
  throw new Error(`no port from ${guard + 1} to ${guard + PORTS - 1} is free`);
}

/** A range that no other process of this or of another run has. */
async function claimedRange(): Promise<number> {
  for (let tried = 0; tried < RANGES; tried++) {
    const guard = FIRST + ((process.pid + tried) % RANGES) * PORTS;
    if (await listens(guard, "until this process ends")) return guard;
  }
  throw new Error(`every range of ports from ${FIRST} to ${LAST} is claimed`);
}

/** Whether somebody could listen on a port. */
function listens(port: number, howLong: "for a moment" | "until this process ends"): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(false));
    server.listen(port, () => {
      if (howLong === "for a moment") server.close(() => resolve(true));
      else {
        server.unref();
        resolve(true);
      }
    });
  });
}
