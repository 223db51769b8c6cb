import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Probe, probes } from "./probes.js";
import { compile, lint, makeScratch, removeScratch, write } from "./scratch.js";

const said = { tsc: "", biome: "" };
let scratch = "";

const pathOf = ({ folder }: Probe, index: number, which: "wrong" | "right") => `${folder}/probe-${index}-${which}.ts`;

/** The lines in which a tool objects to a file. */
function objections(tool: "tsc" | "biome", path: string): readonly string[] {
  return said[tool].split("\n").filter((line) => line.includes(path) && line.includes("error"));
}

beforeAll(async () => {
  scratch = makeScratch();
  const writeWrong = (tool: "tsc" | "others") =>
    probes.forEach((probe, index) => {
      const isCompiled = probe.caughtBy.includes("tsc");
      if (isCompiled === (tool === "tsc")) write(scratch, pathOf(probe, index, "wrong"), probe.wrong);
    });
  probes.forEach((probe, index) => {
    write(scratch, pathOf(probe, index, "right"), probe.right);
  });
  writeWrong("tsc");
  said.tsc = await compile(scratch);
  writeWrong("others");
  said.biome = await lint(scratch);
}, 240_000);

afterAll(() => {
  removeScratch(scratch);
  expect(existsSync(scratch)).toBe(false);
});

describe.each(probes.map((probe, index) => ({ ...probe, probe, index })))("$name", ({ probe, index, caughtBy }) => {
  test.each(caughtBy)("is an error of %s", (tool) => {
    expect(objections(tool, pathOf(probe, index, "wrong"))).not.toEqual([]);
  });

  test("is not mistaken for a right import from the same folder", () => {
    const right = pathOf(probe, index, "right");
    expect([...objections("tsc", right), ...objections("biome", right)]).toEqual([]);
  });
});

test("the compiler got through every right file, and the linter to the last folder", () => {
  const compiled = readdirSync(join(scratch, ".types"), { recursive: true, encoding: "utf8" });
  probes.forEach((_probe, index) => {
    expect(
      compiled.some((path) => path.endsWith(`probe-${index}-right.d.ts`)),
      `probe ${index}`,
    ).toBe(true);
  });
  for (const { folder } of probes) expect(said.biome).toContain(`${folder}/probe-`);
});
