/** A bounded memory. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Recent } from "../../../server/relay/recent.js";

describe("a bounded memory", () => {
  it("answers only what was last set, and remembers the newest half of its weight", () => {
    const action = fc.record({
      key: fc.nat(30),
      weight: fc.integer({ min: 1, max: 5 }),
      kind: fc.constantFrom("set", "get", "delete"),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const recent = new Recent<number, { readonly weight: number }>(40, ({ weight }) => weight);
        const model = new Map<number, { readonly weight: number }>();
        for (const { key, weight, kind } of actions) {
          const value = { weight };
          if (kind === "set") {
            recent.set(key, value);
            model.set(key, value);
            expect(recent.get(key)).toBe(value);
          } else if (kind === "delete") {
            recent.delete(key);
            model.delete(key);
            expect(recent.get(key)).toBeUndefined();
          } else {
            const found = recent.get(key);
            if (found !== undefined) expect(found).toBe(model.get(key));
          }
        }
      }),
    );
  });

  it("forgets what was not used for long, and keeps what is", () => {
    const recent = new Recent<number, number>(10, () => 1);
    recent.set(0, 0);
    for (let key = 1; key < 50; key++) {
      recent.set(key, key);
      expect(recent.get(0)).toBe(0);
    }
    const held = Array.from({ length: 50 }, (_, key) => recent.get(key)).filter((value) => value !== undefined);
    expect(held.length).toBeLessThanOrEqual(10);
    expect(recent.get(1)).toBeUndefined();
  });
});
