import { closeCodes, type FailureCode, failureFromWire, failures, SottoError } from "@sotto/protocol";
import { describe, expect, test } from "vitest";

const rows = Object.entries(failures);

describe("the table of failures", () => {
  test("gives every failure that travels a number of its own", () => {
    const numbers = rows.map(([, row]) => row.wire).filter((wire) => wire !== 0);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const wire of numbers) expect(wire > 0 && wire <= 0xffff, `wire ${wire}`).toBe(true);
  });

  test("says for every failure what to do, in one plain sentence", () => {
    for (const [code, { remedy }] of rows) {
      expect(remedy.length, code).toBeGreaterThan(15);
      expect(remedy, code).toMatch(/^[A-Z].*[.0-9]$/s);
      expect(remedy, code).not.toContain("\n");
    }
  });

  test("finds the code behind a number, and nothing behind the others", () => {
    for (const [code, { wire }] of rows) if (wire !== 0) expect(failureFromWire(wire)).toBe(code);
    for (const wire of [0, 999, 0xffff, -1]) expect(failureFromWire(wire)).toBeUndefined();
  });
});

describe("a SottoError", () => {
  test("carries its code, its remedy and whether to retry", () => {
    for (const [code, row] of rows) {
      const error = new SottoError(code as FailureCode);
      expect(error).toBeInstanceOf(Error);
      expect(error.code).toBe(code);
      expect(error.remedy).toBe(row.remedy);
      expect(error.retryable).toBe(row.retry === "later");
      expect(error.message).toContain(row.remedy);
      expect(error.cause).toBeUndefined();
    }
  });

  test("keeps detail, cause and waiting time", () => {
    const cause = new Error("below");
    const error = new SottoError("tooManyRequests", { detail: "sends per minute", retryAfterMs: 900, cause });
    expect(error.message).toContain("sends per minute");
    expect(error.retryAfterMs).toBe(900);
    expect(error.cause).toBe(cause);
  });
});

test("close codes are unique and lie in the private range", () => {
  const codes = Object.values(closeCodes);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(code >= 4000 && code <= 4999, `${code}`).toBe(true);
});
