/** A socket's far end, as a relay under test sees it: frames in, frames out. */

import {
  closeCodes,
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameName,
  type FrameToClient,
  type FrameToRelay,
  failures,
  type WireFailureCode,
} from "@sotto/protocol";
import type { Connection, ConnectionHandler } from "../../../../server/ports.js";
import type { Relay } from "../../../../server/relay/index.js";
import { settle, until } from "./turns.js";

/** One connection to a relay under test. */
export class Client implements Connection {
  bufferedBytes = 0;
  /** The close code the relay chose, once it closed. */
  closedWith: number | undefined;
  /** How the relay grouped what it sent: messages per cork, 1 for a send outside of any. */
  readonly corks: number[] = [];
  /** Every message, as bytes. */
  readonly messages: Uint8Array[] = [];
  private readonly unread: FrameToClient[] = [];
  private readonly handler: ConnectionHandler | undefined;
  private isCorked = false;
  private nextId = 1;

  constructor(
    relay: Relay,
    readonly remoteAddress = "192.0.2.1",
  ) {
    this.handler = relay.connected(this);
  }

  get isRefused(): boolean {
    return this.handler === undefined;
  }

  // What the relay calls.
  send(message: Uint8Array): void {
    if (this.closedWith !== undefined) return;
    if (!this.isCorked) this.corks.push(1);
    else this.corks[this.corks.length - 1] = (this.corks.at(-1) as number) + 1;
    this.messages.push(message);
    this.unread.push(decodeFrame(message, "toClient"));
  }

  cork(sends: () => void): void {
    this.corks.push(0);
    this.isCorked = true;
    sends();
    this.isCorked = false;
  }

  close(code: number): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = code;
    this.handler?.closed();
  }

  // What a test calls.
  /** Hands the relay a frame. */
  say(frame: FrameToRelay): void {
    this.raw(encodeFrame(frame));
  }

  /** Hands the relay any bytes. */
  raw(message: Uint8Array): void {
    this.handler?.message(message);
  }

  /** The socket goes away from this end. */
  hangUp(): void {
    this.closedWith = 1006;
    this.handler?.closed();
  }

  /** The peer took everything. */
  drain(): void {
    this.bufferedBytes = 0;
    this.handler?.drained();
  }

  /** A fresh request id. */
  id(): number {
    return this.nextId++;
  }

  /** The next frame, which must be of this type. Word of changed devices comes in between, and is for who asks for it. */
  async next<Name extends FrameToClient["type"]>(type: Name): Promise<Frame<Name>> {
    const isWanted = (frame: FrameToClient) => frame.type === type || frame.type !== "devicesChanged";
    await until(
      // Nothing comes any more once it is closed.
      () => this.unread.some(isWanted) || this.closedWith !== undefined,
      () => type,
    );
    if (!this.unread.some(isWanted)) throw new Error(`waited in vain for ${type} (closed with ${this.closedWith})`);
    this.unread.splice(0, this.unread.findIndex(isWanted));
    const frame = this.unread.shift();
    if (frame?.type !== type) throw new Error(`expected ${type}, got ${describe(frame)}`);
    return frame as Frame<Name>;
  }

  /** The next frame of this type; what came before it is passed over. */
  async skipTo<Name extends FrameToClient["type"]>(type: Name): Promise<Frame<Name>> {
    await until(
      () => this.unread.some((frame) => frame.type === type),
      () => `${type} among ${this.unread.map(describe).join(", ")}`,
    );
    while (this.unread[0]?.type !== type) this.unread.shift();
    return this.next(type);
  }

  /** Frames that came and were not asked for, after everything came to rest. */
  async rest(): Promise<readonly FrameName[]> {
    await settle();
    return this.unread.map(({ type }) => type);
  }

  /** The next frame must refuse request `id` with this code. */
  async failure(id: number, code: WireFailureCode): Promise<Frame<"failed">> {
    const frame = await this.next("failed");
    if (frame.id !== id || frame.failure !== failures[code].wire) {
      throw new Error(`expected ${code} for ${id}, got ${describe(frame)}`);
    }
    return frame;
  }

  /** The relay closes with the code of this reason. */
  async closed(reason: keyof typeof closeCodes): Promise<void> {
    await until(
      () => this.closedWith !== undefined,
      () => `a close, ${reason}`,
    );
    if (this.closedWith !== closeCodes[reason]) throw new Error(`expected ${reason}, closed with ${this.closedWith}`);
  }
}

function describe(frame: FrameToClient | undefined): string {
  if (frame?.type !== "failed" && frame?.type !== "refused") return `${frame?.type}`;
  const code = Object.entries(failures).find(([, row]) => row.wire === frame.failure)?.[0];
  return `${frame.type} ${code}`;
}
