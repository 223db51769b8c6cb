/**
 * `kill -9` of clients and relay while they upload and download: 200 files of 0 bytes to 64 MiB, and 60 deaths. With
 * `--one 2GiB` one large file, and four deaths in the middle of it. The everyday form is test/scenarios/crash/transfers.test.ts.
 */

import { freshSeed, seededRandom } from "../test/support/crash/seeded-random.js";
import { MOST_HELD_BYTES } from "../test/support/transfers/growth.js";
import type { TransferOutcome } from "../test/support/transfers/outcome.js";
import { type PlannedDeath, plannedDeaths, plannedFiles, type Victim } from "../test/support/transfers/plan.js";
import { CLIENTS, runTransfers } from "../test/support/transfers/run.js";
import type { Campaign } from "./campaign.js";

const MIB = 1_048_576;
const LARGEST_BYTES = 64 * MIB;
/** A start, and what moves a mebibyte both ways on a busy machine. */
const TIME_PER_DEATH_MS = 5_000;
const TIME_PER_MIB_MS = 250;
/** Of one file: its uploader and the relay in the first half, its downloader and the relay in the second. */
const DEATHS_OF_ONE: readonly PlannedDeath[] = [
  { victim: 0, atShare: 0.17, signsLater: 3 },
  { victim: "relay", atShare: 0.33, signsLater: 5 },
  { victim: 1, atShare: 0.62, signsLater: 40 },
  { victim: "relay", atShare: 0.81, signsLater: 60 },
];

/** Kills clients and relay in the middle of transfers. */
export const transfersCampaign: Campaign = {
  summary: "kill -9 of clients and relay during 200 uploads and downloads; --one 2GiB for a large one",
  async run({ transfers = 200, rounds = 20, seed = freshSeed(), largestBytes = LARGEST_BYTES, oneBytes }) {
    console.log(`seed ${seed}`);
    const random = seededRandom(seed);
    const files =
      oneBytes === undefined
        ? plannedFiles(random, transfers, largestBytes)
        : [{ sizeBytes: oneBytes, source: "path" as const }];
    const deaths = oneBytes === undefined ? plannedDeaths(random, everybody(rounds)) : DEATHS_OF_ONE;
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const timeLimitMs = 60_000 + deaths.length * TIME_PER_DEATH_MS + (bytes / MIB) * TIME_PER_MIB_MS;
    const outcome = await runTransfers({ files, deaths, seed, timeLimitMs, say: console.log });
    return judged(files.length, outcome);
  },
};

/** So many deaths of the relay and of each client. */
function everybody(count: number): ReadonlyMap<Victim, number> {
  const clients = Array.from({ length: CLIENTS }, (_, client): [Victim, number] => [client, count]);
  return new Map<Victim, number>([["relay", count], ...clients]);
}

function judged(files: number, outcome: TransferOutcome): "passed" | "failed" {
  const {
    relayBytes,
    clientGrowth: { taken, held },
  } = outcome;
  const mib = (count: number) => `${Math.round(count / MIB)} MiB`;
  console.log(
    [
      `${files} files of ${mib(outcome.bytes)} up and down, ${outcome.deaths} deaths, ${Math.round(outcome.elapsedMs / 1_000)} s`,
      `interrupted: ${outcome.killed} by a client's death, ${outcome.cut} by the relay's; went on behind byte 0: ${outcome.wentOn}`,
      `finished when the client died: ${outcome.unseen}; begun anew because the source changed: ${outcome.changed}; left to expire: ${outcome.orphans}`,
      `${outcome.sealedChunks} sealed chunks left, ${outcome.repeatedChunks} of them more than once`,
      `a client grew by ${mib(taken)} at most with garbage, held ${mib(held)} of it at most; the relay had ${mib(relayBytes.first)}, then ${mib(relayBytes.peak)} at most`,
    ].join("\n"),
  );
  const wrong = [...outcome.wrong];
  if (outcome.wentOn === 0) wrong.push("nothing went on behind byte 0");
  if (held > MOST_HELD_BYTES) wrong.push(`a client grew by more than ${mib(MOST_HELD_BYTES)}`);
  for (const what of wrong) console.log(`wrong: ${what}`);
  console.log(`${wrong.length} wrong`);
  return wrong.length === 0 ? "passed" : "failed";
}
