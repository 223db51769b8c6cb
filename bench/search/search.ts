/** How fast a device finds what was said: in the index, and, to compare, by reading everything. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Bench } from "../benches.js";
import type { Contender, Metrics } from "../compare.js";
import { nodeFlags, ROOT } from "../targets.js";

const SCAN = "every row read, opened and looked through";
const INDEX = "the index";

/** A search is answered within this time, nineteen times of twenty. */
const ANSWERED_MS = 50;

/** The bench of a history of so many messages. */
export function searchBench(messages = 100_000): Bench {
  return {
    steps: [
      {
        name: `a history of ${messages.toLocaleString("en")} messages in 20 conversations`,
        reference: SCAN,
        judgedBy: "value",
        goals: [{ contender: INDEX, metric: "p95Ms", bound: "atMost", value: ANSWERED_MS }],
        contenders: [contender(SCAN, ["scan", messages]), contender(INDEX, ["index", messages])],
      },
    ],
    notes: [
      "Messages of 4 to 19 words from a vocabulary of 20,000 in a Zipf-like distribution, in a sealed LevelDB on disk. Queries: one word, two words, a word and the beginning of another, as often common as rare; each answers up to 50 items as an app gets them, read and opened.",
      "buildMs: from no index to one of everything, kept on disk. loadMs: what the first search of the next run takes. heapMb: what the index adds to the heap. indexKilobytes: its text before it is sealed.",
      "The scan is asked 20 times, the index 400 times. Each run is a fresh process with a history of its own.",
    ],
  };
}

function contender(name: string, [work, messages]: readonly [string, number]): Contender {
  return {
    name,
    async run() {
      const program = join(ROOT, "bench/search/search-work.ts");
      const run = promisify(execFile);
      const flags = ["--expose-gc", ...nodeFlags.source];
      const { stdout } = await run(process.execPath, [...flags, program, work, `${messages}`], { cwd: ROOT });
      return JSON.parse(stdout) as Metrics;
    },
  };
}
