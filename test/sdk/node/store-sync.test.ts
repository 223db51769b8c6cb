import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { program } from "../../support/programs/program.js";
import { freshFolder } from "./folder.js";

const COMMITS = 20;

/** Whether system calls can be watched here: needs `strace` and the right to trace. */
const canTrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
if (!canTrace) process.stderr.write("not run: strace cannot watch system calls here\n");

/** The system calls that matter, in the order they began: syncs of a database's log, and printed commit numbers. */
function traced(folder: string): readonly string[] {
  const writer = fileURLToPath(new URL("./sequential-writer.ts", import.meta.url));
  const node = [process.execPath, ...program(writer), folder, String(COMMITS)];
  const watch = ["-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,write", "-e", "signal=none"];
  const { stderr, status } = spawnSync("strace", [...watch, ...node], { encoding: "utf8", maxBuffer: 268_435_456 });
  expect(status).toBe(0);
  return stderr.split("\n").flatMap((line) => {
    if (/(fsync|fdatasync)\(\d+<[^>]*\/db\/\d+\.log>/.test(line)) return ["sync"];
    const number = /write\(1<[^>]*>, "(\d+)\\n"/.exec(line)?.[1];
    return number === undefined ? [] : [`durable ${number}`];
  });
}

// Killing a process does not show this: only a power loss drops what was written and not synced.
test.runIf(canTrace)(
  "every commit is synced to the disk before it is called durable",
  async () => {
    const calls = traced(await freshFolder());
    const syncsSince = Array.from({ length: COMMITS }, (_, number) => {
      const before = number === 0 ? 0 : calls.indexOf(`durable ${number - 1}`);
      return calls.slice(before, calls.indexOf(`durable ${number}`)).filter((call) => call === "sync").length;
    });
    expect(calls.filter((call) => call.startsWith("durable"))).toHaveLength(COMMITS);
    expect(Math.min(...syncsSince)).toBeGreaterThanOrEqual(1);
  },
  120_000,
);
