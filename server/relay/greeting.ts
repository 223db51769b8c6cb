/** The greeting as a state machine: pure, so that every path of it can be tried. */

import {
  type CloseReason,
  type Frame,
  type FrameToRelay,
  limits,
  PROTOCOL_VERSION,
  type WireFailureCode,
} from "@sotto/protocol";

/** A frame that answers the challenge. */
export type GreetingAnswer = Frame<"authenticate" | "anonymous" | "register" | "deskAuthenticate">;
const answers: readonly FrameToRelay["type"][] = ["authenticate", "anonymous", "register", "deskAuthenticate"];

/** Where a connection stands before it is greeted. */
export type Greeting =
  | { readonly kind: "opening" }
  | { readonly kind: "challenged"; readonly deadlineMs: number }
  | { readonly kind: "checking" }
  | { readonly kind: "ended" };

/** Why an answer was not taken. */
export interface GreetingFailure {
  readonly failure: WireFailureCode;
  readonly retryAfterMs?: number | undefined;
  /** Filled for `deviceLimit`. */
  readonly devices?: Frame<"refused">["devices"] | undefined;
}

/** What happens to a greeting. */
export type GreetingEvent =
  | { readonly kind: "opened" }
  | { readonly kind: "frame"; readonly frame: FrameToRelay }
  | { readonly kind: "undecodable" }
  | { readonly kind: "tick" }
  | { readonly kind: "passed" }
  | ({ readonly kind: "failed" } & GreetingFailure)
  | { readonly kind: "closed" };

/** What the shell is to do. A refusal is sent before the connection closes. */
export type GreetingEffect =
  | { readonly kind: "challenge" }
  | { readonly kind: "check"; readonly answer: GreetingAnswer }
  | { readonly kind: "welcome" }
  | ({ readonly kind: "refuse"; readonly close: CloseReason } & GreetingFailure);

/** A step: the next state, and what is to be done, in order. */
export interface GreetingStep {
  readonly state: Greeting;
  readonly effects: readonly GreetingEffect[];
}

/** Where every greeting begins. */
export const opening: Greeting = { kind: "opening" };

/**
 * One step of the greeting. Reads no clock, touches no socket.
 *
 *   opening ──opened──▶ challenged ──answer──▶ checking ──passed──▶ ended (welcome)
 *                           │                     ├── failed ─────▶ ended (refuse, 4401)
 *                           │                     └── any frame ──▶ ended (refuse, 4400)
 *                           ├── another version ──────────────────▶ ended (refuse, 4401)
 *                           ├── another frame, undecodable ───────▶ ended (refuse, 4400)
 *                           └── greetingMs ───────────────────────▶ ended (refuse, 4408)
 *   every state ── closed ──▶ ended (nothing)
 *
 * The deadline is the client's; while its answer is checked, time is ours and nothing expires.
 */
export function step(state: Greeting, event: GreetingEvent, nowMs: number): GreetingStep {
  if (event.kind === "closed") return { state: { kind: "ended" }, effects: [] };
  switch (state.kind) {
    case "opening":
      if (event.kind !== "opened") return { state, effects: [] };
      return {
        state: { kind: "challenged", deadlineMs: nowMs + limits.greetingMs.value },
        effects: [{ kind: "challenge" }],
      };
    case "challenged":
      return challenged(state, event, nowMs);
    case "checking":
      return checking(state, event);
    case "ended":
      return { state, effects: [] };
  }
}

function challenged(
  state: Extract<Greeting, { kind: "challenged" }>,
  event: GreetingEvent,
  nowMs: number,
): GreetingStep {
  switch (event.kind) {
    case "frame": {
      const { frame } = event;
      if (!isAnswer(frame)) return refused({ failure: "badFrame" }, "badFrame");
      if (frame.version !== PROTOCOL_VERSION) return refused({ failure: "unsupportedVersion" }, "unauthenticated");
      return { state: { kind: "checking" }, effects: [{ kind: "check", answer: frame }] };
    }
    case "undecodable":
      return refused({ failure: "badFrame" }, "badFrame");
    case "tick":
      if (nowMs < state.deadlineMs) return { state, effects: [] };
      return refused({ failure: "notAuthenticated" }, "silent");
    default:
      return { state, effects: [] };
  }
}

function isAnswer(frame: FrameToRelay): frame is GreetingAnswer {
  return answers.includes(frame.type);
}

function checking(state: Extract<Greeting, { kind: "checking" }>, event: GreetingEvent): GreetingStep {
  switch (event.kind) {
    case "frame":
    case "undecodable":
      return refused({ failure: "badFrame" }, "badFrame");
    case "passed":
      return { state: { kind: "ended" }, effects: [{ kind: "welcome" }] };
    case "failed": {
      const { failure, retryAfterMs, devices } = event;
      return refused({ failure, retryAfterMs, devices }, failure === "badFrame" ? "badFrame" : "unauthenticated");
    }
    default:
      return { state, effects: [] };
  }
}

function refused(failure: GreetingFailure, close: CloseReason): GreetingStep {
  return { state: { kind: "ended" }, effects: [{ kind: "refuse", close, ...failure }] };
}
