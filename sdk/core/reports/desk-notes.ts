/** What the desk writes to this account: fetched, opened, taken once, and told of. Each device of the account does so for itself. */

import {
  type DeskAnswer,
  type DeskNote,
  decodeNote,
  deskBox,
  equalBytes,
  noteContext,
  type Realm as RealmId,
  SottoError,
  unseal,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Counters } from "../counters.js";
import { isFatal } from "../fatal.js";
import type { DeskAsks } from "../franking/desk-asks.js";
import type { Clock, StoreChange } from "../ports.js";
import { Rounds } from "../rounds.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { goesOn, stageOfReceipt } from "./progress.js";
import type { ReportRows, RowsChange } from "./report-rows.js";

/** How often notes are looked for without being told of any. */
const POLL_MS = 15 * 60_000;
/** Pages of notes that one round takes; what is behind them waits for the next. */
const MAX_PAGES = 64;

/** What reading works with. */
export interface DeskNotesParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly rows: ReportRows;
  readonly asks: Pick<DeskAsks, "ask">;
  readonly realm: { readonly isKnown: boolean; readonly id: RealmId };
  readonly relay: { readonly device: { readonly state: string } };
  readonly clock: Clock;
  readonly counters: Counters;
  failed(error: unknown): void;
}

type Notes = Extract<DeskAnswer, { readonly kind: "notes" }>;
type SealedNote = Notes["notes"][number];

/** Reads them. */
export class DeskNotes {
  private readonly rounds: Rounds;
  private timer: { cancel(): void } | undefined;
  private isClosed = false;

  constructor(private readonly parts: DeskNotesParts) {
    this.rounds = new Rounds({ clock: parts.clock, delayMs: 0, work: () => this.round(), failed: parts.failed });
  }

  /** The relay was reached, the realm became known, or the desk has something new. */
  wake(): void {
    this.rounds.wake();
  }

  /** Nothing is asked for any more. Idempotent. */
  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
    this.rounds.close();
  }

  private async round(): Promise<void> {
    const { realm, relay, clock } = this.parts;
    this.timer?.cancel();
    this.timer = clock.after(POLL_MS, () => this.wake());
    if (!realm.isKnown || relay.device.state !== "ready") return;
    try {
      await this.read();
    } catch (error) {
      // What the desk or the way to it refuses now is asked for again at the next waking.
      if (isFatal(error)) throw error;
    }
  }

  private async read(): Promise<void> {
    const { id } = this.parts.realm;
    for (let page = 0; page < MAX_PAGES && !this.isClosed; page++) {
      const after = await this.after(id);
      const answer = await this.parts.asks.ask("notes", { after });
      if (answer.kind !== "notes") throw new SottoError("badRelay", { detail: "another answer than to notes" });
      const fresh = inOrder(answer, after);
      for (const note of fresh) await this.take(id, note);
      if (answer.more === "no" || fresh.length === 0) return;
    }
  }

  private async after(realm: RealmId): Promise<number> {
    const stored = await this.parts.store.get(keys.deskNotes);
    if (stored === undefined) return 0;
    const row = decodeRow("deskNotes", stored);
    return equalBytes(row.realm, realm) ? row.after : 0;
  }

  /** One commit for a note and for how far was read: it is told once on this device, whatever happens in between. */
  private async take(realm: RealmId, sealed: SealedNote): Promise<void> {
    const { rows, counters } = this.parts;
    const read: StoreChange = {
      key: keys.deskNotes,
      value: encodeRow("deskNotes", { realm, after: sealed.seq }),
    };
    const note = this.opened(realm, sealed);
    if (note === undefined) counters.count("notesRefused");
    await rows.change(async () => {
      const change = note === undefined ? {} : await this.effect(note);
      return { ...change, changes: [read] };
    });
  }

  private opened(realm: RealmId, { id, sealed }: SealedNote): DeskNote | undefined {
    const { account } = this.parts;
    const { secretKey } = deskBox(account.identity.privateKey);
    const opened = unseal(secretKey, noteContext(realm, account.id, id), sealed);
    if (opened === undefined) return undefined;
    try {
      // Kept beyond the frame it came in.
      return decodeNote(opened.slice());
    } catch {
      return undefined;
    }
  }

  private async effect(note: DeskNote): Promise<RowsChange> {
    const { rows, clock } = this.parts;
    switch (note.kind) {
      case "receipt": {
        const row = (await rows.report(note.about)) ?? unheardOf(note.about);
        const stage = stageOfReceipt(note);
        if (!goesOn(row.stage, stage)) return {};
        return { reports: [{ ...row, stage, failure: undefined, changedMs: clock.now() }] };
      }
      case "contextRequest": {
        const row = (await rows.report(note.about)) ?? unheardOf(note.about);
        const { gaps, note: words, atMs } = note;
        if (row.wanted !== undefined && row.wanted.atMs > atMs) return {};
        return { reports: [{ ...row, wanted: { gaps, note: words, atMs }, changedMs: clock.now() }] };
      }
      case "statement": {
        if ((await rows.statement(note.statement)) !== undefined) return {};
        const { kind: _kind, ...row } = note;
        return { statements: [row] };
      }
      default:
        return note satisfies never;
    }
  }
}

/** A report that another device of this account made. */
function unheardOf(id: Uint8Array): Row<"report"> {
  return { id, stage: "sent", changedMs: 0 };
}

/** What was not read yet, in order: a relay can neither repeat a note nor have one read before another. */
function inOrder({ notes }: Notes, after: number): readonly SealedNote[] {
  return notes.filter(({ seq }) => seq > after).sort((one, other) => one.seq - other.seq);
}
