/** The load generator processes of one run. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DialectName, Drained, Measured, Order, Report, Workload } from "../load/orders.js";
import { nodeFlags } from "../targets.js";

const PROGRAM = fileURLToPath(new URL("../load/generator.ts", import.meta.url));

/** Prepared generators. Every method speaks to all of them. */
export interface Generators {
  start(): void;
  mark(): void;
  /** For workloads of pairs. */
  end(): Promise<readonly Measured[]>;
  /** For a drain: starts it and answers how it went. */
  drain(): Promise<readonly Drained[]>;
  /** For idle connections: opens them. */
  connect(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts one generator for each workload and waits until every one is ready.
 *
 * @throws Error as soon as one of them fails, now or in a later call.
 */
export async function startGenerators(
  { port, dialect }: { readonly port: number; readonly dialect: DialectName },
  workloads: readonly Workload[],
): Promise<Generators> {
  const children = workloads.map(() => fork(PROGRAM, { execArgv: [...nodeFlags.source] }));
  const broken = Promise.race(children.map(failure));
  // Awaited beside every wait below; between them nobody listens.
  broken.catch(() => undefined);
  const stop = async () => {
    await Promise.all(children.map(end));
  };
  const order = (message: Order) => {
    for (const child of children) child.send(message);
  };
  const all = <Kind extends Report["kind"]>(kind: Kind) =>
    Promise.race([Promise.all(children.map((child) => nextReport(child, kind))), broken]);
  try {
    const ready = all("ready");
    for (const [generator, workload] of workloads.entries()) {
      children[generator]?.send({ kind: "prepare", dialect, port, generator, workload } satisfies Order);
    }
    await ready;
  } catch (cause) {
    await stop();
    throw cause;
  }
  return {
    start: () => order({ kind: "start" }),
    mark: () => order({ kind: "mark" }),
    async end() {
      const reports = all("measured");
      order({ kind: "end" });
      return (await reports).map(({ measured }) => measured);
    },
    async drain() {
      const reports = all("drained");
      order({ kind: "start" });
      return (await reports).map(({ drained }) => drained);
    },
    async connect() {
      const ready = all("ready");
      order({ kind: "start" });
      await ready;
    },
    stop,
  };
}

/** The next report of a kind. */
function nextReport<Kind extends Report["kind"]>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<Report, { kind: Kind }>> {
  const isWanted = (report: Report): report is Extract<Report, { kind: Kind }> => report.kind === kind;
  return new Promise((resolve) => {
    const heard = (report: Report) => {
      if (!isWanted(report)) return;
      child.off("message", heard);
      resolve(report);
    };
    child.on("message", heard);
  });
}

/** Rejects when a generator reports a failure or ends. */
function failure(child: ChildProcess): Promise<never> {
  return new Promise((_, reject) => {
    child.on("message", (report: Report) => {
      if (report.kind === "failed") reject(new Error(report.reason));
    });
    child.once("exit", (code, signal) => reject(new Error(`a generator ended (${code ?? signal})`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
