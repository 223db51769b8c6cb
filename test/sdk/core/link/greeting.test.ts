import { type FrameToClient, SottoError } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  answerTo,
  type GreetingEvent,
  type GreetingState,
  type Opening,
  step,
} from "../../../../sdk/core/link/greeting.js";
import { account, anonymousWelcome, challenge, codeOf, device, otherAccount, welcome } from "./fixture.js";

const asDevice: Opening = { kind: "device", account, device, sign: (text) => new Uint8Array(64).fill(text.length) };
const asAnonymous: Opening = { kind: "anonymous" };
const answered: GreetingEvent = { kind: "answered", frame: { type: "anonymous", version: 1 } };
const frame = (each: FrameToClient): GreetingEvent => ({ kind: "frame", frame: each });

function walk(events: readonly GreetingEvent[], opening: Opening = asDevice) {
  let state: GreetingState = "dialling";
  const effects = events.map((event) => {
    const next = step(state, event, opening);
    state = next.state;
    return next.effect;
  });
  return { state: state as GreetingState, effects, last: effects.at(-1) };
}

describe("the greeting", () => {
  it("answers the challenge, sends its proof, and is live with the welcome", () => {
    const { state, effects } = walk([{ kind: "opened" }, frame(challenge), answered, frame(welcome)]);
    expect(state).toBe("live");
    expect(effects.map(({ kind }) => kind)).toEqual(["none", "answer", "send", "ready"]);
  });

  it.each<[string, readonly GreetingEvent[], string]>([
    ["a second challenge", [{ kind: "opened" }, frame(challenge), frame(challenge)], "badRelay"],
    ["a welcome before our proof", [{ kind: "opened" }, frame(challenge), frame(welcome)], "badRelay"],
    ["a welcome instead of a challenge", [{ kind: "opened" }, frame(welcome)], "badRelay"],
    ["a frame before the socket is open", [frame(challenge)], "badRelay"],
    ["mail before the welcome", [{ kind: "opened" }, frame({ type: "queueEmpty" })], "badRelay"],
    ["silence", [{ kind: "timedOut" }], "timeout"],
    ["a close", [{ kind: "opened" }, { kind: "closed", code: 1006 }], "offline"],
    ["a drain", [{ kind: "opened" }, { kind: "closed", code: 4503 }], "busy"],
    [
      "4401 behind the proof",
      [{ kind: "opened" }, frame(challenge), answered, { kind: "closed", code: 4401 }],
      "badCredentials",
    ],
    ["a refusal", [{ kind: "opened" }, frame({ type: "refused", failure: 7, devices: [] })], "busy"],
    [
      "a welcome of another account",
      [{ kind: "opened" }, frame(challenge), answered, frame({ ...welcome, account: otherAccount })],
      "badRelay",
    ],
  ])("ends with %s", (_, events, code) => {
    const { state, last } = walk(events);
    expect(state).toBe("over");
    expect(last).toMatchObject({ kind: "lose", error: { code } });
  });

  it("takes no name for an anonymous connection", () => {
    const events = [{ kind: "opened" } as const, frame(challenge), answered];
    expect(walk([...events, frame(anonymousWelcome)], asAnonymous).state).toBe("live");
    expect(walk([...events, frame(welcome)], asAnonymous).state).toBe("over");
  });

  it("loses at most once and is over for ever, whatever happens", () => {
    const event = fc.constantFrom<GreetingEvent>(
      { kind: "opened" },
      frame(challenge),
      frame(welcome),
      frame({ type: "queueEmpty" }),
      frame({ type: "refused", failure: 4, devices: [] }),
      answered,
      { kind: "failed", error: new SottoError("wrongRoot") },
      { kind: "timedOut" },
      { kind: "closed", code: 1006 },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const kinds = walk(events).effects.map(({ kind }) => kind);
        expect(kinds.filter((kind) => kind === "lose").length).toBeLessThanOrEqual(1);
        expect(kinds.filter((kind) => kind === "send").length).toBeLessThanOrEqual(1);
        const end = kinds.findIndex((kind) => kind === "lose" || kind === "ready");
        if (end !== -1) expect(kinds.slice(end + 1).filter((kind) => kind !== "none")).toEqual([]);
      }),
    );
  });

  it("signs nothing and believes nothing before the root is judged", async () => {
    let isSigned = false;
    const opening: Opening = {
      ...asDevice,
      sign: () => {
        isSigned = true;
        return new Uint8Array(64);
      },
    };
    const wrong = () => {
      throw new SottoError("wrongRoot");
    };
    expect(await codeOf(answerTo({ ...challenge, version: 2 }, opening, wrong))).toBe("wrongRoot");
    expect(await codeOf(answerTo({ ...challenge, version: 2 }, opening, () => undefined))).toBe("unsupportedVersion");
    expect(isSigned).toBe(false);
  });
});
