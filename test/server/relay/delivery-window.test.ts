/** The window of unacknowledged envelopes, against a plain model. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeliveryWindow } from "../../../server/relay/delivery-window.js";

const CAPACITY = 8;

const action = fc.oneof(
  fc.record({ kind: fc.constant("deliver" as const), gap: fc.nat(3) }),
  fc.record({ kind: fc.constant("upTo" as const), cursor: fc.nat(60) }),
  fc.record({ kind: fc.constant("one" as const), cursor: fc.nat(60) }),
);

describe("a delivery window", () => {
  it("counts what is out as a set of cursors would, and never lets out more than fit", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const window = new DeliveryWindow(CAPACITY);
        const model = new Set<number>();
        let cursor = 0;
        for (const one of actions) {
          switch (one.kind) {
            case "deliver":
              if (window.room === 0) break;
              cursor += 1 + one.gap;
              window.delivered(cursor);
              model.add(cursor);
              break;
            case "upTo": {
              const gone = [...model].filter((each) => each <= one.cursor);
              for (const each of gone) model.delete(each);
              expect(window.acknowledgeUpTo(one.cursor)).toBe(gone.length);
              break;
            }
            case "one":
              expect(window.acknowledgeOne(one.cursor)).toBe(model.delete(one.cursor));
              break;
          }
          expect(window.size).toBe(model.size);
          expect(window.room).toBe(CAPACITY - model.size);
          expect(window.size).toBeLessThanOrEqual(CAPACITY);
        }
      }),
    );
  });
});
