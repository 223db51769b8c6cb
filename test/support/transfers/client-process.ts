/** A client in a process of its own, over any number of lives on one store. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { program } from "../programs/program.js";
import type { FromClient, ToClient, TransferLife } from "./lines.js";

const CHILD = fileURLToPath(new URL("./transfer-child.ts", import.meta.url));
const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));

/** Hears what a client tells; `gone` when its process is, and everything it told was heard. */
export interface ClientHears {
  told(line: FromClient): void;
  gone(how: string): void;
}

/** One client. */
export class ClientProcess {
  private child: ChildProcess | undefined;
  /** Settles when its present life is over and everything it told was heard. */
  gone: Promise<void> = Promise.resolve();

  constructor(
    private readonly life: TransferLife,
    private readonly hears: ClientHears,
  ) {}

  /** Begins a life; it is `ready` later. */
  start(): void {
    const child = spawn(process.execPath, ["--expose-gc", ...program(CHILD), JSON.stringify(this.life)], {
      cwd: REPOSITORY,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.child = child;
    // Who is killed does not read what it is told.
    child.stdin.on("error", () => undefined);
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = lineOf(text);
      if (line !== undefined) this.hears.told(line);
    });
    this.gone = once(child, "close").then(([code, signal]) => this.hears.gone(signal ?? `exit ${code}`));
  }

  /** Tells it something. */
  tell(line: ToClient): void {
    this.child?.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /** `kill -9`; resolves once everything it told was heard. Idempotent. */
  async kill(): Promise<void> {
    this.child?.kill("SIGKILL");
    await this.gone;
  }
}

/** A line, but for the half of one that a kill leaves behind. */
function lineOf(text: string): FromClient | undefined {
  try {
    return JSON.parse(text) as FromClient;
  } catch {
    return undefined;
  }
}
