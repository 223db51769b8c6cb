/** A server under test in a process of its own: started fresh, measured from outside, stopped by pid. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

/** The kernel's unit of process times (`getconf CLK_TCK`; 100 on every Linux we know). */
const TICKS_PER_SECOND = 100;
const START_MS = 30_000;
/** How much of a failed server's output is shown: its end. */
const SHOWN_OUTPUT = 4_000;

/** How to start one. */
export interface ServerCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The port it listens on, once it is ready: read from a line it prints, or asked for from outside. */
  readonly ready: { readonly kind: "printsPort" } | { readonly kind: "health"; readonly port: number };
  /** Opens a channel for `bench/idle/collect.ts`. */
  readonly channel: "ipc" | "none";
}

/** A running server. */
export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  /** User and system time spent so far, in seconds, all threads. */
  cpuSeconds(): Promise<number>;
  /** Resident memory after a full garbage collection, where the channel is open. */
  settledMemory(): Promise<{ readonly residentBytes: number; readonly heapBytes: number }>;
  /** Asks the server to end and waits until it has, so that all it was told is on disk. */
  shutDown(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a server and waits until it is ready.
 *
 * @throws Error with its output if it ends or is not ready in time.
 */
export async function startServer(server: ServerCommand): Promise<ServerProcess> {
  const child = spawn(server.command, server.arguments, {
    cwd: server.cwd,
    env: { ...process.env, ...server.environment },
    stdio: ["ignore", "pipe", "pipe", ...(server.channel === "ipc" ? (["ipc"] as const) : [])],
  });
  let output = "";
  let isShutDown = false;
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-SHOWN_OUTPUT);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${server.command}`);
  const abort = new AbortController();
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`the server ended (${code ?? signal}):\n${output}`);
  });
  ended.catch(() => undefined);
  const late = setTimeout(() => abort.abort(new Error(`the server was not ready in time:\n${output}`)), START_MS);
  try {
    const port = await Promise.race([
      server.ready.kind === "printsPort" ? printedPort(child) : healthyPort(server.ready.port, abort.signal),
      ended,
    ]);
    return {
      pid,
      port,
      cpuSeconds: () => cpuSeconds(pid),
      settledMemory: () => settledMemory(child, pid),
      async shutDown() {
        isShutDown = true;
        const exited = once(child, "exit");
        child.kill("SIGTERM");
        await exited;
      },
      async stop() {
        // Whoever measured it saw only a closed socket.
        if (hasEnded(child) && !isShutDown) console.error(`The server had ended by itself:\n${output}`);
        await stop(child);
      },
    };
  } catch (cause) {
    await stop(child);
    throw cause;
  } finally {
    clearTimeout(late);
  }
}

async function printedPort(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error("the server's output is not read");
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^\{"port":(\d+)\}$/.exec(line)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error("the server printed no port");
}

async function healthyPort(port: number, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal }).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return port;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // Fields 14 and 15 of proc(5); the second field is a name in parentheses that may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function settledMemory(child: ChildProcess, pid: number) {
  child.send("collect");
  const [heapBytes] = (await once(child, "message")) as [number];
  // `smaps_rollup` counts pages; the figure in `status` lags by some for each thread.
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const residentKb = /^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1];
  return { residentBytes: Number(residentKb) * 1_024, heapBytes };
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
