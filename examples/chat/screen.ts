/** The terminal: redrawn as a whole on a terminal, so that ticks change in place; plain lines when piped. */

import { createInterface, type Interface } from "node:readline";
import type { Line } from "./transcript.js";

/** What is drawn. */
export interface Picture {
  readonly title: string;
  readonly lines: readonly Line[];
  /** What is under way, below the conversation. */
  readonly bars: readonly string[];
  readonly notice: string;
}

/** Clears what is left of a row, and of the screen, so that nothing flickers as it would if all were cleared first. */
const TO_END_OF_ROW = "\u001b[K";
const TO_END_OF_SCREEN = "\u001b[J";

/** Draws, and reads lines. */
export class Screen {
  private readonly input: Interface;
  /** Whether somebody sits there, rather than a pipe. */
  readonly isTerminal = process.stdout.isTTY === true;
  private readonly printed = new Set<string>();
  private picture: Picture = { title: "", lines: [], bars: [], notice: "" };
  private notes: readonly string[] = [];
  private typed: readonly string[] = [];
  private wake: () => void = () => undefined;
  private isClosed = false;

  /** Hears of every key. */
  onKey: () => void = () => undefined;

  /** Hears of every line. */
  onLine: () => void = () => undefined;

  constructor(prompt: string, onEnd: () => void) {
    this.input = createInterface({ input: process.stdin, output: process.stdout, prompt });
    this.input.on("line", (line) => {
      this.notes = [];
      this.typed = [...this.typed, line];
      this.onLine();
      this.wake();
      if (this.isTerminal) this.draw(this.picture);
    });
    this.input.on("close", onEnd);
    if (this.isTerminal) process.stdin.on("keypress", () => this.onKey());
  }

  /**
   * The lines that are typed, one after the other; what was not taken when `signal` aborts is for the next reader. Ends behind
   * the last one if nothing more can be typed.
   */
  async *lines(signal: AbortSignal): AsyncGenerator<string> {
    signal.addEventListener("abort", () => this.wake(), { once: true });
    while (!signal.aborted) {
      const [line, ...rest] = this.typed;
      if (line !== undefined) {
        this.typed = rest;
        yield line;
      } else if (this.isClosed) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }

  /** Shows the picture, keeping what is being typed. */
  draw(picture: Picture): void {
    const { title, lines, bars, notice } = picture;
    this.picture = picture;
    // A prompt would take the terminal back, and keep the process alive.
    if (this.isClosed) return;
    if (!this.isTerminal) {
      this.print(lines);
      return;
    }
    const width = process.stdout.columns ?? 80;
    const wrapped = (texts: readonly string[]) => texts.flatMap((text) => wrap(text, width));
    const height = Math.max(4, (process.stdout.rows ?? 24) - 4);
    const notes = wrapped([...this.notes, ...bars]).slice(-height);
    const said = wrapped(lines.map(({ text }) => text)).slice(-Math.max(1, height - notes.length));
    const rows = [title.slice(0, width), "", ...said, ...notes, notice.slice(0, width)];
    process.stdout.write(`\u001b[H${rows.map((row) => `${row}${TO_END_OF_ROW}\n`).join("")}${TO_END_OF_SCREEN}`);
    this.input.prompt(true);
  }

  /** Words that were begun and not sent, for the user to go on with. They must be harmless: a line end would send them. */
  get draft(): string {
    return this.input.line;
  }

  set draft(words: string) {
    if (!this.isClosed && this.input.line === "") this.input.write(words);
  }

  /** Shows lines below the conversation; the next line typed clears them. */
  say(lines: readonly string[]): void {
    if (this.isTerminal) {
      this.notes = [...this.notes, ...lines.flatMap((line) => line.split("\n"))];
      this.draw(this.picture);
    } else {
      process.stdout.write(`${lines.join("\n")}\n`);
    }
  }

  /** Gives the terminal back. */
  close(): void {
    if (this.isTerminal && !this.isClosed) process.stdout.write("\n");
    this.isClosed = true;
    this.input.close();
    this.wake();
  }

  /** Each line once, as it was when it came. */
  private print(lines: readonly Line[]): void {
    for (const { key, text } of lines) {
      if (this.printed.has(key)) continue;
      this.printed.add(key);
      process.stdout.write(`${text}\n`);
    }
  }
}

/** Rows of a width, broken between words where there is a space not far from the end. */
function wrap(text: string, width: number): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const rows: string[] = [];
    let rest = [...line];
    while (rest.length > width) {
      const space = rest.lastIndexOf(" ", width);
      const end = space > width / 2 ? space : width;
      rows.push(rest.slice(0, end).join(""));
      rest = rest.slice(end === space ? end + 1 : end);
    }
    return [...rows, rest.join("")];
  });
}
