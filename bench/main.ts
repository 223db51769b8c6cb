/** `npm run bench`: measures, prints the table, writes the result. README.md of this folder says how to read it. */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { attachmentsBench } from "./attachments/attachments.js";
import {
  type Bench,
  drainBench,
  type Field,
  idleBench,
  latencyBench,
  relayBench,
  type Sizes,
  SOTTO,
} from "./benches.js";
import { faultsIn, runStep, type StepResult } from "./compare.js";
import { frankBench } from "./frank/frank.js";
import { groupLogBench } from "./group/log.js";
import { groupRelayBench } from "./group/relay.js";
import { groupSendBench } from "./group/send.js";
import { build } from "./processes/build.js";
import { layOut, type OtherTree } from "./processes/other-tree.js";
import { circumstances } from "./report/circumstances.js";
import { writeResult } from "./report/write-result.js";
import { sdkBench } from "./sdk/bench.js";
import { searchBench } from "./search/search.js";
import { bareTarget, minimalTarget, ROOT, type SottoOptions, sottoTarget } from "./targets.js";

const USAGE = `npm run bench -- [relay|latency|idle|drain|sdk|group-send|group-relay|group-log|search|attachments|frank …|all] [options]

  --rounds N         alternating rounds of every step (3)
  --seconds S        measured seconds of a run (10)
  --warm-up S        seconds before them (3)
  --generators N     load generator processes (2)
  --messages N       messages of the SDK's conversation (2000)
  --connections N    idle connections (10000)
  --against REF      compare the relay with that of another git ref
  --code built|source  run what \`npm run build\` makes (built first), or TypeScript as it stands (built)
  --portable         measure the portable transport too
  --only minimal     leave Sotto out: checks the bench itself
  --name NAME        name of the result files (the bench's)
`;

const BENCHES = [
  "relay",
  "latency",
  "idle",
  "drain",
  "sdk",
  "group-send",
  "group-relay",
  "group-log",
  "search",
  "attachments",
  "frank",
] as const;
type BenchName = (typeof BENCHES)[number];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
    "warm-up": { type: "string", default: "3" },
    generators: { type: "string", default: "2" },
    connections: { type: "string", default: "10000" },
    messages: { type: "string", default: "2000" },
    against: { type: "string" },
    code: { type: "string", default: "built" },
    portable: { type: "boolean", default: false },
    only: { type: "string" },
    name: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function positive(option: "rounds" | "seconds" | "warm-up" | "generators" | "connections" | "messages"): number {
  const value = Number(values[option]);
  if (!(value > 0)) throw new Error(`--${option} must be a number above 0`);
  return value;
}

function chosenBenches(): readonly BenchName[] {
  if (positionals.length === 0 || positionals.includes("all")) return BENCHES;
  return positionals.map((chosen) => {
    const bench = BENCHES.find((name) => name === chosen);
    if (bench === undefined) throw new Error(`no bench is called ${chosen}\n\n${USAGE}`);
    return bench;
  });
}

function chosenCode(): SottoOptions["code"] {
  if (values.code === "built" || values.code === "source") return values.code;
  throw new Error("--code is built or source");
}

function sottoTargets(code: SottoOptions["code"]): Field["sotto"] {
  if (values.only === "minimal") return [];
  const tree = { root: ROOT, code } as const;
  const own = sottoTarget({ ...tree, name: SOTTO, transport: "auto" });
  return values.portable ? [own, sottoTarget({ ...tree, name: "sotto, portable", transport: "portable" })] : [own];
}

function benchOf(name: BenchName, field: Field, sizes: Sizes, code: SottoOptions["code"]): Bench {
  switch (name) {
    case "relay":
      return relayBench(field, sizes);
    case "latency":
      return latencyBench(field, sizes);
    case "idle":
      return idleBench(field, sizes);
    case "drain":
      return drainBench(field);
    case "sdk":
      return sdkBench({ relay: field.sotto[0], messages: sizes.messages, code });
    case "group-send":
      return groupSendBench();
    case "group-relay":
      return groupRelayBench({ name: SOTTO, root: ROOT, transport: "auto", code });
    case "group-log":
      return groupLogBench();
    case "search":
      return searchBench();
    case "frank":
      return frankBench();
    case "attachments":
      return attachmentsBench(
        field.sotto[0] ?? sottoTarget({ name: SOTTO, root: ROOT, transport: "auto", code }),
        code,
      );
  }
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const chosen = chosenBenches();
  const rounds = positive("rounds");
  const sizes: Sizes = {
    timing: { seconds: positive("seconds"), warmUpSeconds: positive("warm-up") },
    generators: positive("generators"),
    idleConnections: positive("connections"),
    messages: positive("messages"),
  };
  const code = chosenCode();
  let other: OtherTree | undefined;
  try {
    if (values.against !== undefined) other = await layOut(ROOT, values.against);
    if (code === "built" && values.only !== "minimal") {
      for (const root of other === undefined ? [ROOT] : [ROOT, other.root]) await build(root);
    }
    const field: Field = {
      afterCommit: minimalTarget("afterCommit"),
      beforeCommit: minimalTarget("beforeCommit"),
      bare: bareTarget(),
      sotto: sottoTargets(code),
      other: other && sottoTarget({ name: `sotto at ${values.against}`, root: other.root, transport: "auto", code }),
    };
    for (const name of chosen) await measure(name, benchOf(name, field, sizes, code), rounds, sizes);
  } finally {
    await other?.remove();
  }
}

async function measure(name: BenchName, { steps, notes }: Bench, rounds: number, { timing }: Sizes): Promise<void> {
  const results: StepResult[] = [];
  for (const step of steps) results.push(await runStep(step, rounds, (line) => console.error(`… ${line}`)));
  const file =
    values.name ?? (values.against === undefined ? name : `${name}-against-${values.against.replace(/\W+/g, "-")}`);
  const text = await writeResult(join(ROOT, "bench/results"), file, {
    bench: name,
    circumstances: await circumstances(ROOT),
    rounds,
    secondsPerRun: timing.seconds,
    warmUpSeconds: timing.warmUpSeconds,
    steps: results,
    notes,
  });
  console.log(text);
  const faults = faultsIn(results);
  if (faults.length === 0) return;
  process.exitCode = 1;
  console.error(`A server did not do its work:\n${faults.join("\n")}`);
}

await main();
