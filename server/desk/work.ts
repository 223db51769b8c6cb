/** One piece of work at the desk: everything that changes, the log entries, the notes and the calls, in one batch or not at all. */

import { createHash, createHmac } from "node:crypto";
import type { AccountId, CaseStage, ReportCategory } from "@sotto/protocol";
import { toHex } from "@sotto/protocol";
import { DeskError, type Moderator } from "./api.js";
import type { AuditNote } from "./audit/chain.js";
import type { Ledger } from "./audit/ledger.js";
import type { Locks } from "./lock.js";
import type { Letter, Notes } from "./notes.js";
import type { DeskParts } from "./parts.js";
import type { RowChange } from "./ports.js";
import type { Tables } from "./rows.js";

/** What a webhook hears: never a word, and nobody's name. */
export interface HookBody {
  readonly case: string;
  readonly category: ReportCategory;
  readonly verified: boolean;
  readonly stage: CaseStage;
  readonly overdue?: true;
}

/** What a piece of work does, gathered until it is over. */
export interface Draft {
  readonly changes: RowChange[];
  readonly log: AuditNote[];
  readonly letters: Letter[];
  readonly calls: HookBody[];
}

/** What work is done with. */
export interface WorkParts extends Pick<DeskParts, "now" | "random" | "settings" | "trouble"> {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly locks: Locks;
  readonly notes: Notes;
  /** Something was written: who has a new note, and which tables have other rows now. */
  committed(told: readonly AccountId[], touched: ReadonlySet<string>): void;
}

/** Calls that may wait for a server that does not answer. */
const MAX_WAITING_CALLS = 1_000;

/** Does casework, one piece at a time. */
export class Work {
  readonly parts: WorkParts;

  constructor(parts: WorkParts) {
    this.parts = parts;
  }

  /**
   * As `run`, for somebody who works here: who was shown out while this waited for its turn does nothing any more.
   *
   * @throws DeskError notSignedIn then.
   */
  runFor<T>(by: Moderator, piece: (draft: Draft) => Promise<T>): Promise<T> {
    return this.run(async (draft) => {
      const row = await this.parts.tables.moderator.get(by.id);
      if (row?.leftMs !== undefined) throw new DeskError("notSignedIn", "Sign in.");
      return piece(draft);
    });
  }

  /** Runs a piece of work and commits what it gathered. Rows read within are as they were before. Rejects, and nothing changes. */
  async run<T>(piece: (draft: Draft) => Promise<T>): Promise<T> {
    const { locks, notes, ledger, tables, settings, now, random, trouble } = this.parts;
    const { result, told, touched } = await locks.hold("cases", async () => {
      const draft: Draft = { changes: [], log: [], letters: [], calls: [] };
      const result = await piece(draft);
      const written = await notes.write(draft.letters);
      const calls: RowChange[] = [];
      if (settings.webhook !== undefined && draft.calls.length > 0) {
        const waiting = await tables.webhook.some("", { limit: MAX_WAITING_CALLS });
        if (waiting.length >= MAX_WAITING_CALLS) trouble("webhooksFull", new Error("calls are dropped"));
        else
          for (const [index, body] of draft.calls.entries()) {
            const key = `${now().toString().padStart(16, "0")}-${index}-${toHex(random(8))}`;
            calls.push(tables.webhook.put(key, { body: JSON.stringify(body), tries: 0, dueMs: now() }));
          }
      }
      const changes = [...draft.changes, ...written.changes, ...calls];
      await ledger.commit(changes, ...draft.log);
      const touched = new Set(changes.map(({ key }) => key.slice(0, key.indexOf("/"))));
      return { result, told: written.told, touched };
    });
    this.parts.committed(told, touched);
    return result;
  }
}

/** What a webhook's receiver checks: HMAC-SHA-256 of the body. */
export function hookSignature(secret: Uint8Array, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

/** SHA-256 in hex digits, for secrets that are looked up and not kept. */
export function hashed(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
