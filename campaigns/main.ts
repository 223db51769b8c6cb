/** `npm run campaign -- NAME`: long checks that are too slow for every day. The last line is the verdict, and so is the exit code. */

import { parseArgs } from "node:util";
import type { Campaign } from "./campaign.js";
import { canaryCoreCampaign } from "./canary-core.js";
import { killClientCampaign } from "./kill-client.js";
import { killRelayCampaign } from "./kill-relay.js";
import { timingCampaign } from "./timing.js";

/** One row for each campaign. */
const campaigns: Readonly<Record<string, Campaign>> = {
  "canary-core": canaryCoreCampaign,
  "kill-client": killClientCampaign,
  "kill-relay": killRelayCampaign,
  timing: timingCampaign,
};

function usage(): string {
  const rows = Object.entries(campaigns).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`);
  return [
    "npm run campaign -- NAME [--rounds N] [--messages N] [--seed N]",
    "",
    ...rows,
    "",
    "A seed is printed at the start; give it back to play the same moments again.",
  ].join("\n");
}

function number(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${text} is not a number of anything`);
  return value;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: "string" }, messages: { type: "string" }, seed: { type: "string" } },
  });
  const campaign = campaigns[positionals[0] ?? ""];
  if (campaign === undefined) {
    console.log(usage());
    return 2;
  }
  const { rounds, messages, seed } = values;
  const verdict = await campaign.run({ rounds: number(rounds), messages: number(messages), seed: number(seed) });
  return verdict === "passed" ? 0 : 1;
}

process.exitCode = await main();
