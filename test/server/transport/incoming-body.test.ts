import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type TransferBounds, transferBounds } from "../../../server/transport/bounds.js";
import { IncomingBody } from "../../../server/transport/incoming-body.js";
import { SharedRoom } from "../../../server/transport/shared-room.js";

/** A socket that only knows whether it is read. */
class Flow {
  isPaused = false;
  pause() {
    this.isPaused = true;
  }
  resume() {
    this.isPaused = false;
  }
}

function bodyOf(lengthBytes: number, room = new SharedRoom(1_000), bounds: Partial<TransferBounds> = {}) {
  const flow = new Flow();
  return { flow, body: new IncomingBody(lengthBytes, flow, room, { ...transferBounds, ...bounds }) };
}

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("an incoming body", () => {
  it("hands over what came in order, however pushing and taking alternate", async () => {
    const step = fc.oneof(fc.constant("take" as const), fc.uint8Array({ minLength: 1, maxLength: 5 }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const pushed = steps.filter((each) => each !== "take");
        const whole = Buffer.concat(pushed);
        const { body, flow } = bodyOf(whole.length);
        const taken: Uint8Array[] = [];
        let taking = Promise.resolve();
        const take = async () => {
          const { value } = await body.next();
          if (value !== undefined) taken.push(value);
        };
        for (const each of steps) {
          if (each === "take") taking = taking.then(take);
          else body.push(each);
          await Promise.resolve();
        }
        await taking;
        for await (const piece of body) taken.push(piece);
        expect(Buffer.concat(taken).equals(whole)).toBe(true);
        expect(body.isTaken).toBe(true);
        // The next request is read from the same socket.
        expect(flow.isPaused).toBe(false);
      }),
    );
  });

  it("pauses its socket when a piece finds no taker, and resumes it when one waits", async () => {
    const { body, flow } = bodyOf(10);
    const first = body.next();
    body.push(bytes(1));
    expect(flow.isPaused).toBe(false);
    body.push(bytes(2));
    expect(flow.isPaused).toBe(true);
    expect([(await first).value, (await body.next()).value]).toEqual([bytes(1), bytes(2)]);
    expect(flow.isPaused).toBe(true);
    const third = body.next();
    expect(flow.isPaused).toBe(false);
    body.push(bytes(3));
    expect((await third).value).toEqual(bytes(3));
  });

  it("is not read on while the room of all bodies is full, and is when another is taken or left", async () => {
    const room = new SharedRoom(2);
    const [one, two, three] = [bodyOf(10, room), bodyOf(10, room), bodyOf(10, room)];
    for (const { flow } of [two, three]) flow.pause();
    one.body.push(bytes(1, 2));
    const [second, third] = [two.body.next(), three.body.next()];
    expect([two.flow.isPaused, three.flow.isPaused]).toEqual([true, true]);
    three.body.fail(new Error("gone"));
    await expect(third).rejects.toThrow("gone");
    await one.body.next();
    expect([two.flow.isPaused, three.flow.isPaused]).toEqual([false, true]);
    two.body.push(bytes(9));
    expect((await second).value).toEqual(bytes(9));
    two.body.push(bytes(9, 9));
    two.body.leave();
    const last = one.body.next();
    expect(one.flow.isPaused).toBe(false);
    one.body.fail(new Error("gone"));
    await expect(last).rejects.toThrow("gone");
  });

  it("breaks off one that brings more than may lie, after what did is taken", async () => {
    const { body } = bodyOf(10, new SharedRoom(1_000), { maxWaitingBytesEach: 3 });
    for (const piece of [bytes(1, 2), bytes(3), bytes(4), bytes(5)]) body.push(piece);
    expect([(await body.next()).value, (await body.next()).value]).toEqual([bytes(1, 2), bytes(3)]);
    await expect(body.next()).rejects.toThrow("faster than it was taken");
    expect(body.isTaken).toBe(false);
  });

  it("breaks off what brings more than may lie of all together, and lets each have a piece", async () => {
    const room = new SharedRoom(1_000);
    const bodies = ["one", "other"].map(() => bodyOf(10, room, { maxWaitingBytesAll: 4 }).body);
    const [one, other] = bodies as [IncomingBody, IncomingBody];
    for (const piece of [bytes(1, 2), bytes(3, 4)]) one.push(piece);
    other.push(bytes(5));
    one.push(bytes(6));
    other.push(bytes(7));
    expect([(await one.next()).value, (await one.next()).value]).toEqual([bytes(1, 2), bytes(3, 4)]);
    expect((await other.next()).value).toEqual(bytes(5));
    for (const body of bodies) await expect(body.next()).rejects.toThrow("faster than it was taken");
  });

  it("ends for its taker when it is left, and throws away what still comes", async () => {
    const { body, flow } = bodyOf(10);
    const waiting = body.next();
    body.leave();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(flow.isPaused).toBe(true);
    body.push(bytes(1));
    expect(await body.next()).toEqual({ done: true, value: undefined });
    expect(body.isTaken).toBe(false);
  });

  it("has one taker", async () => {
    const { body } = bodyOf(1);
    const first = body.next();
    await expect(body.next()).rejects.toThrow("one taker");
    body.push(bytes(1));
    expect((await first).value).toEqual(bytes(1));
  });

  it("does not fail any more once all of it came", async () => {
    const { body } = bodyOf(1);
    body.push(bytes(1));
    body.fail(new Error("gone"));
    expect((await body.next()).value).toEqual(bytes(1));
    expect(body.isTaken).toBe(true);
  });
});
