/** `npm run mutate:frank` takes each defence away and looks for red. Here: that its table still fits the source, every day. */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { defences } from "../../../scripts/mutations/defences.js";

const pathOf = (file: string) => fileURLToPath(new URL(`../../../${file}`, import.meta.url));

describe("the table of defences", () => {
  test.each(defences.map((defence) => [defence.name, defence] as const))(
    "%s: is found once, and has tests",
    (_name, { cuts, tests }) => {
      for (const { file, cut, put } of cuts) {
        expect(readFileSync(pathOf(file), "utf8").split(cut).length - 1, file).toBe(1);
        expect(put).not.toBe(cut);
      }
      expect(tests.length).toBeGreaterThan(0);
      for (const file of tests) expect(existsSync(pathOf(file)), file).toBe(true);
    },
  );

  test("has a row for each of the 29 attacks", () => {
    const attacks = new Set(defences.flatMap((defence) => defence.attacks));
    expect([...attacks].sort((one, other) => one - other)).toEqual(Array.from({ length: 29 }, (_, at) => at + 1));
  });
});
