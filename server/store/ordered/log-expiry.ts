/** Deletes the logs of groups that nobody writes to any more. */

import type { ConversationId } from "@sotto/protocol";
import type { AbortSignalLike } from "../../ports.js";
import type { Engine } from "../engine.js";
import {
  allLogRemains,
  logCheckpointKey,
  logEntriesOf,
  logHeadsBehind,
  logRemainsKey,
  readLogHead,
  readLogHeadKey,
  readLogRemainsKey,
} from "../log-rows.js";
import { MAX_U48 } from "../row-keys.js";
import type { LogHeads } from "./log-heads.js";
import type { Turns } from "./turns.js";
import type { Writer } from "./writer.js";

/** Heads looked at at once; their documents pass through memory. */
const HEAD_STEP = 256;
/** Entries deleted at once. */
const ENTRY_STEP = 1_000;

/** What the expiry of logs is made of. */
export interface LogExpiryParts {
  readonly engine: Engine;
  readonly writer: Writer;
  readonly heads: LogHeads;
  readonly turns: Turns<ConversationId>;
}

/**
 * A log ends in one commit, with its head and checkpoint; a new one of the same group has another number. Its entries
 * are then nobody's and go in steps, and a mark stays until the last is gone: a crash between two steps leaks nothing.
 */
export class LogExpiry {
  readonly #parts: LogExpiryParts;

  constructor(parts: LogExpiryParts) {
    this.#parts = parts;
  }

  /** Ends logs nothing was appended to since a time, then deletes the entries of ended ones. Answers how many ended. */
  async expire(beforeMs: number, signal: AbortSignalLike): Promise<number> {
    const { engine, turns, writer } = this.#parts;
    writer.assertOpen();
    let ended = 0;
    let behind: ConversationId | undefined;
    while (!signal.aborted) {
      const rows = await engine.entries(logHeadsBehind(behind), HEAD_STEP);
      const idle = rows.filter(([, value]) => readLogHead(value).acceptedMs < beforeMs);
      const ends = idle.map(([key]) => {
        const group = readLogHeadKey(key);
        return turns.take(group, () => this.#end(group, beforeMs));
      });
      for (const count of await Promise.all(ends)) ended += count;
      const last = rows.at(-1);
      if (last === undefined) break;
      behind = readLogHeadKey(last[0]);
    }
    while (!signal.aborted && (await this.#clearSome()));
    return ended;
  }

  /** Ends a log if still nothing was appended; answers how many ended, 0 or 1. */
  async #end(group: ConversationId, beforeMs: number): Promise<number> {
    const { heads, writer } = this.#parts;
    const head = heads.latest(group);
    if (head === undefined || head.acceptedMs >= beforeMs) return 0;
    const batch = writer.change(0, (batch) => {
      heads.change(batch, group, undefined);
      batch.delete(logCheckpointKey(head.number));
      batch.put(logRemainsKey(head.number), Buffer.alloc(0));
    });
    await batch.done;
    return 1;
  }

  /** Deletes a step of what ended logs left; false if there is nothing. */
  async #clearSome(): Promise<boolean> {
    const { engine, writer } = this.#parts;
    const [mark] = await engine.keys(allLogRemains(), 1);
    if (mark === undefined) return false;
    const number = readLogRemainsKey(mark);
    const keys = await engine.keys(logEntriesOf(number, 0, MAX_U48), ENTRY_STEP);
    const batch = writer.change(0, (batch) => {
      for (const key of keys) batch.delete(key);
      if (keys.length < ENTRY_STEP) batch.delete(mark);
    });
    await batch.done;
    return true;
  }
}
