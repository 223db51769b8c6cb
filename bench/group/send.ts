/** What a message to a large group costs its sender: CPU beside libsignal's own multi-recipient form, and bytes to upload. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Bench } from "../benches.js";
import type { Contender, Metrics } from "../compare.js";
import { MESSAGE_TEXT } from "../sdk/cost.js";
import { nodeFlags, ROOT } from "../targets.js";

const ACCOUNTS = 250;
const MESSAGES = 60;
const MAX_UPLOAD_BYTES = 25_000;

const LIBRARY = "libsignal: group cipher and multi-recipient sealing";
const ENGINE = "the engine of @sotto/sdk";
const FRAME = "the engine, and a whole frame around it";
const STORED = "a whole frame from the SDK's store on disk";
const TEXT = "the text itself";

/** The bench of messages to a group of 250 accounts, one device each. */
export function groupSendBench(): Bench {
  const atMost = (contender: string, metric: string, value: number) =>
    ({ contender, metric, bound: "atMost", value }) as const;
  const textBytes = Buffer.byteLength(MESSAGE_TEXT);
  return {
    steps: [
      {
        name: `encrypt ${textBytes} bytes of text to ${ACCOUNTS} accounts`,
        reference: LIBRARY,
        judgedBy: "ratio",
        goals: [ENGINE, FRAME, STORED].map((name) => atMost(name, "cpuMicros", 1.3)),
        contenders: [
          contender(LIBRARY, { work: "library", messages: MESSAGES }),
          contender(ENGINE, { work: "engine", messages: MESSAGES }),
          contender(FRAME, { work: "frame", messages: MESSAGES }),
          contender(STORED, { work: "stored", messages: MESSAGES }),
        ],
      },
      {
        name: `upload ${textBytes} bytes of text to ${ACCOUNTS} accounts`,
        reference: TEXT,
        judgedBy: "difference",
        goals: [atMost(FRAME, "uploadBytes", MAX_UPLOAD_BYTES - 1 - textBytes)],
        contenders: [
          { name: TEXT, run: async () => ({ uploadBytes: textBytes }) },
          contender(FRAME, { work: "frame", messages: 1 }, ({ uploadBytes = Number.NaN }) => ({ uploadBytes })),
        ],
      },
    ],
    notes: [
      `CPU is user and system time of the whole process for each of ${MESSAGES} messages, after a fifth of that as warm-up. Sessions, identities and the sender key are bytes in memory but for the last row, parsed for every message; the library alone is given bytes that are padded already.`,
      "The last row is the SDK's own code over its encrypted store on LevelDB: who holds the key is looked up, each member's peer row and session is read, and the sender key's next state is synced to disk before the next message begins. Not in it: the timeline and outbox rows of a message, the devices of each member, reading the log, the socket.",
      `The frame is a whole \`sendGroup\`: canonical content, padded payload, multi-recipient message, one access tag for each account, signature. It must stay below ${MAX_UPLOAD_BYTES.toLocaleString("en")} bytes.`,
    ],
  };
}

function contender(
  name: string,
  { work, messages }: { readonly work: "library" | "engine" | "frame" | "stored"; readonly messages: number },
  pick = (metrics: Metrics): Metrics => metrics,
): Contender {
  return {
    name,
    async run() {
      const program = join(ROOT, "bench/group/send-work.ts");
      const run = promisify(execFile);
      const flags = [...nodeFlags.source, program, work, `${ACCOUNTS}`, `${messages}`];
      const { stdout } = await run(process.execPath, flags, { cwd: ROOT });
      return pick(JSON.parse(stdout) as Metrics);
    },
  };
}
