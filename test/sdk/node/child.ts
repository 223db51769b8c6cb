import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { program } from "../../support/programs/program.js";

/** A real Node process that runs a TypeScript file beside this one. */
export interface Child {
  readonly process: ChildProcess;
  /** Its whole lines of standard output so far. */
  readonly lines: readonly string[];
  /** Resolves once so many lines came, or it ended. */
  printed(count: number): Promise<void>;
  /** Resolves when it has ended and all its output is here. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts a file of this folder with arguments. Its errors appear on standard error. */
export function runChild(file: string, ...args: readonly string[]): Child {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [...program(path), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let unfinished = "";
  let over = false;
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (chunk: string) => {
    const parts = `${unfinished}${chunk}`.split("\n");
    unfinished = parts.pop() ?? "";
    lines.push(...parts);
    for (const check of waiting) check();
  });
  const ended: Child["ended"] = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      over = true;
      for (const check of waiting) check();
      resolve({ code, signal });
    });
  });
  const printed = (count: number) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (lines.length < count && !over) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { process: child, lines, printed, ended };
}
