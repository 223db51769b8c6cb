/** What an app noted on disk before it acted: the one witness that a `kill -9` cannot silence. */

import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Cursor } from "@sotto/sdk";

/** One item that an app was shown. */
export interface ShownItem {
  readonly cursor: Cursor;
  readonly direction: "sent" | "received";
  /** The words of a text; the kind of everything else. */
  readonly words: string;
}

/** An append-only file, synced with every line. */
export class Journal {
  readonly items: ShownItem[];
  private readonly file: number;

  /** Opens a journal and reads what earlier lives noted; the half line of a kill counts as never written. */
  constructor(path: string) {
    const text = readIfThere(path);
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    this.items = whole
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as ShownItem);
    this.file = openSync(path, "w");
    writeSync(this.file, whole);
    fsyncSync(this.file);
  }

  /** Notes an item; it survives everything once this returns. */
  note(item: ShownItem): void {
    this.items.push(item);
    writeSync(this.file, `${JSON.stringify(item)}\n`);
    fsyncSync(this.file);
  }

  /** The cursor to resume behind. */
  get last(): Cursor | undefined {
    return this.items.at(-1)?.cursor;
  }

  close(): void {
    closeSync(this.file);
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
