/** A result as a JSON file for programs and a Markdown file for people, side by side in `bench/results/`. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MUST_BE_ZERO, type StepResult } from "../compare.js";
import type { Circumstances } from "./circumstances.js";
import { peerDrains } from "./peers.js";

/** Everything a result file holds. */
export interface Result {
  readonly bench: string;
  readonly circumstances: Circumstances;
  readonly rounds: number;
  readonly secondsPerRun: number;
  readonly warmUpSeconds: number;
  readonly steps: readonly StepResult[];
  /** Sentences a reader needs to judge the figures. */
  readonly notes: readonly string[];
}

/** Writes both files and answers the text of the readable one. */
export async function writeResult(folder: string, name: string, result: Result): Promise<string> {
  await mkdir(folder, { recursive: true });
  const peers = result.bench === "drain" ? { peersFromTheDesign: peerDrains } : {};
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify({ ...result, ...peers }, roundNumber, 2)}\n`);
  const text = readable(result);
  await writeFile(join(folder, `${name}.md`), text);
  return text;
}

function readable({ bench, circumstances: c, rounds, secondsPerRun, warmUpSeconds, steps, notes }: Result): string {
  // The other benches have so many messages, not so many seconds.
  const isTimed = bench === "relay" || bench === "latency";
  const timing = isTimed ? ` of ${secondsPerRun} s after ${warmUpSeconds} s of warm-up` : "";
  const lines = [
    `# ${bench}`,
    "",
    `${c.date}, commit ${c.commit}, Node ${c.node}, ${c.cores} × ${c.cpu}, ${c.memoryGiB} GiB, ${c.kernel}. ` +
      `Medians of ${rounds} alternating rounds${timing}.`,
    "",
  ];
  for (const { step, reference, judgedBy, goals, outcomes } of steps) {
    const metrics = Object.keys(outcomes[0]?.medians ?? {});
    const shown = metrics.filter((metric) => !isFault(metric));
    lines.push(
      `## ${step}`,
      "",
      `Reference: ${reference}. In brackets: ${judgedBy === "difference" ? "more than the reference's" : "times the reference's"}.`,
      "",
    );
    lines.push(`| | ${shown.map(heading).join(" | ")} | faults |`);
    lines.push(`|---|${shown.map(() => "---|").join("")}---|`);
    for (const { contender, medians, ratios, differences, rounds: runs } of outcomes) {
      const judged = judgedBy === "difference" ? differences : ratios;
      const cells = shown.map((metric) => cell(medians[metric], contender === reference ? undefined : judged[metric]));
      const faults = metrics.filter(isFault).flatMap((metric) => runs.map((run) => run[metric] ?? 0));
      lines.push(`| ${contender} | ${cells.join(" | ")} | ${faults.reduce((sum, count) => sum + count, 0)} |`);
    }
    lines.push("");
    for (const { contender, metric, bound, value, measured, verdict } of goals) {
      const limit = `${bound === "atMost" ? "at most" : "at least"} ${significant(value)}`;
      const unit = { ratio: " times the reference's", difference: " more than the reference's", value: "" }[judgedBy];
      lines.push(
        `- Goal **${verdict}**: ${contender}, ${heading(metric)} ${limit}${unit}; measured ${significant(measured)}.`,
      );
    }
    lines.push("");
  }
  if (bench === "drain") {
    lines.push("## Peers, from the design's measurements on another machine: an order of magnitude, not a ratio", "");
    lines.push("| peer | seconds for 10,000 | durable when it acknowledges? |", "|---|---|---|");
    for (const { peer, seconds, durable } of peerDrains) lines.push(`| ${peer} | ${seconds} | ${durable} |`);
    lines.push("");
  }
  for (const note of notes) lines.push(`- ${note}`);
  return `${lines.join("\n")}\n`;
}

function isFault(metric: string): boolean {
  return MUST_BE_ZERO.some((name) => name === metric);
}

function heading(metric: string): string {
  return metric.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
}

function cell(value: number | undefined, judged: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  return judged === undefined ? significant(value) : `${significant(value)} (${significant(judged)})`;
}

function significant(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

function roundNumber(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}
