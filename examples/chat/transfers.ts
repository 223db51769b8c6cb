/** What is being sent and saved: a bar for each, drawn with the conversation. */

import progress, { type Options } from "cli-progress";
import { plain } from "./command.js";
import { sizeWords } from "./figures.js";

/** The bars move this often, however fast the bytes come. */
const DRAW_MS = 100;
const BAR_COLUMNS = 24;

// The library's own bars write where the cursor is. Here they are lines of a picture that is drawn as a whole.
const LOOK: Options = {
  barsize: BAR_COLUMNS,
  barGlue: "",
  barCompleteString: "█".repeat(BAR_COLUMNS + 1),
  barIncompleteString: "░".repeat(BAR_COLUMNS + 1),
};

/** One transfer, as whoever does it sees it. */
export interface Transfer {
  readonly signal: AbortSignal;
  /** So many bytes of so many. */
  moved(bytes: number, totalBytes: number): void;
}

/** What a transfer works with. */
interface Surroundings {
  say(lines: readonly string[]): void;
  readonly leaving: Set<Promise<unknown>>;
}

interface Bar {
  readonly label: string;
  readonly ending: AbortController;
  bytes: number;
  totalBytes: number;
}

/** The transfers of this run. */
export class Transfers {
  private readonly bars = new Set<Bar>();
  private drawnMs = 0;

  /** `told`: nobody can see a bar move, as in a pipe. */
  constructor(private readonly shown: "drawn" | "told") {}

  /** Draws anew. */
  onMove: () => void = () => undefined;

  /** The bars, the oldest first. */
  get lines(): readonly string[] {
    return [...this.bars].map(lineOf);
  }

  /** Runs a transfer beside everything else, and says what it answers, or why it failed. `label` names it, harmlessly. */
  run(label: string, { say, leaving }: Surroundings, work: (transfer: Transfer) => Promise<readonly string[]>): void {
    const ending = new AbortController();
    const bar: Bar = { label, ending, bytes: 0, totalBytes: 0 };
    this.bars.add(bar);
    if (this.shown === "drawn") this.onMove();
    else say([`${label}…`]);
    const done = work({ signal: ending.signal, moved: (bytes, totalBytes) => this.move(bar, bytes, totalBytes) })
      .catch((error: unknown) => (ending.signal.aborted ? [] : [plain(error)]))
      .then((lines) => {
        this.bars.delete(bar);
        leaving.delete(done);
        if (lines.length > 0) say(lines);
        this.onMove();
      });
    leaving.add(done);
  }

  /** Ends all of them, and answers how many there were. */
  cancel(): number {
    for (const { ending } of this.bars) ending.abort();
    return this.bars.size;
  }

  private move(bar: Bar, bytes: number, totalBytes: number): void {
    bar.bytes = bytes;
    bar.totalBytes = totalBytes;
    const nowMs = Date.now();
    if (nowMs - this.drawnMs < DRAW_MS) return;
    this.drawnMs = nowMs;
    this.onMove();
  }
}

function lineOf({ label, bytes, totalBytes }: Bar): string {
  // Before the first byte a picture may still be made ready.
  if (totalBytes === 0) return `${label}…`;
  const share = bytes / totalBytes;
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `${label} ${progress.Format.BarFormat(share, LOOK)} ${percent} % of ${sizeWords(totalBytes)}`;
}
