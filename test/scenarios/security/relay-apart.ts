/** A relay in a process of its own, as an operator runs it, so that its memory, log and data can be looked at from outside. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../support/free-port.js";
import { program } from "../../support/programs/program.js";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));

/** A running relay. */
export class RelayApart {
  private constructor(
    private readonly child: ChildProcess,
    /** Where clients connect. */
    readonly url: string,
    /** Everything it keeps lies below it. */
    readonly dataDir: string,
    private readonly output: { text: string },
  ) {}

  /**
   * Starts a development relay on a free port at its most talkative log level. `settings` are `SOTTO_*` names without the
   * prefix.
   */
  static async start(folder: string, settings: Readonly<Record<string, string>> = {}): Promise<RelayApart> {
    const port = await freePort();
    const dataDir = join(folder, "relay");
    const own = { PORT: String(port), DATA_DIR: dataDir, DEVELOPMENT: "true", LOG_LEVEL: "info", LOG_FORMAT: "json" };
    const sotto = Object.entries({ ...own, ...settings }).map(([name, value]) => [`SOTTO_${name}`, value]);
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("SOTTO_"));
    const child = spawn(
      process.execPath,
      ["--expose-gc", ...program("server/main.ts"), "serve"],
      // glibc then returns every large buffer to the system when it is freed, so that resident memory tells what is held.
      {
        cwd: REPOSITORY,
        env: { ...Object.fromEntries(inherited), ...Object.fromEntries(sotto), MALLOC_MMAP_THRESHOLD_: "32768" },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const output = { text: "" };
    await new Promise<void>((resolve, reject) => {
      const take = (chunk: Buffer) => {
        output.text += chunk.toString();
        if (/"event":"listening"/.test(output.text)) resolve();
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      child.once("close", () => reject(new Error(`the relay ended before it listened:\n${output.text}`)));
    });
    return new RelayApart(child, `http://localhost:${port}`, dataDir, output);
  }

  /** Its process id. */
  get pid(): number {
    if (this.child.pid === undefined) throw new Error("the relay never ran");
    return this.child.pid;
  }

  /** Everything it wrote, on both streams. */
  get log(): string {
    return this.output.text;
  }

  /** Bytes of memory the process holds now. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
  }

  /** The answer of one of its pages. */
  async page(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const answer = await fetch(this.url + path);
    return { status: answer.status, body: await answer.text() };
  }

  /** Ends it as a service manager does, and waits. Idempotent. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = once(this.child, "close");
    this.child.kill("SIGTERM");
    await closed;
  }
}
