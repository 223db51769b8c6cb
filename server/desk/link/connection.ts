/**
 * One connection of the desk to its relay: greets, proves itself, and is heard until it is lost.
 *
 *   listening ──challenge──▶ answering ──root is the right one──▶ proving ──deskWelcome──▶ live
 *        └── 10 s, closed, refused, any other frame ──┴───────────────┴── closed, silent ──▶ over
 */

import {
  closeCodes,
  decodeFrame,
  deskText,
  encodeFrame,
  type FailureCode,
  type Frame,
  type FrameToClient,
  type FrameToRelay,
  failureFromWire,
  limits,
  PROTOCOL_VERSION,
  SottoError,
} from "@sotto/protocol";
import type { Clock } from "../../ports.js";
import type { DialRelay, LinkSocket } from "./socket.js";

/** What the desk proves itself with to the relay. Ed25519. */
export interface LinkKeys {
  readonly publicKey: Uint8Array;
  sign(text: Uint8Array): Uint8Array;
}

/** Judges the root of a challenge before any proof is made: resolves, or rejects with wrongRoot. */
export type CheckRoot = (root: Uint8Array) => Promise<void>;

/** What a connection needs, and whom it tells. `lost` comes once, and last. */
export interface ConnectionParts {
  readonly url: string;
  readonly keys: LinkKeys;
  readonly checkRoot: CheckRoot;
  readonly clock: Clock;
  readonly dial: DialRelay;
  live(): void;
  frame(frame: FrameToClient): void;
  lost(error: SottoError): void;
}

const GREETING_MS = 10_000;
/** The number of the heartbeat; requests count from 1. */
const HEARTBEAT_ID = 0;

const codeOfClose = new Map<number, FailureCode>([
  [closeCodes.badFrame, "badFrame"],
  [closeCodes.displaced, "displaced"],
  [closeCodes.silent, "timeout"],
  [closeCodes.flooding, "tooManyRequests"],
  [closeCodes.internal, "internal"],
  [closeCodes.unavailable, "busy"],
]);

/** One connection, dialled when it is made. */
export class DeskConnection {
  readonly #parts: ConnectionParts;
  readonly #socket: LinkSocket;
  #state: "listening" | "answering" | "proving" | "live" | "over" = "listening";
  #timer: { cancel(): void };
  #isPingOut = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#timer = parts.clock.after(GREETING_MS, () => this.lose("timeout", "the greeting took too long"));
    this.#socket = parts.dial(parts.url, {
      message: (bytes) => this.#hear(bytes),
      closed: (code) => this.#closed(code),
    });
  }

  /** Bytes the relay has not taken yet. */
  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  /** Sends a frame; nothing happens once the connection is over. @throws invalidArgument, tooLarge. */
  send(frame: FrameToRelay): void {
    const bytes = encodeFrame(frame);
    if (this.#state !== "over") this.#socket.send(bytes);
  }

  /** Gives the connection up. Idempotent. */
  lose(code: FailureCode, detail: string): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#timer.cancel();
    this.#socket.close();
    this.#parts.lost(new SottoError(code, { detail }));
  }

  #hear(bytes: Uint8Array): void {
    if (this.#state === "over") return;
    let frame: FrameToClient;
    try {
      frame = decodeFrame(bytes, "toClient");
    } catch {
      this.lose("badRelay", "a frame that is none");
      return;
    }
    if (frame.type === "pong") this.#isPingOut = false;
    else if (this.#state === "live") this.#parts.frame(frame);
    else this.#greet(frame);
  }

  #greet(frame: FrameToClient): void {
    if (frame.type === "refused") this.#refused(frame);
    else if (frame.type === "challenge" && this.#state === "listening") {
      this.#state = "answering";
      void this.#answer(frame);
    } else if (frame.type === "deskWelcome" && this.#state === "proving") {
      this.#state = "live";
      this.#beat();
      this.#parts.live();
    } else this.lose("badRelay", `${frame.type} during the greeting`);
  }

  async #answer(challenge: Frame<"challenge">): Promise<void> {
    try {
      await this.#parts.checkRoot(challenge.root);
    } catch (cause) {
      const code = cause instanceof SottoError ? cause.code : "internal";
      return this.lose(code, "the relay's root was not accepted");
    }
    if (challenge.version !== PROTOCOL_VERSION) return this.lose("unsupportedVersion", "another protocol version");
    if (this.#state !== "answering") return;
    this.#state = "proving";
    const { publicKey: key, sign } = this.#parts.keys;
    this.send({ type: "deskAuthenticate", version: PROTOCOL_VERSION, key, signature: sign(deskText(challenge)) });
  }

  #refused({ failure }: Frame<"refused">): void {
    this.lose(failureFromWire(failure) ?? "badRelay", "the relay refused the greeting");
  }

  #beat(): void {
    this.#timer.cancel();
    this.#timer = this.#parts.clock.after(limits.heartbeatMs.value, () => {
      if (this.#isPingOut) return this.lose("timeout", "a heartbeat without an answer");
      this.#isPingOut = true;
      this.send({ type: "ping", id: HEARTBEAT_ID });
      this.#beat();
    });
  }

  #closed(code: number): void {
    const isProofRefused = code === closeCodes.unauthenticated && this.#state === "proving";
    this.lose(
      isProofRefused ? "badCredentials" : (codeOfClose.get(code) ?? "offline"),
      `the connection closed with ${code}`,
    );
  }
}
