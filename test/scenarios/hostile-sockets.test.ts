/** Sockets that take without giving: thousands that stay silent, and some that never read. Memory stays bounded. */

import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { loadUws } from "../../server/transport/load-uws.js";
import { connect, endClients, frame, RawPeer } from "../contract/transport/client-side.js";
import { said } from "../support/said.js";
import type { ClientsReport } from "./hostile-sockets-clients.js";
import { FLOOD_ME, type ServerReport } from "./hostile-sockets-server.js";

const IDLE_SOCKETS = 2_000;
const STUCK_SOCKETS = 20;
const BUSY_SOCKETS = 100;
const MIB = 1_048_576;

const children: ChildProcess[] = [];

function start(file: string, ...args: string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const execArgv = ["--conditions=sotto-source", "--import", "tsx", "--expose-gc"];
  // glibc then returns every large buffer to the system when it is freed, so that resident memory tells what is held.
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: "32768" };
  const child = fork(path, args, { execArgv, env });
  children.push(child);
  return child;
}

async function ask<Said>(child: ChildProcess): Promise<Said> {
  const answer = said<Said>(child);
  child.send("report");
  return answer;
}

afterEach(async () => {
  endClients();
  for (const child of children.splice(0)) {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
});

function tooFewFiles(needed: number): string | undefined {
  const limit = execFileSync("sh", ["-c", "ulimit -n"]).toString().trim();
  return limit === "unlimited" || Number(limit) >= needed
    ? undefined
    : `a process may open ${limit} files and needs ${needed}`;
}

const lookup = loadUws();
const transports = [
  { name: "uws", absent: lookup.kind === "absent" ? lookup.reason : undefined, idleBytes: 12_000 },
  { name: "portable", absent: undefined, idleBytes: 48_000 },
];

describe.each(transports)("hostile sockets on $name", ({ name, absent, idleBytes }) => {
  it(`keeps ${IDLE_SOCKETS} idle sockets open in bounded memory`, async ({ skip }) => {
    const reason = absent ?? tooFewFiles(IDLE_SOCKETS + 500);
    if (reason !== undefined) {
      console.log(`skipped on ${name}: ${reason}`);
      skip(reason);
    }
    const server = start("hostile-sockets-server.ts", name);
    const { port } = await said<{ port: number }>(server);
    const before = await ask<ServerReport>(server);
    const clients = start("hostile-sockets-clients.ts", String(port), String(IDLE_SOCKETS));
    expect(await said<ClientsReport>(clients)).toEqual({ open: IDLE_SOCKETS, echoed: 0 });
    const idle = await ask<ServerReport>(server);
    expect(idle).toMatchObject({ open: IDLE_SOCKETS, closed: 0 });
    const each = (idle.residentBytes - before.residentBytes) / IDLE_SOCKETS;
    console.log(`${name}: ${(each / 1_024).toFixed(1)} KiB of the process for each of ${IDLE_SOCKETS} idle sockets`);
    expect(each).toBeLessThan(idleBytes);
    // Every one of them still works.
    expect(await ask<ClientsReport>(clients)).toEqual({ open: IDLE_SOCKETS, echoed: IDLE_SOCKETS });
    clients.kill();
    await vi.waitFor(
      async () => expect(await ask<ServerReport>(server)).toMatchObject({ open: 0, closed: IDLE_SOCKETS }),
      { timeout: 30_000, interval: 500 },
    );
  }, 180_000);

  it(`closes ${STUCK_SOCKETS} that never read and frees their memory, while ${BUSY_SOCKETS} exchange traffic`, async ({
    skip,
  }) => {
    if (absent !== undefined) {
      console.log(`skipped on ${name}: ${absent}`);
      skip(absent);
    }
    const server = start("hostile-sockets-server.ts", name);
    const { port } = await said<{ port: number }>(server);
    const url = `ws://127.0.0.1:${port}/v1`;
    const busy = await Promise.all(Array.from({ length: BUSY_SOCKETS }, () => connect(url)));
    const before = await ask<ServerReport>(server);
    const stuck = await Promise.all(Array.from({ length: STUCK_SOCKETS }, () => RawPeer.upgraded(port)));
    for (const { socket } of stuck) {
      socket.pause();
      socket.write(frame(2, Uint8Array.of(FLOOD_ME)));
    }
    for (let round = 0; round < 100; round++) {
      for (const { socket } of busy) socket.send(Buffer.alloc(1_000, round % 200));
    }
    // Looked at from now on: what they hold is freed some time after they were closed, however long the traffic takes.
    let highest = 0;
    const look = async () => {
      const now = await ask<ServerReport>(server);
      highest = Math.max(highest, now.residentBytes);
      return now;
    };
    const looking = { timeout: 60_000, interval: 50 };
    await vi.waitFor(async () => {
      await look();
      expect(busy.every(({ messages }) => messages.length === 100)).toBe(true);
    }, looking);
    for (const { messages } of busy) expect(messages.map((message) => message[0])).toEqual(messages.map((_, at) => at));
    await vi.waitFor(
      async () => expect(await look()).toMatchObject({ open: BUSY_SOCKETS, closed: STUCK_SOCKETS }),
      looking,
    );
    const taken = highest - before.residentBytes;
    console.log(`${name}: ${(taken / MIB).toFixed(0)} MiB while ${STUCK_SOCKETS} sockets do not read 4 MiB each`);
    // 4 MiB of cap and a message for each, and as much again for an allocator that does not fit tightly.
    expect(taken).toBeLessThan(2 * STUCK_SOCKETS * 5 * MIB);
    // A closed socket whose peer still does not read is cut off after 16 s, and its memory is free.
    await vi.waitFor(
      async () => {
        const now = await ask<ServerReport>(server);
        expect(now.residentBytes - before.residentBytes).toBeLessThan(taken / 2);
      },
      { timeout: 60_000, interval: 500 },
    );
    expect(busy.every(({ socket }) => socket.readyState === socket.OPEN)).toBe(true);
  }, 240_000);
});
