/**
 * Takes each defence of reports away in turn, in a copy of the working tree, and expects its tests to go red. Its last line is the
 * count; the exit code is 1 if any stayed green.
 *
 *   npm run mutate:frank [-- --only WORD]   those whose name or attack numbers hold the word
 */

import { parseArgs } from "node:util";
import { type Defence, defences as defencesOfFrank } from "./mutations/defences.js";
import { defencesOfParts } from "./mutations/defences-of-parts.js";
import { type Outcome, Workshop } from "./mutations/workshop.js";

/** Copies that are worked on at a time. */
const PARALLEL = 2;

const { values } = parseArgs({ options: { only: { type: "string" } } });
const { only } = values;
const defences = [...defencesOfFrank, ...defencesOfParts];
const chosen = only === undefined ? defences : defences.filter((one) => titleOf(one).includes(only));
if (chosen.length === 0) throw new Error(`no defence is called ${only}`);

function titleOf({ attacks, name }: Defence): string {
  return `${attacks.map((number) => `#${number}`).join(" ")} ${name}`;
}

/** What came of one row; `undefined` if all is as it should be. */
function faultOf(whole: number, { total, failed, log }: Outcome): string | undefined {
  if (total === 0) return `nothing ran:\n${log}`;
  // Files that no longer load would be red for any reason at all.
  if (total !== whole) return `${whole - total} of ${whole} tests did not run:\n${log}`;
  return failed === 0 ? "stayed green" : undefined;
}

const startedMs = performance.now();
const shops = await Promise.all(Array.from({ length: Math.min(PARALLEL, chosen.length) }, () => Workshop.open()));
const faults: string[] = [];
try {
  const [first] = shops;
  if (first === undefined) throw new Error("a workshop");
  const totals = new Map<string, number>();
  for (const file of new Set(chosen.flatMap(({ tests }) => tests))) {
    const { total, failed, log } = await first.run([file]);
    if (total === 0 || failed > 0) throw new Error(`${file} is red before anything was taken away:\n${log}`);
    totals.set(file, total);
  }
  const queue = [...chosen];
  await Promise.all(
    shops.map(async (shop) => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const whole = next.tests.reduce((sum, file) => sum + (totals.get(file) ?? 0), 0);
        const fault = faultOf(whole, await shop.without(next));
        if (fault !== undefined) faults.push(`${titleOf(next)}: ${fault}`);
        console.log(`${fault === undefined ? "red  " : "FAULT"} ${titleOf(next)}`);
      }
    }),
  );
} finally {
  await Promise.all(shops.map((shop) => shop.close()));
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
const attacks = new Set(chosen.flatMap((one) => one.attacks));
console.log(`${attacks.size} attacks, ${Math.round((performance.now() - startedMs) / 1_000)} s`);
console.log(`${chosen.length - faults.length} of ${chosen.length} defences: red without them`);
