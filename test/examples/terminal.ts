/** The chat of `examples/`, as somebody in front of it uses it: reads what it shows, types lines. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Longer than anything takes on a busy machine. */
const PATIENCE_MS = 25_000;

/** One running chat, over pipes. */
export class Terminal {
  private output = "";
  private readonly readers = new Set<() => void>();

  private constructor(private readonly child: ChildProcess) {
    const collect = (chunk: Buffer) => {
      this.output += chunk.toString("utf8");
      this.wake();
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.once("close", () => this.wake());
  }

  /** Starts a chat in a folder. */
  static start(folder: string, args: readonly string[]): Terminal {
    const tsx = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
    const flags = ["--conditions=sotto-source", "--import", tsx, join(root, "examples/chat/main.ts"), ...args];
    return new Terminal(spawn(process.execPath, flags, { cwd: folder }));
  }

  /** What it showed. */
  get shown(): string {
    return this.output;
  }

  /** Resolves once it showed this. Rejects with what it showed instead if it ended, or did not in a long time. */
  async shows(words: string): Promise<void> {
    const tooLong = AbortSignal.timeout(PATIENCE_MS);
    tooLong.addEventListener("abort", () => this.wake());
    while (!this.output.includes(words)) {
      if (tooLong.aborted || this.child.exitCode !== null) throw new Error(`no "${words}" in:\n${this.output}`);
      await new Promise<void>((resolve) => {
        this.readers.add(resolve);
      });
    }
  }

  /** Types a line. */
  type(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** Leaves, and answers the exit code. */
  async quit(): Promise<number | null> {
    const closed = this.child.exitCode === null ? once(this.child, "close") : undefined;
    this.type("/quit");
    await closed;
    return this.child.exitCode;
  }

  /** Ends it if it still runs. */
  end(): void {
    if (this.child.exitCode === null) this.child.kill("SIGKILL");
  }

  private wake(): void {
    for (const look of this.readers) look();
    this.readers.clear();
  }
}
