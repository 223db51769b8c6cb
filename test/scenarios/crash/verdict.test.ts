/** The judge of every crash test sees each thing that may go wrong. */

import { expect, it } from "vitest";
import { inWords, isClean, judge, together } from "../../support/crash/verdict.js";

const sent = ["a", "b", "c", "d"];

it("finds nothing where everything was shown once and in order", () => {
  expect(isClean(judge(sent, sent))).toBe(true);
});

it("finds what was lost, shown twice, out of order, or never sent", () => {
  expect(judge(sent, ["a", "c", "d"])).toMatchObject({ lost: ["b"], disordered: [] });
  expect(judge(sent, ["a", "b", "b", "c", "d", "a"])).toMatchObject({ twice: ["b", "a"], lost: [] });
  expect(judge(sent, ["a", "c", "b", "d"])).toMatchObject({ disordered: ["b"], lost: [] });
  expect(judge(sent, [...sent, "e"])).toMatchObject({ unknown: ["e"] });
});

it("says so in words", () => {
  const both = together([judge(sent, ["a", "b", "d", "c"]), judge(sent, ["b", "b", "x"])]);
  expect(isClean(both)).toBe(false);
  expect(inWords(both)).toBe("3 lost, 1 twice, 1 out of order, 1 never sent");
});
