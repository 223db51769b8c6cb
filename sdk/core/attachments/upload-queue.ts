/** Uploads one after the other where they have the same source, and a few at once otherwise. */

import { SottoError } from "@sotto/protocol";
import { unlessAborted } from "../devices/pause.js";
import { KeyedLock } from "../keyed-lock.js";
import type { AbortSignalLike } from "../ports.js";
import type { Place } from "./pending.js";

/** Uploads under way at once: each holds two parts in memory. */
const MAX_AT_ONCE = 3;
/** Uploads under way or waiting. */
export const MAX_UPLOADS = 1_024;

/** Takes uploads and runs them in turn. */
export class UploadQueue {
  private readonly places = new KeyedLock();
  private readonly waiting: (() => void)[] = [];
  private free = MAX_AT_ONCE;
  private taken = 0;

  /** How many are under way now. */
  get underway(): number {
    return MAX_AT_ONCE - this.free;
  }

  /**
   * Runs work once no other of this place runs and there is room. Two uploads of one source never share a row, and neither is
   * refused: the second begins when the first is over.
   *
   * @throws tooManyRequests if too many wait; aborted at once, while the work unwinds; closed.
   */
  async run<T>(place: Place, signal: AbortSignalLike, work: () => Promise<T>): Promise<T> {
    if (this.taken >= MAX_UPLOADS)
      throw new SottoError("tooManyRequests", { detail: `${MAX_UPLOADS} uploads are waiting already` });
    this.taken += 1;
    const turn = this.places
      .run(place, () => this.inTurn(signal, work))
      .finally(() => {
        this.taken -= 1;
      });
    return unlessAborted(turn, signal);
  }

  /** Runs work while no upload of this place does, however many there are. @throws closed. */
  alone<T>(place: Place, work: () => Promise<T>): Promise<T> {
    return this.places.run(place, work);
  }

  /** Settles once nothing runs any more; from now on nothing begins. Idempotent. */
  close(): Promise<void> {
    return this.places.close();
  }

  private async inTurn<T>(signal: AbortSignalLike, work: () => Promise<T>): Promise<T> {
    await this.room(signal);
    try {
      if (signal.aborted) throw new SottoError("aborted");
      return await work();
    } finally {
      // The room goes to whoever waits longest, and is free only if nobody does.
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }

  /** Resolves with room to run in. @throws aborted at once, so that nothing else of the place waits for room that nobody needs. */
  private async room(signal: AbortSignalLike): Promise<void> {
    if (signal.aborted) throw new SottoError("aborted");
    if (this.free > 0) {
      this.free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.waiting.splice(this.waiting.indexOf(enter), 1);
        reject(new SottoError("aborted"));
      };
      this.waiting.push(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
