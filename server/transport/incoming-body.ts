/** The body of one request between the transport, which is pushed pieces by its socket, and the rules, which take them. */

import type { HttpBody } from "../ports.js";
import type { TransferBounds } from "./bounds.js";
import { Patience } from "./patience.js";
import type { SharedRoom } from "./shared-room.js";

/** Stops and starts the reading of a socket. Both are idempotent. */
export interface Flow {
  pause(): void;
  resume(): void;
}

interface Taker {
  resolve(result: IteratorResult<Uint8Array, undefined>): void;
  reject(cause: Error): void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * A body whose socket is read while somebody waits for a piece of it, and paused when one comes for which nobody does. What
 * the transport had read by then waits too.
 *
 *   coming ──all bytes──▶ whole ──last piece taken──▶ taken
 *      ├── peer gone, or out of patience ──▶ failed (after what has come was taken)
 *      └── rules answered, or broke off ──▶ left
 */
export class IncomingBody implements HttpBody, AsyncIterableIterator<Uint8Array> {
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private receivedBytes = 0;
  private taker: Taker | undefined;
  private isLeft = false;
  private readonly patience: Patience;
  /** Why no more will come. */
  failure: Error | undefined;

  constructor(
    readonly lengthBytes: number,
    private readonly flow: Flow,
    private readonly room: SharedRoom,
    private readonly bounds: TransferBounds,
  ) {
    this.patience = new Patience(bounds, () =>
      this.fail(new Error("the sender of a body sent too little for too long")),
    );
  }

  /** Whether the rules had all of it, so that the next request may follow. */
  get isTaken(): boolean {
    return this.isWhole && this.waiting.length === 0 && !this.isLeft && this.failure === undefined;
  }

  /** Whether all of it came. */
  get isWhole(): boolean {
    return this.receivedBytes >= this.lengthBytes;
  }

  /** The next bytes came; they are the taker's to keep. */
  push(piece: Uint8Array): void {
    this.receivedBytes += piece.length;
    this.patience.moved(piece.length);
    if (this.isWhole) this.end();
    if (this.isLeft || this.failure !== undefined || piece.length === 0) return;
    const { taker } = this;
    if (taker === undefined) {
      this.keep(piece);
    } else {
      this.taker = undefined;
      this.patience.rest();
      taker.resolve({ done: false, value: piece });
    }
  }

  /** All of it came. What was read after a pause may have been the last, and the next request is read from this socket. */
  private end(): void {
    this.patience.end();
    this.flow.resume();
  }

  /** Nothing more comes of one that is not whole. Idempotent. */
  fail(cause: Error): void {
    if (!this.isWhole) this.breakOff(cause);
  }

  private keep(piece: Uint8Array): void {
    if (this.isTooMuch(piece.length)) {
      this.breakOff(new Error("a body came faster than it was taken, and could not be stopped"));
      return;
    }
    this.waiting.push(piece);
    this.waitingBytes += piece.length;
    this.room.fill(piece.length);
    if (!this.isWhole) this.flow.pause();
  }

  private isTooMuch(bytes: number): boolean {
    const { maxWaitingBytesAll, maxWaitingBytesEach } = this.bounds;
    if (this.waiting.length === 0) return bytes > maxWaitingBytesEach;
    return this.waitingBytes + bytes > maxWaitingBytesEach || this.room.bytes + bytes > maxWaitingBytesAll;
  }

  private breakOff(cause: Error): void {
    if (this.failure !== undefined) return;
    this.failure = cause;
    this.room.forget(this.readOn);
    this.patience.end();
    this.taker?.reject(cause);
    this.taker = undefined;
  }

  /** Nobody takes any more of it; what still comes is thrown away. Without effect on one that was taken. */
  leave(): void {
    if (this.isTaken || this.isLeft) return;
    this.isLeft = true;
    this.room.forget(this.readOn);
    this.patience.end();
    this.waiting.length = 0;
    this.room.empty(this.waitingBytes);
    this.waitingBytes = 0;
    this.taker?.resolve(DONE);
    this.taker = undefined;
    if (!this.isWhole) this.flow.pause();
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const piece = this.waiting.shift();
    if (piece !== undefined) {
      this.waitingBytes -= piece.length;
      this.room.empty(piece.length);
      return Promise.resolve({ done: false, value: piece });
    }
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.isLeft || this.isWhole) return Promise.resolve(DONE);
    if (this.taker !== undefined)
      return Promise.reject(new Error("a body has one taker, who takes one piece at a time"));
    return new Promise((resolve, reject) => {
      this.taker = { resolve, reject };
      this.room.whenFree(this.readOn);
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.leave();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private readonly readOn = (): void => {
    this.patience.wait();
    this.flow.resume();
  };
}
