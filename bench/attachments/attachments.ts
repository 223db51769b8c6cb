/** How fast attachments are uploaded and downloaded, and what the relay spends on them, beside a plain static server. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Bench, Field } from "../benches.js";
import type { Contender, Metrics } from "../compare.js";
import type { ServerProcess } from "../processes/server-process.js";
import { nodeFlags, ROOT, staticTarget } from "../targets.js";

/** One file of so many bytes, written before each run, so that it is in memory. */
const FILE_BYTES = 512 * 1_048_576;
const RAW = "WebCrypto and a plain static server";
const SOTTO_NAME = "sotto";

type Code = keyof typeof nodeFlags;

/** At least this share of the plain server's throughput. */
const SHARE = 0.7;

/** The bench of one large attachment. */
export function attachmentsBench(relay: Field["sotto"][number], code: Code): Bench {
  const transfer = (which: "upload" | "download") => ({
    name: `one ${which} of ${FILE_BYTES / 1_048_576} MiB`,
    reference: RAW,
    judgedBy: "ratio" as const,
    goals: [{ contender: SOTTO_NAME, metric: "mbPerSecond", bound: "atLeast" as const, value: SHARE }],
    contenders: [
      contender(RAW, which, () => staticTarget().start("outside"), ["raw-work.ts", code]),
      contender(SOTTO_NAME, which, () => relay.start("outside"), ["sotto-work.ts", code]),
    ],
  });
  return {
    steps: [transfer("upload"), transfer("download")],
    notes: [
      "The plain server is uWebSockets.js that writes one body into a file and hands it out again; its client seals and opens 64 KiB chunks with AES-256-GCM of WebCrypto, 16 at a time, in one request each way. Nothing of it is synced, checked, resumable or hashed.",
      "The relay syncs every 8 MiB before it answers, keeps a checksum of every 256 KiB and compares it before it hands anything out; the SDK hashes the file, makes its place durable before each part, and compares the digest at the end of a download.",
      "mbPerSecond is of the file's bytes, from the call to the end; clientCpuMsPerMb and serverCpuMsPerMb are user and system time of the whole processes, starting up not included. Client and server share the machine's cores. Each run is a fresh server on empty data and a fresh client.",
    ],
  };
}

function contender(
  name: string,
  which: "upload" | "download",
  start: () => Promise<ServerProcess>,
  program: readonly [string, Code],
): Contender {
  return {
    name,
    async run() {
      const folder = await mkdtemp(join(tmpdir(), "sotto-bench-"));
      const server = await start();
      try {
        const file = join(folder, "file");
        await writeFile(file);
        const [upload, download] = await work(program, server, [`${server.port}`, file, join(folder, "client")]);
        const measured = which === "upload" ? upload : download;
        if (measured === undefined) throw new Error(`${program[0]} did not finish`);
        return measured;
      } finally {
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** What a client prints after each transfer, with what the server spent meanwhile. */
async function work(
  [program, code]: readonly [string, Code],
  server: ServerProcess,
  args: readonly string[],
): Promise<readonly Metrics[]> {
  const child = spawn(process.execPath, [...nodeFlags[code], join(ROOT, "bench/attachments", program), ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const results: Metrics[] = [];
  let spent = await server.cpuSeconds();
  for await (const line of createInterface({ input: child.stdout })) {
    const now = await server.cpuSeconds();
    const serverCpuMsPerMb = ((now - spent) * 1_000) / (FILE_BYTES / 1e6);
    results.push({ ...(JSON.parse(line) as Metrics), serverCpuMsPerMb });
    spent = now;
  }
  const [status] = await ended;
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
  return results;
}

/** Bytes that nothing compresses, the same pattern over and over. */
async function writeFile(path: string): Promise<void> {
  const block = crypto.getRandomValues(new Uint8Array(65_536));
  const megabyte = Buffer.concat(Array.from({ length: 16 }, () => block));
  const file = await open(path, "w");
  for (let at = 0; at < FILE_BYTES; at += megabyte.length) await file.write(megabyte);
  await file.sync();
  await file.close();
}
