/** The terminal: redrawn as a whole on a terminal, so that ticks change in place; plain lines when piped. */

import { createInterface, type Interface } from "node:readline";
import type { Line } from "./transcript.js";

/** What is drawn. */
export interface Picture {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly notice: string;
}

/** Draws, and reads lines. */
export class Screen {
  private readonly input: Interface;
  private readonly isTerminal = process.stdout.isTTY === true;
  private readonly printed = new Set<string>();
  private picture: Picture = { title: "", lines: [], notice: "" };
  private notes: readonly string[] = [];
  private typed: readonly string[] = [];
  private wake: () => void = () => undefined;
  private isClosed = false;

  /** Hears of every key. */
  onKey: () => void = () => undefined;

  constructor(prompt: string, onEnd: () => void) {
    this.input = createInterface({ input: process.stdin, output: process.stdout, prompt });
    this.input.on("line", (line) => {
      this.notes = [];
      this.typed = [...this.typed, line];
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
    const { title, lines, notice } = picture;
    this.picture = picture;
    // A prompt would take the terminal back, and keep the process alive.
    if (this.isClosed) return;
    if (!this.isTerminal) {
      this.print(lines);
      return;
    }
    const height = Math.max(4, (process.stdout.rows ?? 24) - 4);
    const width = process.stdout.columns ?? 80;
    const notes = this.notes.slice(-height);
    const wrapped = lines.flatMap(({ text }) => wrap(text, width)).slice(-Math.max(1, height - notes.length));
    process.stdout.write(`\u001b[2J\u001b[H${[title, "", ...wrapped, ...notes].join("\n")}\n${notice}\n`);
    this.input.prompt(true);
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

function wrap(line: string, width: number): readonly string[] {
  const characters = [...line];
  const rows: string[] = [];
  for (let at = 0; at < characters.length || at === 0; at += width)
    rows.push(characters.slice(at, at + width).join(""));
  return rows;
}
