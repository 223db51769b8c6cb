/** The greeting as a client sees it: from the dial to `welcome`. Pure; `connection.ts` is its shell. */

import {
  type AccountId,
  authenticationText,
  type DeviceId,
  type Frame,
  type FrameToClient,
  type FrameToRelay,
  PROTOCOL_VERSION,
  SottoError,
} from "@sotto/protocol";
import { errorFromClose, errorFromFrame } from "./loss.js";

/** As what a connection greets the relay. `sign` is Ed25519 by the device's authentication key. */
export type Greeting =
  | {
      readonly kind: "device";
      readonly account: AccountId;
      readonly device: DeviceId;
      sign(text: Uint8Array): Uint8Array;
      /** The token of this device's last `park`, gone from its store when this resolves; `undefined` if there is none. */
      resume?(): Promise<Uint8Array | undefined>;
    }
  | { readonly kind: "anonymous" };

/** A registration without the frame's name. */
export type Registration = Omit<Frame<"register">, "type">;

/** How a connection answers the challenge. */
export type Opening =
  | Greeting
  | { readonly kind: "register"; build(challenge: Frame<"challenge">): Promise<Registration> };

/**
 * Judges the root of a challenge before anything is sent: returns, or throws wrongRoot or rootRequired. Called in every
 * greeting.
 */
export type CheckRoot = (challenge: Frame<"challenge">) => void | Promise<void>;

/** Where a greeting stands. */
export type GreetingState = "dialling" | "listening" | "answering" | "proving" | "live" | "over";

/** What happens to a greeting. */
export type GreetingEvent =
  | { readonly kind: "opened" }
  | { readonly kind: "frame"; readonly frame: FrameToClient }
  | { readonly kind: "answered"; readonly frame: FrameToRelay }
  | { readonly kind: "failed"; readonly error: SottoError }
  | { readonly kind: "timedOut" }
  | { readonly kind: "closed"; readonly code: number };

/** What the shell does next. */
export type GreetingEffect =
  | { readonly kind: "none" }
  | { readonly kind: "answer"; readonly challenge: Frame<"challenge"> }
  | { readonly kind: "send"; readonly frame: FrameToRelay }
  | { readonly kind: "ready"; readonly welcome: Frame<"welcome"> }
  | { readonly kind: "lose"; readonly error: SottoError };

/** A state and the effect of reaching it. */
export interface GreetingStep {
  readonly state: GreetingState;
  readonly effect: GreetingEffect;
}

const NONE: GreetingEffect = { kind: "none" };

/**
 * One step of the greeting. Reads no clock, touches no socket.
 *
 *   dialling ──opened──▶ listening ──challenge──▶ answering ──answered──▶ proving ──welcome──▶ live
 *       └── timedOut, closed, failed ─┴── the same, refused, any other frame ─┴───────────────▶ over
 */
export function step(state: GreetingState, event: GreetingEvent, opening: Opening): GreetingStep {
  if (state === "live" || state === "over") return { state, effect: NONE };
  switch (event.kind) {
    case "opened":
      return state === "dialling" ? { state: "listening", effect: NONE } : { state, effect: NONE };
    case "frame":
      return hear(state, event.frame, opening);
    case "answered":
      if (state !== "answering") return { state, effect: NONE };
      return { state: "proving", effect: { kind: "send", frame: event.frame } };
    case "failed":
      return lose(event.error);
    case "timedOut":
      return lose(new SottoError("timeout", { detail: "the greeting took too long" }));
    case "closed":
      return lose(errorFromClose(event.code, state === "proving" ? "proving" : "greeting"));
    default:
      return event satisfies never;
  }
}

function hear(state: GreetingState, frame: FrameToClient, opening: Opening): GreetingStep {
  if (frame.type === "refused" && state !== "dialling") return lose(errorFromFrame(frame));
  if (frame.type === "challenge" && state === "listening") {
    return { state: "answering", effect: { kind: "answer", challenge: frame } };
  }
  if (frame.type === "welcome" && state === "proving") {
    if (isFor(opening, frame)) return { state: "live", effect: { kind: "ready", welcome: frame } };
    return lose(new SottoError("badRelay", { detail: "a welcome to somebody else" }));
  }
  return lose(new SottoError("badRelay", { detail: `${frame.type} during the greeting` }));
}

function isFor(opening: Opening, { account, device, keyDigest }: Frame<"welcome">): boolean {
  switch (opening.kind) {
    case "anonymous":
      return account === undefined && device === undefined && keyDigest === undefined;
    case "device":
      return account === opening.account && device === opening.device && keyDigest !== undefined;
    case "register":
      return account !== undefined && device !== undefined;
    default:
      return opening satisfies never;
  }
}

function lose(error: SottoError): GreetingStep {
  return { state: "over", effect: { kind: "lose", error } };
}

/**
 * The frame that answers a challenge. The root is judged first: nothing, not even a version, is believed of a relay
 * whose root is wrong, and no proof is made for it.
 *
 * @throws what `checkRoot` throws; unsupportedVersion.
 */
export async function answerTo(
  challenge: Frame<"challenge">,
  opening: Opening,
  checkRoot: CheckRoot,
): Promise<FrameToRelay> {
  await checkRoot(challenge);
  if (challenge.version !== PROTOCOL_VERSION) throw new SottoError("unsupportedVersion");
  const version = PROTOCOL_VERSION;
  switch (opening.kind) {
    case "anonymous":
      return { type: "anonymous", version };
    case "device": {
      const { account, device } = opening;
      const signature = opening.sign(authenticationText(challenge, account, device));
      const resume = await opening.resume?.();
      return { type: "authenticate", version, account, device, signature, resume };
    }
    case "register":
      return { type: "register", ...(await opening.build(challenge)) };
    default:
      return opening satisfies never;
  }
}
