/** The heads of the logs, ahead of the disk: what every decision about a log is made by. */

import type { ConversationId } from "@sotto/protocol";
import type { Engine } from "../engine.js";
import { logHeadKey, logHeadValue, readLogHead, type StoredLogHead } from "../log-rows.js";
import { LatestRows } from "./latest-rows.js";
import type { Batch } from "./writer.js";

/** Heads kept in memory, with the documents of the rules: groups that write these minutes. */
const REMEMBERED_HEADS = 4_096;

/** Knows where each log is by all calls so far. */
export class LogHeads {
  readonly #rows: LatestRows<ConversationId, StoredLogHead>;

  constructor(engine: Engine) {
    this.#rows = new LatestRows({
      remembered: REMEMBERED_HEADS,
      load(group) {
        const row = engine.get(logHeadKey(group));
        return row === undefined ? undefined : readLogHead(row);
      },
    });
  }

  /**
   * The head by all calls so far, at once.
   *
   * @throws StoreError `unavailable` if it is not in memory and cannot be read.
   */
  latest(group: ConversationId): StoredLogHead | undefined {
    return this.#rows.latest(group);
  }

  /** The head on disk. Waits for changes that were made before the call. */
  async committed(group: ConversationId): Promise<StoredLogHead | undefined> {
    await this.#rows.settled(group);
    return this.#rows.latest(group);
  }

  /** Settles when the newest change of a head is on disk; `undefined` if it is. */
  writing(group: ConversationId): Promise<void> | undefined {
    return this.#rows.writing(group);
  }

  /** Writes a head, or deletes it. */
  change(batch: Batch, group: ConversationId, head: StoredLogHead | undefined): void {
    const key = logHeadKey(group);
    if (head === undefined) batch.delete(key);
    else batch.put(key, logHeadValue(head));
    this.#rows.change(batch, group, head);
  }
}
