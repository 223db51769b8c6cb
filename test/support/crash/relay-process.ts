/** A relay in a process of its own, as an operator runs it, that can be killed and started again on its data. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort } from "../free-port.js";
import { program } from "../programs/program.js";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
/** How much of a relay's output an error shows. */
const SHOWN_LINES = 20;

/** `sotto-relay serve` on one port and one data folder, over any number of lives. */
export class RelayProcess {
  private child: ChildProcess | undefined;
  private lines: string[] = [];
  private root = "";

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly entry: readonly string[],
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /**
   * Starts a development relay with its data in a folder. `entry` is the program and its arguments, for a test that needs
   * another than the product's; `settings` are `SOTTO_*` names without the prefix.
   */
  static async start(
    folder: string,
    entry: readonly string[] = ["server/main.ts", "serve"],
    settings: Readonly<Record<string, string>> = {},
  ): Promise<RelayProcess> {
    const relay = new RelayProcess(folder, await freePort(), entry, settings);
    await relay.restart();
    return relay;
  }

  /** Where clients connect; the same in every life. */
  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** What clients pin; the same in every life. */
  get rootFingerprint(): string {
    return this.root;
  }

  /** Starts it again after `kill`; resolves once it takes connections. */
  async restart(): Promise<void> {
    const child = spawn(process.execPath, [...program(this.entry[0] ?? ""), ...this.entry.slice(1)], {
      cwd: REPOSITORY,
      env: {
        ...process.env,
        SOTTO_PORT: String(this.port),
        SOTTO_DATA_DIR: join(this.folder, "relay"),
        SOTTO_DEVELOPMENT: "true",
        SOTTO_LIMITER_SCALE: "1000",
        SOTTO_MAILBOX_ENVELOPES: "100000",
        SOTTO_MAILBOX_BYTES: "1GiB",
        SOTTO_LOG_LEVEL: "info",
        SOTTO_LOG_FORMAT: "json",
        ...Object.fromEntries(Object.entries(this.settings).map(([name, value]) => [`SOTTO_${name}`, value])),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    this.lines = [];
    await new Promise<void>((resolve, reject) => {
      const take = (line: string) => {
        this.lines = [...this.lines.slice(1 - SHOWN_LINES), line];
        const fingerprint = /"fingerprint":"(sha256:[0-9a-f]+)".*"event":"listening"/.exec(line)?.[1];
        if (fingerprint === undefined) return;
        this.root = fingerprint;
        resolve();
      };
      createInterface({ input: child.stdout }).on("line", take);
      createInterface({ input: child.stderr }).on("line", take);
      child.once("error", reject);
      child.once("close", () => reject(new Error(`the relay ended before it listened:\n${this.lines.join("\n")}`)));
    });
  }

  /** `kill -9`; resolves when the process is gone. Idempotent. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** The id of the process in its present life. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** The last lines it printed. */
  get lastWords(): string {
    return this.lines.join("\n");
  }
}
