/** One reader or writer at a time for each group: they build on what the one before has read. */

import { type ConversationId, SottoError } from "@sotto/protocol";
import { isFatal } from "../../fatal.js";
import { KeyedLock } from "../../keyed-lock.js";
import type { KeptGroup } from "./group-rows.js";
import type { LogSync } from "./log-sync.js";
import type { LogWriter, Wish } from "./log-writer.js";

const OFFLINE: ReadonlySet<string> = new Set(["offline", "timeout", "closed"]);

/** Who reads and who writes; made after the turns they take. */
export interface TurnParts {
  readonly sync: Pick<LogSync, "read">;
  readonly writer: Pick<LogWriter, "append">;
}

/** Lets them take turns. */
export class LogTurns {
  private readonly turns = new KeyedLock();
  private readonly waiting = new Map<ConversationId, Promise<KeptGroup>>();

  constructor(private readonly later: () => TurnParts) {}

  /** Reads, beginning after this call; calls that wait for their turn share it. @throws what `LogSync.read` throws. */
  async read(id: ConversationId): Promise<KeptGroup> {
    const shared = this.waiting.get(id);
    if (shared !== undefined) return shared;
    let hasBegun = false;
    const reading = this.turns.run(id, async () => {
      hasBegun = true;
      this.waiting.delete(id);
      const { kept } = await this.later().sync.read(id);
      return kept;
    });
    if (!hasBegun) this.waiting.set(id, reading);
    return reading;
  }

  /** Appends. @throws what `LogWriter.append` throws. */
  append(id: ConversationId, wish: Wish): Promise<KeptGroup> {
    return this.turns.run(id, () => this.later().writer.append(id, wish));
  }

  /** Reads whatever comes of it, and answers whether the relay could be asked. */
  async ask(id: ConversationId): Promise<"asked" | "offline"> {
    try {
      await this.read(id);
    } catch (error) {
      if (isFatal(error)) throw error;
      if (error instanceof SottoError && OFFLINE.has(error.code)) return "offline";
    }
    return "asked";
  }
}
