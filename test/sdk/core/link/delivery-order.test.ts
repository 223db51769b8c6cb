import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeliveryOrder } from "../../../../sdk/core/link/delivery-order.js";
import { delivery } from "./fixture.js";

const deliver = (order: DeliveryOrder, ...cursors: readonly number[]) =>
  cursors.map((cursor) => order.deliver(delivery(cursor))).find((wrong) => wrong !== undefined);

describe("the order of deliveries", () => {
  it("takes what an honest relay delivers: a backlog with holes, its end, then one by one", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 50 }), fc.nat(50), (steps, live) => {
        const order = new DeliveryOrder();
        let cursor = 0;
        for (const by of steps) {
          cursor += by;
          expect(deliver(order, cursor)).toBeUndefined();
        }
        expect(order.queueEmpty()).toBeUndefined();
        cursor += 3;
        for (let count = 0; count < live; count++) {
          cursor += 1;
          expect(deliver(order, cursor, 0)).toBeUndefined();
        }
      }),
    );
  });

  it("refuses a cursor again, and one that falls", () => {
    const order = new DeliveryOrder();
    expect(deliver(order, 5)).toBeUndefined();
    expect(deliver(order, 5)).toBeDefined();
    expect(deliver(order, 4)).toBeDefined();
  });

  it("refuses a gap between live cursors, and takes the first one wherever it stands", () => {
    const order = new DeliveryOrder();
    order.queueEmpty();
    expect(deliver(order, 40, 41)).toBeUndefined();
    expect(deliver(order, 43)).toBeDefined();
  });

  it("refuses a second end of the backlog", () => {
    const order = new DeliveryOrder();
    expect(order.queueEmpty()).toBeUndefined();
    expect(order.queueEmpty()).toBeDefined();
  });

  it("refuses more in flight than allowed, and takes more after an acknowledgement", () => {
    const order = new DeliveryOrder();
    const first = Array.from({ length: 128 }, (_, index) => index + 1);
    expect(deliver(order, ...first)).toBeUndefined();
    order.acknowledged(1, [128]);
    expect(deliver(order, 129, 130)).toBeUndefined();
    expect(deliver(order, 131)).toBeDefined();
  });

  it("does not count what was acknowledged before it came again", () => {
    const order = new DeliveryOrder();
    order.acknowledged(200, []);
    expect(deliver(order, ...Array.from({ length: 200 }, (_, index) => index + 1))).toBeUndefined();
  });
});
