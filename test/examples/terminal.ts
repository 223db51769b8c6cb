/** A program of `examples/`, as somebody in front of it uses it: reads what it shows, types lines. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { program } from "../support/programs/program.js";

/** Longer than anything takes on a busy machine. */
const PATIENCE_MS = 25_000;

/** How a program is started. */
interface Running {
  readonly folder: string;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** One running program, over pipes. */
export class Terminal {
  private output = "";
  private readonly readers = new Set<() => void>();
  /** Whether it ended, and all that it showed was read. */
  private isClosed = false;

  private constructor(private readonly child: ChildProcess) {
    const collect = (text: string) => {
      this.output += text;
      this.wake();
    };
    child.stdout?.setEncoding("utf8").on("data", collect);
    child.stderr?.setEncoding("utf8").on("data", collect);
    child.once("close", () => {
      this.isClosed = true;
      this.wake();
    });
  }

  /** Starts a chat in a folder. */
  static start(folder: string, args: readonly string[]): Terminal {
    return Terminal.run("chat/main.ts", { folder, args });
  }

  /** Starts any example in a folder. */
  static run(example: string, { folder, args = [], environment = {} }: Running): Terminal {
    const flags = [...program(`examples/${example}`), ...args];
    return new Terminal(spawn(process.execPath, flags, { cwd: folder, env: { ...process.env, ...environment } }));
  }

  /** What it showed. */
  get shown(): string {
    return this.output;
  }

  /** Resolves once it showed this. Rejects with what it showed instead if it ended, or did not in a long time. */
  async shows(words: string): Promise<void> {
    await this.showsOne([words], { from: 0, tooLong: this.patience() });
  }

  /** Types a line again and again until the answer is this one, and not the other one. Rejects as `shows`. */
  async answers(line: string, { words, not }: { readonly words: string; readonly not: string }): Promise<void> {
    const tooLong = this.patience();
    let answer = not;
    while (answer === not) {
      const from = this.output.length;
      this.type(line);
      answer = await this.showsOne([words, not], { from, tooLong });
    }
  }

  private async showsOne(
    words: readonly string[],
    { from, tooLong }: { readonly from: number; readonly tooLong: AbortSignal },
  ): Promise<string> {
    for (;;) {
      const shown = words.find((one) => this.output.includes(one, from));
      if (shown !== undefined) return shown;
      if (tooLong.aborted || this.isClosed)
        throw new Error(`no ${words.map((one) => `"${one}"`).join(" or ")} in:\n${this.output.slice(from)}`);
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

  /** Presses Ctrl-C, and answers the exit code. */
  async interrupt(): Promise<number | null> {
    const closed = this.child.exitCode === null ? once(this.child, "close") : undefined;
    this.child.kill("SIGINT");
    await closed;
    return this.child.exitCode;
  }

  /** Ends it if it still runs. */
  end(): void {
    if (this.child.exitCode === null) this.child.kill("SIGKILL");
  }

  private patience(): AbortSignal {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    signal.addEventListener("abort", () => this.wake());
    return signal;
  }

  private wake(): void {
    for (const look of this.readers) look();
    this.readers.clear();
  }
}
