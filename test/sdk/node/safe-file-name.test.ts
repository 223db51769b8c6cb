import { posix, win32 } from "node:path";
import { safeFileName } from "@sotto/sdk/node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** What makes a name hostile, among ordinary characters. */
const pieces = [
  ...["/", "\\", "..", ".", ":", "C:", "\0", "\n", "\r\n", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800", "\x7f"],
  ...["con", "NUL", "com1", "lpt¹", " ", "\u00a0", "*", "?", '"', "<", ">", "|", "~", "-", "$", "e\u0301", "<\u0338"],
  ...["世界", "👩‍🚀", "ä".repeat(60), "x".repeat(250), ".jpg", ".tar.gz", "exe", `.${"y".repeat(30)}`],
];
const names = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: "binary", maxLength: 5 })), {
  maxLength: 8,
});

describe("a safe file name", () => {
  test("is one part of a path, on every system, whatever somebody calls a file", () => {
    fc.assert(
      fc.property(names, (parts) => {
        const name = safeFileName(parts.join(""));
        expect(name).not.toBe("");
        for (const { basename, join, resolve } of [posix, win32]) {
          expect(basename(name)).toBe(name);
          expect(join("folder", name)).toBe(join("folder", `./${name}`));
          expect(resolve("/folder", name)).toBe(resolve("/folder", `./${name}`));
        }
        expect(name).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}/\\:*?"<>|]/u);
        expect(name).not.toMatch(/^[. ]|[. ]$/);
        expect(name).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)\s*(?:\.|$)/i);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
        expect(safeFileName(name)).toBe(name);
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    ["holiday.jpg", "holiday.jpg"],
    ["Grüße aus 世界 (2).tar.gz", "Grüße aus 世界 (2).tar.gz"],
    ["../../etc/passwd", "_.._etc_passwd"],
    ["/etc/passwd", "_etc_passwd"],
    ["C:\\Windows\\system32", "C__Windows_system32"],
    ["file.txt:stream", "file.txt_stream"],
    ["photo\u202egpj.exe", "photogpj.exe"],
    ["a\nb\0c", "abc"],
    [".bashrc", "bashrc"],
    ["..", "attachment"],
    ["", "attachment"],
    [" . . ", "attachment"],
    ["\u200b\u202e", "attachment"],
    ["con", "_con"],
    ["Aux.txt", "_Aux.txt"],
    ["COM1 .jpg", "_COM1 .jpg"],
    ["console.log", "console.log"],
    ["trailing. . .", "trailing"],
  ])("of %j is %j", (name, safe) => {
    expect(safeFileName(name)).toBe(safe);
  });

  test("of none is there too", () => {
    expect(safeFileName(undefined)).toBe("attachment");
  });

  test("keeps the ending where it has to be cut, and cuts no character in two", () => {
    expect(safeFileName(`${"x".repeat(300)}.jpeg`)).toBe(`${"x".repeat(195)}.jpeg`);
    const cut = safeFileName("👋".repeat(100));
    expect(cut).toBe("👋".repeat(50));
    expect(safeFileName(`x.${"y".repeat(300)}`)).toHaveLength(200);
  });
});
