/** One transfer over all lives of its client, and the rules that it must keep. */

import type { FromClient, Way } from "./lines.js";

/** What came of interruptions. */
export interface Resumptions {
  /** By the death of the client, with something moved before it. */
  killed: number;
  /** By a lost line, that is the death of the relay. */
  cut: number;
  /** Either, and then gone on with behind byte 0. */
  wentOn: number;
}

const CHUNK_BYTES = 65_536;

/** The watch over one direction of one file. What breaks a rule is told as wrong. */
export class Course {
  isDone = false;
  /** Bytes that were called moved: they are never moved again. */
  private moved = 0;
  /** The upload or blob it was last, unless its source changed since. */
  private blob: string | undefined;
  /** A life of the client ended in the middle of it, with something moved. */
  private wasKilled = false;
  /** The line was lost in the middle of it, with something moved. */
  private wasCut = false;
  /** Nothing was asked since a life of the client ended. */
  private isInNewLife = false;

  constructor(
    private readonly way: Way,
    private readonly file: { readonly name: string; readonly sizeBytes: number },
    private readonly counts: Resumptions,
    private readonly wrong: (what: string) => void,
  ) {}

  get movedBytes(): number {
    return this.moved;
  }

  /** Told by the SDK to its app. */
  reports(bytes: number): void {
    if (bytes < this.moved) this.wrong(`${this.title} went back from ${this.moved} to ${bytes}`);
    if (bytes > 0) this.goesOn();
    this.moved = bytes;
  }

  /** Seen on its way to the relay. */
  asks({ at, blob, when }: Extract<FromClient, { kind: "asked" }>): void {
    if (this.blob !== undefined && this.blob !== blob) this.beginsAnew();
    this.blob = blob;
    this.isInNewLife = false;
    // A download asks for whole chunks.
    const least = this.way === "up" ? this.moved : this.moved - (this.moved % CHUNK_BYTES);
    if (at < least) this.wrong(`${this.title} had ${this.moved}, and was asked for again from ${at}`);
    // However often it takes to find the relay back.
    if (when === "again" && !this.wasCut && this.moved > 0) {
      this.counts.cut += 1;
      this.wasCut = true;
    }
    if (at === 0) this.wasKilled = false;
  }

  done(): void {
    // Everything was there already.
    this.goesOn();
    this.isDone = true;
  }

  /** Its client died. */
  dies(): void {
    this.isInNewLife = true;
    if (this.isDone || this.moved === 0 || this.wasKilled) return;
    this.counts.killed += 1;
    this.wasKilled = true;
  }

  /** The source has other bytes now: what was moved counts for nothing. */
  changes(): void {
    this.moved = 0;
    this.blob = undefined;
    this.wasKilled = false;
  }

  /** Only what was whole, and what its client died before it could say so, is uploaded once more. */
  private beginsAnew(): void {
    if (this.moved < this.file.sizeBytes || !this.isInNewLife)
      this.wrong(`${this.title} had ${this.moved}, and began anew`);
    this.moved = 0;
    this.wasKilled = false;
  }

  /** Behind byte 0; once for each interruption. */
  private goesOn(): void {
    this.counts.wentOn += Number(this.wasKilled) + Number(this.wasCut);
    this.wasKilled = false;
    this.wasCut = false;
  }

  private get title(): string {
    return `${this.way}load of file ${this.file.name}`;
  }
}
