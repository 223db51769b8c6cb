import { sottoTarget, minimalTarget } from "./targets.js";
import { runPairs } from "./workloads/run-pairs.js";
import { runStep } from "./compare.js";
const t = (name: string, root: string) => sottoTarget({ name, root, transport: "auto", code: "built" });
const T = [minimalTarget("afterCommit"), t("now", "/tmp/built"), t("setImmediate", "/tmp/built-a"), t("setImmediate+batch4096", "/tmp/built-b")];
const timing = { warmUpSeconds: 1, seconds: 3 };
for (const [pairs, window] of [[100, 16], [1000, 4]] as const) {
const r = await runStep({ name: "x", reference: "now", judgedBy: "ratio", goals: [], contenders: T.map((t) => ({ name: t.name, run: async () => ({ ...(await runPairs(t, { kind: "closed", pairs, window }, { generators: 2, timing })) }) })) }, 3, () => {});
for (const o of r.outcomes) console.log(pairs, o.contender.padEnd(28), JSON.stringify(Object.fromEntries(Object.entries(o.medians).filter(([k]) => /perS|cpu|P50|Cores|lost|ref/.test(k)).map(([k, v]) => [k, +v.toPrecision(3)]))), "cpu rounds", o.rounds.map((x) => Math.round(x.cpuMicrosPerMessage!)).join(" "));
}
