/** Reports on their way to the relay: sealed and kept before anything leaves, and repeated until the relay has them. */

import { type FailureCode, failures, SottoError } from "@sotto/protocol";
import type { Counters } from "../counters.js";
import { isFatal } from "../fatal.js";
import { nextDelayMs } from "../link/backoff.js";
import type { Clock, Random } from "../ports.js";
import type { Relay } from "../relay.js";
import { Rounds } from "../rounds.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { goesOn } from "./progress.js";
import type { ReportRows } from "./report-rows.js";

/** Reports that may wait at once: sealed, each has some thousand bytes, and with many attachments a hundred thousand. */
const MAX_WAITING = 32;

/** What sending works with. */
export interface ReportSendingParts {
  readonly store: SealedStore;
  readonly rows: ReportRows;
  readonly relay: { readonly device: Pick<Relay["device"], "request" | "state"> };
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  failed(error: unknown): void;
}

/** A report that is sealed and has not left. */
export interface SealedDraft {
  readonly id: Uint8Array;
  readonly made: NonNullable<Row<"report">["made"]>;
  readonly layers: Row<"reportLayers">;
  /** Of context, when the desk asked for what it answers; `undefined` if it had asked for nothing. */
  readonly wantedMs?: number | undefined;
}

/** Sends reports. */
export class ReportSending {
  private readonly rounds: Rounds;
  private fails = 0;
  private timer: { cancel(): void } | undefined;
  private isClosed = false;

  constructor(private readonly parts: ReportSendingParts) {
    this.rounds = new Rounds({ clock: parts.clock, delayMs: 0, work: () => this.round(), failed: parts.failed });
  }

  /**
   * Keeps a report and sends it as soon as the relay is there. Resolves with its row once it is durable. Of the same draft twice
   * there is one report, and of appeals against one statement there is one.
   *
   * @throws outboxFull if too many wait; appealClosed.
   */
  async submit({ id, made, layers, wantedMs }: SealedDraft, nowMs: number): Promise<Row<"report">> {
    const { rows } = this.parts;
    let kept: Row<"report"> = { id, made, stage: "waiting", changedMs: nowMs };
    await rows.change(async () => {
      const present = await rows.report(id);
      if (present?.made !== undefined) {
        kept = present;
        return undefined;
      }
      if (made.kind === "appeal" && made.about !== undefined && (await rows.isAppealed(made.about, id))) {
        throw new SottoError("appealClosed");
      }
      if ((await this.waiting()).length >= MAX_WAITING) {
        throw new SottoError("outboxFull", { detail: `${MAX_WAITING} reports wait for the relay already` });
      }
      const value = encodeRow("reportLayers", layers);
      return {
        reports: [kept, ...(await this.answered(made, wantedMs))],
        changes: [{ key: keys.reportLayers(id), value }],
      };
    });
    this.wake();
    return kept;
  }

  /** Something may go. */
  wake(): void {
    this.rounds.wake();
  }

  /** What waits goes with the next client. Idempotent. */
  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
    this.rounds.close();
  }

  /** The report that this is the context of: what the desk asked for is answered, if it did not ask anew since the draft. */
  private async answered(
    { kind, about }: SealedDraft["made"],
    wantedMs: number | undefined,
  ): Promise<readonly Row<"report">[]> {
    const row = kind === "context" && about !== undefined ? await this.parts.rows.report(about) : undefined;
    return row?.wanted === undefined || row.wanted.atMs !== wantedMs ? [] : [{ ...row, wanted: undefined }];
  }

  private async waiting(): Promise<readonly Row<"report">[]> {
    const reports = await this.parts.rows.reports();
    const waiting = reports.filter(({ stage }) => stage === "waiting");
    // In the order in which they were made: context comes after the report it is for.
    return waiting.sort((one, other) => (one.made?.madeMs ?? 0) - (other.made?.madeMs ?? 0));
  }

  private async round(): Promise<void> {
    const { relay } = this.parts;
    for (const { id } of await this.waiting()) {
      if (this.isClosed || relay.device.state !== "ready") return;
      const failure = await this.send(id);
      if (failure === undefined) {
        this.fails = 0;
        continue;
      }
      if (this.isClosed) return;
      await this.noteDelay(id, failure.code);
      return this.later(failure);
    }
  }

  /** Why it did not leave and may leave later; `undefined` if it left, or never will. */
  private async send(id: Uint8Array): Promise<SottoError | undefined> {
    const { store, relay } = this.parts;
    const stored = await store.get(keys.reportLayers(id));
    if (stored === undefined) return this.end(id, { stage: "refused" });
    const { heads, words } = decodeRow("reportLayers", stored);
    try {
      await relay.device.request({ type: "submitReport", report: id, heads, words });
    } catch (error) {
      if (!(error instanceof SottoError) || isFatal(error)) throw error;
      if (!isFinal(error)) return error;
      this.parts.counters.count("reportsRefused");
      return this.end(id, { stage: "refused", failure: error.code });
    }
    return this.end(id, { stage: "sent" });
  }

  private async end(id: Uint8Array, to: Pick<Row<"report">, "stage" | "failure">): Promise<undefined> {
    const { rows, clock } = this.parts;
    await rows.change(async () => {
      const row = await rows.report(id);
      // A receipt of the desk may have come before the relay's answer.
      if (row === undefined || !goesOn(row.stage, to.stage)) return undefined;
      return { reports: [{ ...row, failure: undefined, ...to, changedMs: clock.now() }] };
    });
  }

  /** Says why a report still waits, once for each reason; that there is no connection says itself. */
  private async noteDelay(id: Uint8Array, failure: FailureCode): Promise<void> {
    if (failures[failure].wire === 0) return;
    const { rows, clock } = this.parts;
    await rows.change(async () => {
      const row = await rows.report(id);
      if (row?.stage !== "waiting" || row.failure === failure) return undefined;
      return { reports: [{ ...row, failure, changedMs: clock.now() }] };
    });
  }

  private later({ retryAfterMs }: SottoError): void {
    const { clock, random } = this.parts;
    this.fails += 1;
    const chance = (random.bytes(1)[0] ?? 0) / 256;
    this.timer?.cancel();
    this.timer = clock.after(nextDelayMs({ failures: this.fails, pace: "soon", retryAfterMs, chance }), () =>
      this.wake(),
    );
  }
}

/** Whether the relay, or the frame's own bounds, will never let it through. What ends the link says nothing about the report. */
function isFinal({ code }: SottoError): boolean {
  const { wire, retry } = failures[code];
  return (
    wire !== 0 && retry !== "later" && code !== "badCredentials" && code !== "displaced" && code !== "notAuthenticated"
  );
}
