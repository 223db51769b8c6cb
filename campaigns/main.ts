/** `npm run campaign -- NAME`: long checks that are too slow for every day. The last line is the verdict, and so is the exit code. */

import { parseArgs } from "node:util";
import type { Campaign } from "./campaign.js";
import { canaryCoreCampaign } from "./canary-core.js";
import { killClientCampaign } from "./kill-client.js";
import { killRelayCampaign } from "./kill-relay.js";
import { size } from "./size.js";
import { timingCampaign } from "./timing.js";
import { transfersCampaign } from "./transfers.js";

/** One row for each campaign. */
const campaigns: Readonly<Record<string, Campaign>> = {
  "canary-core": canaryCoreCampaign,
  "kill-client": killClientCampaign,
  "kill-relay": killRelayCampaign,
  timing: timingCampaign,
  transfers: transfersCampaign,
};

function usage(): string {
  const rows = Object.entries(campaigns).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`);
  return [
    "npm run campaign -- NAME [--rounds N] [--messages N] [--transfers N] [--largest SIZE] [--one SIZE] [--seed N]",
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

function bytes(text: string | undefined): number | undefined {
  return text === undefined ? undefined : size(text);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...{ rounds: { type: "string" }, messages: { type: "string" }, seed: { type: "string" } },
      ...{ transfers: { type: "string" }, largest: { type: "string" }, one: { type: "string" } },
    },
  });
  const campaign = campaigns[positionals[0] ?? ""];
  if (campaign === undefined) {
    console.log(usage());
    return 2;
  }
  const { rounds, messages, seed, transfers, largest, one } = values;
  const verdict = await campaign.run({
    ...{ rounds: number(rounds), messages: number(messages), seed: number(seed), transfers: number(transfers) },
    ...{ largestBytes: bytes(largest), oneBytes: bytes(one) },
  });
  return verdict === "passed" ? 0 : 1;
}

process.exitCode = await main();
