/** Opens a few chunks at once, ahead of who takes them, and gives them out in order. */

import { SottoError } from "@sotto/protocol";
import { Cancellation } from "../cancellation.js";
import { type Deferred, deferred } from "../deferred.js";
import type { AbortSignalLike } from "../ports.js";

/**
 * Chunks that came and were not taken yet, opened or being opened: enough that the network, the cipher and who takes them
 * work at the same time, and at 64 KiB each no more than a megabyte with their sealed forms.
 */
const WINDOW = 8;

/** Where chunks come from and how one is opened. */
export interface OpeningParts<Sealed, Opened> {
  /** Comes to an end soon after the signal aborts, whatever it waits for. */
  sealed(signal: AbortSignalLike): AsyncIterable<Sealed>;
  open(sealed: Sealed): Promise<Opened>;
  readonly signal?: AbortSignalLike | undefined;
}

/**
 * Opened chunks, in the order in which the sealed ones came, each as soon as it is opened. Sealed ones are taken from their
 * source while fewer than `WINDOW` wait, and no more once somebody stops taking. What fails is thrown in its place.
 *
 * @throws aborted if the signal aborts, also while opened chunks wait.
 */
export async function* openAhead<Sealed, Opened>(parts: OpeningParts<Sealed, Opened>): AsyncGenerator<Opened, void> {
  const { signal } = parts;
  if (isAborted(signal)) throw new SottoError("aborted");
  const cancellation = new Cancellation();
  const cancel = () => cancellation.abort();
  signal?.addEventListener("abort", cancel, { once: true });
  const queue = new Queue<Opened>();
  const filling = fill(parts, queue, cancellation);
  try {
    for (;;) {
      const opened = await queue.take();
      if (isAborted(signal)) throw new SottoError("aborted");
      if (opened === undefined) return;
      yield opened.value;
      if (isAborted(signal)) throw new SottoError("aborted");
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    queue.close();
    cancellation.abort();
    await filling;
  }
}

/** Never rejects: what goes wrong is the last thing in the queue. */
async function fill<Sealed, Opened>(
  { sealed, open }: OpeningParts<Sealed, Opened>,
  queue: Queue<Opened>,
  signal: AbortSignalLike,
): Promise<void> {
  try {
    for await (const chunk of sealed(signal)) {
      queue.put(open(chunk));
      if (!(await queue.room())) return;
    }
    queue.end();
  } catch (error) {
    queue.put(Promise.reject(error));
  }
}

/** What was opened, or is being opened, in order. */
class Queue<T> {
  private readonly opening: Promise<T>[] = [];
  private state: "filling" | "ended" | "closed" = "filling";
  private came: Deferred<void> | undefined;
  private went: Deferred<void> | undefined;

  put(opening: Promise<T>): void {
    // Nobody may come to take it.
    opening.catch(() => undefined);
    this.opening.push(opening);
    this.came?.resolve();
  }

  /** Nothing more comes. */
  end(): void {
    this.state = "ended";
    this.came?.resolve();
  }

  /** The first in line, once it is opened; `undefined` behind the last. */
  async take(): Promise<{ readonly value: T } | undefined> {
    while (this.opening.length === 0) {
      if (this.state !== "filling") return undefined;
      this.came = deferred();
      await this.came.promise;
    }
    const value = await (this.opening[0] as Promise<T>);
    this.opening.shift();
    this.went?.resolve();
    return { value };
  }

  /** Resolves once there is room for one more: with false if nobody takes any more. */
  async room(): Promise<boolean> {
    while (this.opening.length >= WINDOW && this.state !== "closed") {
      this.went = deferred();
      await this.went.promise;
    }
    return this.state !== "closed";
  }

  /** Nobody takes any more. */
  close(): void {
    this.state = "closed";
    this.went?.resolve();
  }
}

// Asked anew each time: the compiler would take the first answer for all.
function isAborted(signal: AbortSignalLike | undefined): boolean {
  return signal?.aborted === true;
}
