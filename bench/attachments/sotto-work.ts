/**
 * Uploads a file with the SDK and downloads it again. Prints two lines of JSON, as `raw-work.ts` does.
 *
 *   sotto-work.ts <port> <file> <folder of the client's store>
 */

import { statSync } from "node:fs";
import { createClient, levelStore } from "@sotto/sdk/node";

const [port, path, folder] = process.argv.slice(2);
if (path === undefined || folder === undefined) throw new Error("sotto-work.ts <port> <file> <folder>");
const size = statSync(path).size;
const relay = `http://127.0.0.1:${port}`;
const client = await createClient({ relay, userId: "alice", store: levelStore(folder) });

async function measured<T>(work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const result = await work();
  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(before);
  const clientCpuMsPerMb = (user + system) / 1_000 / (size / 1e6);
  process.stdout.write(`${JSON.stringify({ mbPerSecond: size / 1e6 / seconds, clientCpuMsPerMb })}\n`);
  return result;
}

const attachment = await measured(() => client.attachments.upload(path));
await measured(async () => {
  let bytes = 0;
  for await (const chunk of client.attachments.download(attachment)) bytes += chunk.length;
  if (bytes !== size) throw new Error("not all came back");
});
await client.close();
