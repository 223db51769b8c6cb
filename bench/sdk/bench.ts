/** The SDK's cost of a 1:1 message beside libsignal's own sealed sender with one LevelDB commit. */

import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Bench } from "../benches.js";
import type { Metrics } from "../compare.js";
import { nodeFlags, ROOT, type Target } from "../targets.js";
import type { Cost } from "./cost.js";
import type { ClientReport } from "./order.js";

const BASELINE = "libsignal sealed sender + one commit";
const SDK = "@sotto/sdk";

/** Both sides of one message. */
interface Costs {
  readonly sending: Cost;
  readonly receiving: Cost;
}

/** Over which relay, how many messages, and which form of the SDK. */
export interface SdkBenchOptions {
  readonly relay: Target | undefined;
  readonly messages: number;
  readonly code: "source" | "built";
}

/** The bench, over a relay that carries the SDK's messages; without one, the baseline alone. */
export function sdkBench({ relay, messages, code }: SdkBenchOptions): Bench {
  const baseline = { name: BASELINE, run: async () => metricsOf(await runBaseline(messages)) };
  const sdk = relay && { name: SDK, run: async () => metricsOf(await runClients(relay, { messages, code })) };
  return {
    steps: [
      {
        name: `1:1, ${messages.toLocaleString("en")} messages one way, 200 bytes of text`,
        reference: BASELINE,
        judgedBy: "ratio",
        goals: [{ contender: SDK, metric: "bothCpuMicros", bound: "atMost", value: 1.5 }],
        contenders: sdk === undefined ? [baseline] : [baseline, sdk],
      },
    ],
    notes: [
      "CPU is user and system time of the client's whole process. The SDK's includes its socket, its receipts, its encryption at rest and its outbox; the baseline's is only libsignal on memory stores and one synced LevelDB batch a message.",
      "The baseline works one message after the other, so its wall time holds a whole fsync for each; the SDK has 32 sends under way and may share commits.",
    ],
  };
}

function metricsOf({ sending, receiving }: Costs): Metrics {
  return {
    sendCpuMicros: sending.cpuMicrosPerMessage,
    receiveCpuMicros: receiving.cpuMicrosPerMessage,
    bothCpuMicros: sending.cpuMicrosPerMessage + receiving.cpuMicrosPerMessage,
    sendWallMicros: sending.wallMicrosPerMessage,
    receiveWallMicros: receiving.wallMicrosPerMessage,
  };
}

async function runBaseline(messages: number): Promise<Costs> {
  const program = join(ROOT, "bench/sdk/baseline.ts");
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [...nodeFlags.source, program, "--messages", String(messages)], {
    cwd: ROOT,
  });
  return JSON.parse(stdout) as Costs;
}

async function runClients(relay: Target, { messages, code }: Omit<SdkBenchOptions, "relay">): Promise<Costs> {
  const server = await relay.start("outside");
  const folder = await mkdtemp(join(tmpdir(), "sotto-bench-sdk-"));
  const start = (as: string, to: string) =>
    fork(
      join(ROOT, "bench/sdk/client.ts"),
      Object.entries({
        as,
        to,
        relay: `http://127.0.0.1:${server.port}`,
        folder: join(folder, as),
        messages: String(messages),
      }).map(([name, value]) => `--${name}=${value}`),
      { execArgv: [...nodeFlags[code]] },
    );
  const alice = start("alice", "bob");
  const bob = start("bob", "alice");
  try {
    await Promise.all([heard(alice, "ready"), heard(bob, "ready")]);
    const sending = heard(alice, "cost");
    const receiving = heard(bob, "cost");
    const asked = heard(alice, "asked");
    alice.send("ask");
    await asked;
    bob.send("accept");
    const [sent, received] = await Promise.all([sending, receiving]);
    return { sending: sent.cost, receiving: received.cost };
  } finally {
    await Promise.all([end(alice), end(bob)]);
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The next report of a kind, or the reason why there will be none. */
function heard<Kind extends ClientReport["kind"]>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<ClientReport, { kind: Kind }>> {
  const isWanted = (report: ClientReport): report is Extract<ClientReport, { kind: Kind }> => report.kind === kind;
  return new Promise((resolve, reject) => {
    child.on("message", (report: ClientReport) => {
      if (isWanted(report)) resolve(report);
    });
    child.once("exit", (code, signal) => reject(new Error(`a client ended (${code ?? signal})`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
