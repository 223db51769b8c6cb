/** Writes rows together with the log entries that say what was done: both or neither, and one chain whoever writes. */

import type { AuditEntry, AuditHead } from "../api.js";
import type { SigningKey } from "../keys/ed25519.js";
import type { Locks } from "../lock.js";
import type { RowChange, Rows } from "../ports.js";
import { type ScrubMark, scrubbedTables, scrubMarks } from "../retention/scrubbing.js";
import { sortable, type Tables } from "../rows.js";
import { type AuditNote, type AuditTip, dayOf, headText, nextEntry } from "./chain.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const PAGE = 512;

/** What the ledger works on. */
export interface LedgerParts {
  readonly rows: Rows;
  readonly tables: Tables;
  readonly locks: Locks;
  now(): number;
}

/** The only way in which the desk's rows are changed. */
export class Ledger {
  readonly #parts: LedgerParts;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  /** Writes changes and their entries in one batch. Resolves once that survives power loss. */
  async commit(changes: readonly RowChange[], ...notes: readonly AuditNote[]): Promise<void> {
    const { rows, tables, locks } = this.#parts;
    const lost = scrubbedTables(changes);
    if (notes.length + lost.length === 0) return changes.length === 0 ? undefined : rows.write(changes);
    return locks.hold("audit", async () => {
      const marks = await scrubMarks(tables, lost, this.#parts.now());
      const written = notes.length === 0 ? [] : await this.#entriesOf(notes);
      await rows.write([...changes, ...marks, ...written]);
    });
  }

  /** Takes a table's mark away once it was scrubbed, unless it lost something more since the mark was read. */
  async scrubbed(mark: ScrubMark): Promise<void> {
    const { rows, tables, locks } = this.#parts;
    await locks.hold("audit", async () => {
      if ((await tables.unscrubbed.get(mark.table))?.atMs !== mark.atMs) return;
      await rows.write([tables.unscrubbed.drop(mark.table)]);
    });
  }

  /** Signs the last entry of every day that is over and has none signed. */
  async signHeads(realm: Uint8Array, signer: SigningKey): Promise<void> {
    const { rows, tables, locks } = this.#parts;
    await locks.hold("audit", async () => {
      const signed = await tables.auditHead.all();
      const today = dayOf(this.#parts.now());
      const lastOfDay = new Map<string, AuditEntry>();
      for (const entry of await this.entries(signed.at(-1)?.value.seq ?? 0, Number.MAX_SAFE_INTEGER)) {
        lastOfDay.set(dayOf(entry.atMs), entry);
      }
      lastOfDay.delete(today);
      const changes = [...lastOfDay].map(([day, { seq, hash }]) =>
        tables.auditHead.put(day, { seq, hash, signature: signer.sign(headText(realm, { day, seq, hash })) }),
      );
      if (changes.length > 0) await rows.write(changes);
    });
  }

  /** Entries behind a number, in order, at most so many. */
  async entries(after: number, limit = PAGE): Promise<readonly AuditEntry[]> {
    const found: AuditEntry[] = [];
    for (;;) {
      const behind = sortable(found.at(-1)?.seq ?? after);
      const size = Math.min(PAGE, limit - found.length);
      if (size === 0) return found;
      const page = await this.#parts.tables.audit.some("", { after: behind, limit: size });
      found.push(...page.map(({ value }) => parseEntry(value)));
      if (page.length < size) return found;
    }
  }

  /** The signed heads, by day. */
  async heads(): Promise<readonly AuditHead[]> {
    return (await this.#parts.tables.auditHead.all()).map(({ key, value }) => ({
      day: key,
      seq: value.seq,
      hash: value.hash,
      signature: Buffer.from(value.signature).toString("base64"),
    }));
  }

  /** Where the log ends. */
  tip(): Promise<AuditTip | undefined> {
    return this.#parts.tables.auditTip.get("tip");
  }

  /** Entries behind the last one, and where the log ends then. */
  async #entriesOf(notes: readonly AuditNote[]): Promise<readonly RowChange[]> {
    const { tables } = this.#parts;
    let tip: AuditTip | undefined = await tables.auditTip.get("tip");
    // A clock that was set back must not put an entry on a day whose head was signed.
    const last = tip === undefined ? undefined : await this.#entry(tip.seq);
    const atMs = Math.max(this.#parts.now(), last?.atMs ?? 0);
    const written: RowChange[] = [];
    for (const note of notes) {
      const entry = nextEntry(tip, note, atMs);
      written.push(tables.audit.put(sortable(entry.seq), encoder.encode(JSON.stringify(entry))));
      tip = { seq: entry.seq, hash: entry.hash };
    }
    if (tip !== undefined) written.push(tables.auditTip.put("tip", tip));
    return written;
  }

  async #entry(seq: number): Promise<AuditEntry | undefined> {
    const value = await this.#parts.tables.audit.get(sortable(seq));
    return value === undefined ? undefined : parseEntry(value);
  }
}

/** Our own rows: what they hold was an entry when it was written, and whether it still is one the check says. */
function parseEntry(value: Uint8Array): AuditEntry {
  return JSON.parse(decoder.decode(value)) as AuditEntry;
}
