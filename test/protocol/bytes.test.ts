import { equalBytes } from "@sotto/protocol";
import { expect, it } from "vitest";

it("tells equal bytes from those that differ anywhere or in length", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  expect(equalBytes(bytes, bytes.slice())).toBe(true);
  expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  for (const other of [[9, 2, 3], [1, 2, 9], [1, 2], [1, 2, 3, 0], []]) {
    expect(equalBytes(bytes, Uint8Array.from(other))).toBe(false);
  }
});
