/** What blobs were asked and what they answered, and whether blobs that came back after a crash agree. */

import { BlobError, type Blobs } from "../../../server/ports.js";
import { blob, isSame, NEVER_ABORTED, noise, readAll, startAppend } from "../../contract/blobs/harness.js";
import type { SeededRandom } from "../../support/crash/seeded-random.js";

const BLOBS = 4;
const LENGTHS = [0, 1, 5_000, 262_144, 262_145, 600_000, 900_000] as const;
/** Blobs live to one of these times; the sweep runs between them. */
const EXPIRY = { early: 1_000, late: 2_000, sweepAt: 1_500 } as const;

interface Promised {
  readonly lengthBytes: number;
  readonly expiresMs: number;
  /** `unknown`: a creation or deletion was asked for and not answered. */
  state: "there" | "unknown";
  /** Answered as durable. */
  committed: number;
  /** Asked for at most. */
  attempted: number;
  /** What was written, up to `attempted`. */
  readonly content: Uint8Array;
}

/** One user of blobs, who remembers everything across the crashes. */
export class Ledger {
  readonly broken: string[] = [];
  readonly #promised = new Map<number, Promised>();
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Works on the blobs until they fail. */
  async workUntilFailure(blobs: Blobs): Promise<void> {
    try {
      for (;;) await this.#work(blobs);
    } catch (cause) {
      if (!(cause instanceof BlobError) || cause.kind !== "unavailable") throw cause;
    }
  }

  /** Works on the blobs so many times, and goes on after what fails. */
  async workThroughFailures(blobs: Blobs, times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      try {
        await this.#work(blobs);
      } catch (cause) {
        if (!(cause instanceof BlobError) || cause.kind !== "unavailable") throw cause;
      }
    }
  }

  /** Compares what is there with what was promised; from now on what was seen is promised too. */
  async compare(blobs: Blobs): Promise<void> {
    let held = 0;
    for (let number = 0; number < BLOBS; number++) {
      held += (await blobs.find(blob(number)))?.lengthBytes ?? 0;
      const promised = await this.#compareOne(blobs, number, "reopened");
      if (promised !== undefined) await this.#compareBytes(blobs, number, promised);
    }
    if (blobs.usage().bytes !== held) this.broken.push(`${held} bytes are held, and ${blobs.usage().bytes} counted`);
  }

  async #compareOne(blobs: Blobs, number: number, when: "alive" | "reopened"): Promise<Promised | undefined> {
    const promised = this.#promised.get(number);
    const found = await blobs.find(blob(number));
    if (promised === undefined) {
      if (found !== undefined) this.broken.push(`blob ${number} is there again`);
      return undefined;
    }
    const isOther = found !== undefined && found.lengthBytes !== promised.lengthBytes;
    if (isOther) this.broken.push(`blob ${number} is another one`);
    // What a failed delete took away, or a failed create did not bring, a crash may still bring back.
    if (found === undefined && promised.state === "unknown" && when === "alive") return undefined;
    if (found === undefined || isOther) {
      if (promised.state === "there") this.broken.push(`blob ${number} is gone`);
      this.#promised.delete(number);
      return undefined;
    }
    const { committed, attempted } = promised;
    if (found.offset < committed) this.broken.push(`blob ${number} went back from ${committed} to ${found.offset}`);
    if (found.offset > attempted) this.broken.push(`blob ${number} is at ${found.offset}, and ${attempted} were sent`);
    promised.state = "there";
    promised.committed = found.offset;
    promised.attempted = found.offset;
    return promised;
  }

  /** Completes every blob and reads it. */
  async finish(blobs: Blobs): Promise<void> {
    for (const number of [...this.#promised.keys()]) {
      const promised = await this.#compareOne(blobs, number, "alive");
      if (promised === undefined) continue;
      await this.#append(blobs, number, promised, promised.lengthBytes - promised.committed, "commit");
      await this.#compareBytes(blobs, number, promised);
    }
  }

  async #compareBytes(blobs: Blobs, number: number, { lengthBytes, committed, content }: Promised): Promise<void> {
    if (committed < lengthBytes) return;
    const read = await readAll(blobs, blob(number)).catch((cause: unknown) => {
      if (cause instanceof BlobError && cause.kind === "corrupt") return undefined;
      throw cause;
    });
    if (read === undefined) this.broken.push(`blob ${number} is corrupt`);
    else if (!isSame(read, content)) this.broken.push(`blob ${number} holds other bytes`);
  }

  async #work(blobs: Blobs): Promise<void> {
    const number = this.#random.below(BLOBS);
    const promised = await this.#compareOne(blobs, number, "alive");
    if (promised === undefined) {
      if (!this.#promised.has(number)) await this.#create(blobs, number);
      return;
    }
    const dice = this.#random.below(100);
    if (dice < 8) await this.#delete(blobs, number, promised);
    else if (dice < 12) await this.#expire(blobs);
    else {
      const most = Math.min(promised.lengthBytes - promised.committed, 700_000);
      const lengthBytes = this.#random.below(most + 1);
      await this.#append(blobs, number, promised, lengthBytes, dice < 35 ? "discard" : "commit");
    }
  }

  async #create(blobs: Blobs, number: number): Promise<void> {
    const lengthBytes = LENGTHS[this.#random.below(LENGTHS.length)] ?? 0;
    const expiresMs = this.#random.below(4) === 0 ? EXPIRY.early : EXPIRY.late;
    const content = new Uint8Array(lengthBytes);
    const promised: Promised = { lengthBytes, expiresMs, content, state: "unknown", committed: 0, attempted: 0 };
    this.#promised.set(number, promised);
    const answer = await blobs.create(blob(number), { lengthBytes, expiresMs, unfinishedMs: EXPIRY.late });
    if (answer === "exists") this.broken.push(`blob ${number} is there again`);
    promised.state = "there";
  }

  async #append(
    blobs: Blobs,
    number: number,
    promised: Promised,
    lengthBytes: number,
    end: "commit" | "discard",
  ): Promise<void> {
    const from = promised.committed;
    const append = await startAppend(blobs, blob(number), from);
    const bytes = noise(lengthBytes, this.#random.below(1_000_000));
    promised.content.set(bytes, from);
    promised.attempted = from + lengthBytes;
    const pieceBytes = 1 + this.#random.below(300_000);
    try {
      for (let at = 0; at < lengthBytes; at += pieceBytes) await append.write(bytes.subarray(at, at + pieceBytes));
      if (end === "commit") promised.committed = await append.commit();
    } finally {
      await append.discard();
    }
    await this.#compareOne(blobs, number, "alive");
  }

  async #delete(blobs: Blobs, number: number, promised: Promised): Promise<void> {
    promised.state = "unknown";
    await blobs.delete(blob(number));
    this.#promised.delete(number);
  }

  async #expire(blobs: Blobs): Promise<void> {
    // One that a failed create did not bring is not there to be swept, and may be once there was a crash.
    const due = [...this.#promised].filter(
      ([, { expiresMs, state }]) => expiresMs <= EXPIRY.sweepAt && state === "there",
    );
    for (const [, promised] of due) promised.state = "unknown";
    await blobs.expire(EXPIRY.sweepAt, NEVER_ABORTED);
    for (const [number] of due) this.#promised.delete(number);
  }
}
