/** The terminal: redrawn as a whole on a terminal, so that ticks change in place; plain lines when piped. */

import { createInterface, type Interface } from "node:readline";

/** What is drawn. */
export interface Picture {
  readonly title: string;
  readonly lines: readonly string[];
  readonly notice: string;
}

/** Draws, and reads lines. */
export class Screen {
  private readonly input: Interface;
  private readonly isTerminal = process.stdout.isTTY === true;
  private printed = 0;
  private picture: Picture = { title: "", lines: [], notice: "" };
  private notes: readonly string[] = [];

  constructor(prompt: string, onLine: (line: string) => void, onEnd: () => void, onKey: () => void) {
    this.input = createInterface({ input: process.stdin, output: process.stdout, prompt });
    this.input.on("line", (line) => {
      this.notes = [];
      onLine(line);
      if (this.isTerminal) this.draw(this.picture);
    });
    this.input.on("close", onEnd);
    if (this.isTerminal) process.stdin.on("keypress", onKey);
  }

  /** Shows the picture, keeping what is being typed. */
  draw(picture: Picture): void {
    const { title, lines, notice } = picture;
    this.picture = picture;
    if (!this.isTerminal) {
      for (const line of lines.slice(this.printed)) process.stdout.write(`${line}\n`);
      this.printed = Math.max(this.printed, lines.length);
      return;
    }
    const height = Math.max(4, (process.stdout.rows ?? 24) - 4);
    const width = process.stdout.columns ?? 80;
    const wrapped = lines.flatMap((line) => wrap(line, width)).slice(-Math.max(1, height - this.notes.length));
    process.stdout.write(`\u001b[2J\u001b[H${[title, "", ...wrapped, ...this.notes].join("\n")}\n${notice}\n`);
    this.input.prompt(true);
  }

  /** Shows lines below the conversation, for answers to commands; the next line typed clears them. */
  say(lines: readonly string[]): void {
    if (this.isTerminal) {
      this.notes = lines.flatMap((line) => line.split("\n"));
      this.draw(this.picture);
    } else {
      process.stdout.write(`${lines.join("\n")}\n`);
    }
  }

  /** Gives the terminal back. */
  close(): void {
    this.input.close();
  }
}

function wrap(line: string, width: number): readonly string[] {
  const characters = [...line];
  const rows: string[] = [];
  for (let at = 0; at < characters.length || at === 0; at += width)
    rows.push(characters.slice(at, at + width).join(""));
  return rows;
}
