/** What reports cost: each operation beside its primitives alone and beside the design's figure, scaled to this machine. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Bench } from "../benches.js";
import type { Contender, Goal, Metrics, Step } from "../compare.js";
import { nodeFlags, ROOT } from "../targets.js";
import { bytesOfDm } from "./bytes.js";
import { designFigures, type Operation, publishedNotes } from "./figures.js";

const SOTTO = "sotto";
const PRIMITIVES = "its primitives alone";
const DESIGN = "the design's figure, scaled";

const names: Readonly<Record<Operation, string>> = {
  issue: "issue one token, key check included",
  frank: "frank a message of 1,000 bytes",
  stamp: "stamp, per recipient",
  verify: "verify before display",
  head: "check a head without words (desk)",
  body: "check the words (desk)",
  report1: "build and seal a report of 1 message",
  report6: "build and seal a report of 6 messages",
  triage1: "triage a sealed report of 1 message",
  triage6: "triage a sealed report of 6 messages",
  open1: "open a case of 1 message",
  open6: "open a case of 6 messages",
  roster33: "roster of 33",
  roster257: "roster of 257",
  roster1000: "roster of 1,000 (the design: 1,025)",
};

/** Within this much of the design's figures. */
const SHARE = 1.3;
const judged: readonly Operation[] = ["frank", "verify"];
const STAMP_MICROS = 10;
const DM_BYTES = 300;

/** The bench of everything a report needs. */
export function frankBench(): Bench {
  const stampGoal: Goal = { contender: SOTTO, metric: "micros", bound: "atMost", value: STAMP_MICROS };
  return {
    steps: [
      {
        name: "primitives by library",
        reference: "node:crypto",
        judgedBy: "value",
        goals: [],
        contenders: [
          contender("node:crypto", ["primitives", "node"]),
          contender("noble", ["primitives", "noble"]),
          contender("tweetnacl", ["primitives", "tweetnacl"]),
        ],
      },
      ...(Object.keys(designFigures) as Operation[]).map(stepOf),
      { ...stepOf("stamp"), name: "stamp, against its bound", judgedBy: "value", goals: [stampGoal] },
      {
        name: "a DM on the wire",
        reference: "without franking",
        judgedBy: "difference",
        goals: [{ contender: SOTTO, metric: "bytes", bound: "atMost", value: DM_BYTES }],
        contenders: [
          { name: "without franking", run: async () => bytesOfDm("bare") },
          { name: SOTTO, run: async () => bytesOfDm("franked") },
        ],
      },
    ],
    notes: [
      "Every figure is the median of 21 batches of 40 ms in a fresh process, in microseconds of CPU; the contenders' batches take turns. Bodies have 1,000 bytes.",
      `"${PRIMITIVES}" are the calls that the operation cannot do without (Ed25519, HMAC-SHA-256, SHA-256 by node:crypto; ZIP-215, key checks and X-Wing by noble), on inputs of the same sizes, parsing the public key of a token included, without encoding, copies and comparisons.`,
      `"${DESIGN}" is what the design measured on its own machine, times how much longer or shorter one Ed25519 key takes here than there, measured in the same run: with node:crypto (135 µs there, beside its bracketed, least disturbed figures; 186 beside the others) where OpenSSL does most of the work, with noble (388 µs there) where noble does.`,
      "Bytes of a DM are those that the frank adds to the payload, and commitment and stamp to the frame that delivers it, before padding; `padded bytes` is the payload as it is encrypted.",
      ...publishedNotes,
    ],
  };
}

function stepOf(operation: Operation): Step {
  const isJudged = judged.includes(operation);
  return {
    name: names[operation],
    reference: DESIGN,
    judgedBy: "ratio",
    goals: isJudged ? [{ contender: SOTTO, metric: "micros", bound: "atMost", value: SHARE }] : [],
    contenders: together({ design: DESIGN, primitives: PRIMITIVES, sotto: SOTTO }, [operation]),
  };
}

/** Contenders that one process measures in turn: whichever is asked first in a round starts it. */
function together(names: Readonly<Record<string, string>>, work: readonly string[]): Contender[] {
  const waiting = new Map<string, Metrics>();
  return Object.entries(names).map(([key, name]) => ({
    name,
    async run() {
      const there = waiting.get(key);
      waiting.delete(key);
      if (there !== undefined) return there;
      const all = await measured(work);
      for (const other of Object.keys(names))
        if (other !== key) waiting.set(other, { micros: all[other] ?? Number.NaN });
      return { micros: all[key] ?? Number.NaN };
    },
  }));
}

function contender(name: string, work: readonly string[]): Contender {
  return { name, run: () => measured(work) };
}

async function measured(work: readonly string[]): Promise<Metrics> {
  const program = join(ROOT, "bench/frank/frank-work.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [...nodeFlags.source, program, ...work], {
    cwd: ROOT,
  });
  return JSON.parse(stdout) as Metrics;
}
