/** How fast a client knows a group: from a log of changes, and from a checkpoint. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Bench } from "../benches.js";
import type { Contender, Metrics } from "../compare.js";
import { nodeFlags, ROOT } from "../targets.js";

const SIGNATURES = "libsignal's signature checks alone";
const WHOLE = "the whole log: open, decode, check, apply";
const CHECKPOINT = "a checkpoint and the ten entries behind it";

/** After the download a client that joins knows its group within this time. */
const READY_MS = 1_000;

/** The bench of a log with so many changes. */
export function groupLogBench(changes = 1_000): Bench {
  return {
    steps: [
      {
        name: `a log of ${changes.toLocaleString("en")} changes, a group of 200`,
        reference: SIGNATURES,
        judgedBy: "value",
        goals: [WHOLE, CHECKPOINT].map(
          (name) => ({ contender: name, metric: "wallMs", bound: "atMost", value: READY_MS }) as const,
        ),
        contenders: [
          contender(SIGNATURES, ["signatures", changes]),
          contender(WHOLE, ["whole", changes]),
          contender(CHECKPOINT, ["checkpoint", changes]),
        ],
      },
    ],
    notes: [
      "The group grows to 200 members; then members are removed, each with a new secret sealed to everybody else, and change their keys. Every entry is sealed with AES-256-GCM and signed by XEdDSA.",
      "What was downloaded is opened, decoded, checked and applied by the SDK's own rules, on one thread, from memory; the network and the store's commit are not in it.",
      "Each run is a fresh process that writes a log of its own and then measures once. The code is warm from writing; keys and entries are new.",
    ],
  };
}

function contender(name: string, [work, changes]: readonly [string, number]): Contender {
  return {
    name,
    async run() {
      const program = join(ROOT, "bench/group/log-work.ts");
      const run = promisify(execFile);
      const { stdout } = await run(process.execPath, [...nodeFlags.source, program, work, `${changes}`], { cwd: ROOT });
      return JSON.parse(stdout) as Metrics;
    },
  };
}
