/** One socket from its dial to its end: greets, then passes on what a live relay may say. */

import { closeCodes, decodeFrame, encodeFrame, type FrameToClient, frames, SottoError } from "@sotto/protocol";
import type { Clock, Dial, Socket } from "../ports.js";
import {
  answerTo,
  type CheckRoot,
  type GreetingEffect,
  type GreetingEvent,
  type GreetingState,
  type Opening,
  step,
} from "./greeting.js";
import { errorFromClose } from "./loss.js";

/** From the dial to an open socket, TLS included: slow mobile networks need it. */
const OPEN_TIMEOUT_MS = 20_000;
/** From the open socket to `welcome`: thrice what the relay gives us, since both directions may be slow. */
const GREETING_TIMEOUT_MS = 15_000;

const NORMAL_CLOSURE = 1000; // RFC 6455 §7.4.1

/** What a relay says to the desk, and to no device. */
type DeskFrame = "deskWelcome" | "deskAsked" | "stampKeys" | "reports" | "reportsWaiting";

/** A frame that may come after the greeting. */
export type LiveFrame = Exclude<FrameToClient, { readonly type: "challenge" | "welcome" | "refused" | DeskFrame }>;

/** What a connection is made of, and whom it tells. After `lost` or `close()` it tells nobody anything. */
export interface ConnectionParts {
  readonly address: string;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly opening: Opening;
  readonly checkRoot: CheckRoot;
  ready(welcome: Extract<FrameToClient, { readonly type: "welcome" }>): void;
  frame(frame: LiveFrame): void;
  /** Called at most once. */
  lost(error: SottoError): void;
}

/** One connection. Whatever its socket does, it ends in `lost` or goes on; it never throws out of a socket's event. */
export class Connection {
  readonly #parts: ConnectionParts;
  #state: GreetingState = "dialling";
  #socket: Socket | undefined;
  #timer: { cancel(): void };

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#timer = parts.clock.after(OPEN_TIMEOUT_MS, () => this.#greet({ kind: "timedOut" }));
  }

  /** Dials; called once, after the owner holds the connection, since a dial may fail at once. */
  open(): void {
    try {
      const socket = this.#parts.dial(this.#parts.address, {
        opened: () => this.#opened(),
        message: (bytes) => this.#hear(bytes),
        closed: (code) => this.#closed(code),
      });
      if (this.#state === "over") socket.close(NORMAL_CLOSURE);
      else this.#socket = socket;
    } catch (cause) {
      const isTyped = cause instanceof SottoError;
      this.drop(isTyped ? cause : new SottoError("offline", { detail: "the socket could not be made", cause }));
    }
  }

  /** Sends the bytes of a frame; dropped silently once the connection is over. */
  send(bytes: Uint8Array): void {
    try {
      this.#socket?.send(bytes);
    } catch (cause) {
      this.drop(new SottoError("offline", { detail: "the socket refused to send", cause }));
    }
  }

  /** Bytes not yet handed to the network. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedBytes ?? 0;
  }

  /** Ends the connection for a reason, which `lost` is told. Idempotent. */
  drop(error: SottoError): void {
    if (this.#state === "over") return;
    this.#leave(closeCodeFor(error));
    this.#parts.lost(error);
  }

  /** Ends the connection without a word to its owner. Idempotent. */
  close(): void {
    this.#leave(NORMAL_CLOSURE);
  }

  #opened(): void {
    if (this.#state !== "dialling") return;
    this.#timer.cancel();
    this.#timer = this.#parts.clock.after(GREETING_TIMEOUT_MS, () => this.#greet({ kind: "timedOut" }));
    this.#greet({ kind: "opened" });
  }

  #hear(bytes: Uint8Array): void {
    if (this.#state === "over") return;
    let frame: FrameToClient;
    try {
      frame = decodeFrame(bytes, "toClient");
    } catch (cause) {
      this.drop(new SottoError("badRelay", { detail: "a frame that does not decode", cause }));
      return;
    }
    if (this.#state !== "live") this.#greet({ kind: "frame", frame });
    else if (this.#isLive(frame)) this.#parts.frame(frame);
    else this.drop(new SottoError("badRelay", { detail: `${frame.type} on a live connection` }));
  }

  #isLive(frame: FrameToClient): frame is LiveFrame {
    if (frame.type === "welcome") return false;
    const stages: readonly string[] = frames[frame.type].stages;
    return stages.includes(this.#parts.opening.kind === "anonymous" ? "anonymous" : "device");
  }

  #closed(code: number): void {
    if (this.#state === "live") this.drop(errorFromClose(code, "live"));
    else this.#greet({ kind: "closed", code });
  }

  #greet(event: GreetingEvent): void {
    const { state, effect } = step(this.#state, event, this.#parts.opening);
    if (effect.kind !== "lose") this.#state = state;
    this.#run(effect);
  }

  #run(effect: GreetingEffect): void {
    switch (effect.kind) {
      case "none":
        return;
      case "answer":
        answerTo(effect.challenge, this.#parts.opening, this.#parts.checkRoot).then(
          (frame) => this.#greet({ kind: "answered", frame }),
          (cause: unknown) => this.#greet({ kind: "failed", error: asSottoError(cause) }),
        );
        return;
      case "send":
        this.#sendFrame(effect.frame);
        return;
      case "ready":
        this.#timer.cancel();
        this.#parts.ready(effect.welcome);
        return;
      case "lose":
        this.drop(effect.error);
        return;
      default:
        effect satisfies never;
    }
  }

  #sendFrame(frame: Parameters<typeof encodeFrame>[0]): void {
    try {
      this.send(encodeFrame(frame));
    } catch (cause) {
      this.drop(asSottoError(cause));
    }
  }

  #leave(code: number): void {
    this.#state = "over";
    this.#timer.cancel();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(code);
  }
}

/** What the app's own parts throw is its misuse, unless they say otherwise. */
function asSottoError(cause: unknown): SottoError {
  if (cause instanceof SottoError) return cause;
  return new SottoError("invalidArgument", { detail: "checkRoot, sign or build threw", cause });
}

function closeCodeFor({ code }: SottoError): number {
  if (code === "badRelay") return closeCodes.badFrame;
  return code === "timeout" ? closeCodes.silent : NORMAL_CLOSURE;
}
