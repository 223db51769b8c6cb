/** Mail that notices brought and that could not be delivered at once. */

import type { StoredEnvelope } from "../ports.js";

/** Memory the envelopes of one connection may hold on to while they wait. */
const MAX_HELD_BYTES = 131_072;

/**
 * Keeps the newest run of announced envelopes without a gap, and the highest cursor ever announced.
 *
 * With it a stream that fell behind joins the live mail again although commits are under way all the time, and a window
 * that was full for a moment costs no read. What does not fit is forgotten; it is in the store.
 */
export class Announced {
  /** Rising without a gap. */
  private run: StoredEnvelope[] = [];
  private heldBytes = 0;
  private highest = 0;

  /** The highest cursor known to exist. */
  get head(): number {
    return this.highest;
  }

  /** Notes that the mailbox reaches up to a cursor. */
  reaches(cursor: number): void {
    this.highest = Math.max(this.highest, cursor);
  }

  /** Keeps an envelope if it continues the run, or starts a new run with it. */
  add(envelope: StoredEnvelope): void {
    if (envelope.cursor <= this.highest) return;
    if (envelope.cursor !== this.highest + 1) this.forget();
    this.highest = envelope.cursor;
    this.run.push(envelope);
    this.heldBytes += held(envelope);
    while (this.heldBytes > MAX_HELD_BYTES) this.heldBytes -= held(this.run.shift() as StoredEnvelope);
  }

  /** The envelope after `position`, if it is held. Forgets those up to `position`. */
  next(position: number): StoredEnvelope | undefined {
    for (;;) {
      const first = this.run[0];
      if (first === undefined || first.cursor > position + 1) return undefined;
      if (first.cursor === position + 1) return first;
      this.heldBytes -= held(first);
      this.run.shift();
    }
  }

  private forget(): void {
    this.run = [];
    this.heldBytes = 0;
  }
}

/** A body is a view of the message it came in, and keeps all of it. */
function held({ body }: StoredEnvelope): number {
  return body.buffer.byteLength;
}
