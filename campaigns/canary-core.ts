/**
 * A core dump of the relay, as a debugger or a crash writes it, holds nothing of what people said. The everyday form,
 * test/scenarios/security/canary.test.ts, reads the memory of the running process instead.
 */

import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { GrantingHost } from "../test/scenarios/consent/granting-host.js";
import { plantCanaries } from "../test/scenarios/security/canaries.js";
import { search } from "../test/scenarios/security/needle.js";
import { fileOf } from "../test/scenarios/security/places.js";
import { RelayApart } from "../test/scenarios/security/relay-apart.js";
import type { Campaign } from "./campaign.js";

const run = promisify(execFile);
/** Dumps and searches once for each round. */
export const canaryCoreCampaign: Campaign = {
  summary: "a core dump of the relay holds nothing of what people said (needs gdb's gcore)",
  async run({ rounds = 1 }) {
    let wrong = 0;
    for (let round = 1; round <= rounds; round++) wrong += (await oneRound(round)) ? 0 : 1;
    console.log(wrong === 0 ? `${rounds} core dumps: nothing in them` : `${wrong} of ${rounds} rounds went wrong`);
    return wrong === 0 ? "passed" : "failed";
  },
};

async function oneRound(round: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-core-"));
  const host = new GrantingHost();
  const relay = await RelayApart.start(folder, host.environment);
  try {
    const canaries = await plantCanaries({ url: relay.url, folder: join(folder, "clients"), host });
    const core = await dump(relay.pid, join(folder, "core"));
    const { size } = await stat(core);
    const finds = await search("the core", fileOf(core), [...canaries.secret, ...canaries.held]);
    await canaries.close();
    const found = finds.map((find) => find.split(" as ")[0]);
    const secrets = found.filter((name) => canaries.secret.some((needle) => needle.name === name));
    const missed = canaries.held.filter(({ name }) => !found.includes(name)).map(({ name }) => name);
    console.log(`round ${round}: ${Math.round(size / 1_048_576)} MiB, ${canaries.secret.length} canaries`);
    for (const name of secrets) console.log(`  found: ${name}`);
    for (const name of missed) console.log(`  the search is blind: it did not find ${name}`);
    return secrets.length === 0 && missed.length === 0;
  } finally {
    await relay.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes what the kernel would write of a process that crashes into a file, while it stands still, and lets it go on. */
async function dump(pid: number, out: string): Promise<string> {
  await run("gcore", ["-o", out, String(pid)]).catch((cause: unknown) => {
    throw new Error("gcore could not dump the relay; install gdb, and allow ptrace of child processes", { cause });
  });
  return `${out}.${pid}`;
}
