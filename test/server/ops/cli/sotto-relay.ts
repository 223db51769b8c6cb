/** Runs the real `sotto-relay`, or another command of the server, in processes of its own, as an operator would. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll } from "vitest";
import { program, ROOT } from "../../../support/programs/program.js";

/** What a finished command left. */
export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

/** How a command is run. Its environment is this process's without its `SOTTO_*`, plus `env`. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly input?: string;
  readonly entry?: "main.ts" | "start.ts" | "desk/main.ts";
}

const running = new Set<ChildProcess>();

function launch(args: readonly string[], { env = {}, cwd, entry = "main.ts" }: RunOptions): ChildProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("SOTTO_") && name !== "NODE_OPTIONS",
  );
  const child = spawn(process.execPath, [...program(`server/${entry}`), ...args], {
    cwd: ROOT,
    env: {
      ...Object.fromEntries(inherited),
      [entry === "desk/main.ts" ? "SOTTO_DESK_DATA_DIR" : "SOTTO_DATA_DIR"]: `${cwd}/data`,
      ...env,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Ends whatever a failed test left running. Call it once at the top of a test file. */
export function endsWhatItStarts(): void {
  afterAll(() => {
    for (const child of running) child.kill("SIGKILL");
  });
}

/** Runs a command to its end. */
export async function run(args: readonly string[], options: RunOptions): Promise<Finished> {
  const child = launch(args, options);
  const collected = collect(child);
  child.stdin?.end(options.input ?? "");
  const [code] = await once(child, "close");
  return { code, ...collected };
}

function collect(child: ChildProcess): { out: string; errors: string } {
  const collected = { out: "", errors: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    collected.out += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    collected.errors += text;
  });
  return collected;
}

/** A relay in a process of its own. */
export interface ServedRelay {
  readonly port: number;
  readonly output: { readonly out: string; readonly errors: string };
  signal(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): void;
  ended(): Promise<number | null>;
}

/** Starts a relay on a free port and resolves when it says that it listens. Rejects if it ends before that. */
export async function serve(options: RunOptions, args: readonly string[] = ["serve"]): Promise<ServedRelay> {
  const child = launch(args, { ...options, env: { SOTTO_PORT: "0", SOTTO_HOST: "127.0.0.1", ...options.env } });
  const output = collect(child);
  const ended = once(child, "close").then(([code]) => code as number | null);
  const port = await new Promise<number>((resolve, reject) => {
    const look = () => {
      const said = output.out.split("\n").find((line) => line.includes("listening") && line.includes("port"));
      const found = /"port":(\d+)|port=(\d+)/.exec(said ?? "");
      if (found !== null) resolve(Number(found[1] ?? found[2]));
    };
    child.stdout?.on("data", look);
    child.once("close", () => reject(new Error(`the relay did not start: ${output.out}${output.errors}`)));
  });
  return { port, output, signal: (signal) => void child.kill(signal), ended: () => ended };
}
