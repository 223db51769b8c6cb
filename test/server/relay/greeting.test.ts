/** The greeting's steps, without a socket. */

import { type FrameToRelay, limits, PROTOCOL_VERSION } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Greeting,
  type GreetingEffect,
  type GreetingEvent,
  opening,
  step,
} from "../../../server/relay/greeting.js";

const anonymous: FrameToRelay = { type: "anonymous", version: PROTOCOL_VERSION };
const ping: FrameToRelay = { type: "ping", id: 1 };

function run(...events: readonly (readonly [GreetingEvent, number])[]) {
  let state: Greeting = opening;
  const effects: GreetingEffect[] = [];
  for (const [event, nowMs] of events) {
    const next = step(state, event, nowMs);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

describe("the greeting", () => {
  it("challenges on open, checks one answer, and welcomes whoever passes", () => {
    const { state, effects } = run(
      [{ kind: "opened" }, 0],
      [{ kind: "frame", frame: anonymous }, 10],
      [{ kind: "passed" }, 20],
    );
    expect(effects.map(({ kind }) => kind)).toEqual(["challenge", "check", "welcome"]);
    expect(state.kind).toBe("ended");
  });

  it("refuses another version, another frame, undecodable bytes and a failed check, each with its close", () => {
    const refusals: [GreetingEvent, string, string][] = [
      [{ kind: "frame", frame: { type: "anonymous", version: 2 } }, "unsupportedVersion", "unauthenticated"],
      [{ kind: "frame", frame: ping }, "badFrame", "badFrame"],
      [{ kind: "undecodable" }, "badFrame", "badFrame"],
    ];
    for (const [event, failure, close] of refusals) {
      const { effects } = run([{ kind: "opened" }, 0], [event, 1]);
      expect(effects.at(-1)).toMatchObject({ kind: "refuse", failure, close });
    }
    const failed = run(
      [{ kind: "opened" }, 0],
      [{ kind: "frame", frame: anonymous }, 1],
      [{ kind: "failed", failure: "tooManyRequests", retryAfterMs: 7 }, 2],
    );
    expect(failed.effects.at(-1)).toMatchObject({
      kind: "refuse",
      failure: "tooManyRequests",
      retryAfterMs: 7,
      close: "unauthenticated",
    });
  });

  it("refuses a second answer while the first is checked", () => {
    const { effects } = run(
      [{ kind: "opened" }, 0],
      [{ kind: "frame", frame: anonymous }, 1],
      [{ kind: "frame", frame: anonymous }, 2],
      [{ kind: "passed" }, 3],
    );
    expect(effects.map(({ kind }) => kind)).toEqual(["challenge", "check", "refuse"]);
  });

  it("gives up exactly at the deadline, and never while it checks", () => {
    const deadlineMs = 100 + limits.greetingMs.value;
    const early = run([{ kind: "opened" }, 100], [{ kind: "tick" }, deadlineMs - 1]);
    expect(early.state.kind).toBe("challenged");
    const late = run([{ kind: "opened" }, 100], [{ kind: "tick" }, deadlineMs]);
    expect(late.effects.at(-1)).toMatchObject({ kind: "refuse", failure: "notAuthenticated", close: "silent" });
    const checking = run(
      [{ kind: "opened" }, 100],
      [{ kind: "frame", frame: anonymous }, 200],
      [{ kind: "tick" }, deadlineMs * 2],
    );
    expect(checking.state.kind).toBe("checking");
  });

  it("whatever happens: at most one challenge, one check and one end, in this order, and nothing after the end", () => {
    const event: fc.Arbitrary<GreetingEvent> = fc.oneof(
      fc.constant<GreetingEvent>({ kind: "opened" }),
      fc.constant<GreetingEvent>({ kind: "frame", frame: anonymous }),
      fc.constant<GreetingEvent>({ kind: "frame", frame: ping }),
      fc.constant<GreetingEvent>({ kind: "undecodable" }),
      fc.constant<GreetingEvent>({ kind: "tick" }),
      fc.constant<GreetingEvent>({ kind: "passed" }),
      fc.constant<GreetingEvent>({ kind: "failed", failure: "badCredentials" }),
      fc.constant<GreetingEvent>({ kind: "closed" }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(10_000)), { maxLength: 20 }), (events) => {
        let nowMs = 0;
        const timed = events.map(([one, laterMs]) => {
          nowMs += laterMs;
          return [one, nowMs] as const;
        });
        const kinds = run(...timed).effects.map(({ kind }) => kind);
        expect([
          [],
          ["challenge"],
          ["challenge", "check"],
          ["challenge", "refuse"],
          ["challenge", "check", "refuse"],
          ["challenge", "check", "welcome"],
        ]).toContainEqual(kinds);
        const end = timed.findIndex(([one]) => one.kind === "closed");
        if (end >= 0) expect(run(...timed).effects).toEqual(run(...timed.slice(0, end)).effects);
      }),
    );
  });
});
