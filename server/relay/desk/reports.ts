/**
 * Reports on their way to the desk: sealed, in the order they came, on disk until the desk has them on its own. They lie in a log
 * that no group can have, whose document lists them; so what is listed and what is there change in one commit.
 */

import {
  type AccountId,
  accountIdToBytes,
  type ConversationId,
  decodeRecord,
  digest,
  encodeRecord,
  equalBytes,
  type Frame,
  field,
  labelled,
  limits,
  SottoError,
  toHex,
} from "@sotto/protocol";
import type { Clock, Metrics, RelayPolicy, Signatures, Store } from "../../ports.js";
import type { TableBucket } from "../table-buckets.js";

/** The log of reports. Its name is a hash, and groups are refused it. */
export const REPORT_LOG = toHex(digest(labelled("sotto/report-log/1")).slice(0, 16)) as ConversationId;

/** Where reports are remembered that the desk has, so that one that is left again is no second one. */
const REPORTED: TableBucket = "reported";
/** As long as what a report is about can be reported, and a day. */
const REPORTED_TTL_MS = 31 * 86_400_000;
/** Reports there may be, whatever the setting. */
export const MAX_REPORTS = 10_000;
/** Reports in one page, and their bytes, so that they fit into a frame. */
const PAGE = { count: 16, bytes: limits.frameBytes.value - 65_536 };
/** How often a change is tried against another relay on the same store. */
const ATTEMPTS = 4;

const layer = field.bytes(1, limits.reportLayerBytes.value);
const reportRow = field.record({
  seq: field.uint(Number.MAX_SAFE_INTEGER),
  report: field.bytes(16),
  reporter: field.accountId,
  receivedMs: field.timeMs,
  heads: layer,
  words: layer,
});
const listRow = field.record({
  /** The number given last; the next is higher, and higher than the time, so that a desk's position outlives this store. */
  last: field.uint(Number.MAX_SAFE_INTEGER),
  waiting: field.list(
    field.record({
      seq: field.uint(Number.MAX_SAFE_INTEGER),
      entry: field.uint(Number.MAX_SAFE_INTEGER),
      key: field.bytes(16),
      bytes: field.uint(0xffff_ffff),
    }),
    MAX_REPORTS,
  ),
});

/** A report as the desk gets it. */
export type WaitingReport = Frame<"reports">["reports"][number];
/** A report as a device leaves it. */
export type LeftReport = Pick<WaitingReport, "report" | "reporter" | "heads" | "words">;

interface Listed {
  readonly seq: number;
  /** Its number in the log. */
  readonly entry: number;
  readonly key: Uint8Array;
  readonly bytes: number;
}

/** What the reports are made of. */
export interface ReportParts {
  readonly store: Pick<Store, "logs" | "table">;
  readonly clock: Pick<Clock, "now">;
  readonly metrics: Metrics;
  readonly signatures: Pick<Signatures, "sha256">;
  readonly policy: Pick<RelayPolicy, "reports">;
}

/** The reports that wait. Changes are made one after the other. */
export class Reports {
  private waiting: readonly Listed[] = [];
  private last = 0;
  /** Where the log is. */
  private head = 0;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: ReportParts) {}

  /** How many wait. */
  get count(): number {
    return this.waiting.length;
  }

  /** Reads what waits. @throws StoreError; internal if what is stored does not parse. */
  async open(): Promise<void> {
    const head = await this.parts.store.logs.head(REPORT_LOG);
    this.head = head?.seq ?? 0;
    const { last, waiting } =
      head === undefined ? { last: 0, waiting: [] } : stored(() => decodeRecord(listRow, head.document));
    this.last = Math.max(this.last, last);
    this.list(waiting);
  }

  /** Reads again what waits: logs were deleted for their age. */
  reopen(): Promise<void> {
    return this.inTurn(() => this.open());
  }

  /** Keeps a report. Idempotent on its id for each account. Resolves once it is on disk; `full` if there is no room for it. */
  leave(left: LeftReport): Promise<"kept" | "repeated" | "full"> {
    return this.inTurn(async () => {
      const key = this.keyOf(left);
      const name = toHex(key);
      const isKnown =
        this.waiting.some((one) => equalBytes(one.key, key)) ||
        (await this.parts.store.table.get(REPORTED, name)) !== undefined;
      if (isKnown) return "repeated";
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const receivedMs = this.parts.clock.now();
        const seq = Math.max(this.last + 1, receivedMs);
        const entry = encodeRecord(reportRow, { ...left, seq, receivedMs });
        if (!this.hasRoomFor(entry.length)) return "full";
        const waiting = [...this.waiting, { seq, entry: this.head + 1, key, bytes: entry.length }];
        const document = encodeRecord(listRow, { last: seq, waiting });
        const append = { group: REPORT_LOG, expectedSeq: this.head, acceptedMs: receivedMs, entry, document };
        if ((await this.parts.store.logs.append(append)).kind === "moved") await this.open();
        else {
          this.head += 1;
          this.last = seq;
          this.list(waiting);
          return "kept";
        }
      }
      throw new SottoError("busy", { detail: "others keep leaving reports" });
    });
  }

  /** The first reports behind a number, in order. */
  async page(after: number): Promise<{ readonly reports: readonly WaitingReport[]; readonly more: boolean }> {
    const behind = this.waiting.filter(({ seq }) => seq > after);
    const [first, last] = [behind[0], behind.at(-1)];
    if (first === undefined || last === undefined) return { reports: [], more: false };
    const range = { after: first.entry - 1, upTo: last.entry };
    const entries = await this.parts.store.logs.read(REPORT_LOG, range, PAGE);
    const reports = entries.map(({ entry }) => stored(() => decodeRecord(reportRow, entry)));
    return { reports, more: reports.length > 0 && reports.length < behind.length };
  }

  /** Deletes reports up to a number, and remembers that there were such. Idempotent. Resolves once that is on disk. */
  acknowledge(upTo: number): Promise<void> {
    return this.inTurn(async () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const gone = this.waiting.filter(({ seq }) => seq <= upTo);
        const newest = gone.at(-1);
        if (newest === undefined) return;
        for (const { key } of gone) await this.parts.store.table.spendOnce(REPORTED, toHex(key), REPORTED_TTL_MS);
        const waiting = this.waiting.slice(gone.length);
        const isDone = await this.parts.store.logs.putCheckpoint({
          group: REPORT_LOG,
          expectedSeq: this.head,
          seq: newest.entry,
          body: new Uint8Array(0),
          document: encodeRecord(listRow, { last: this.last, waiting }),
          deleteBelow: newest.entry + 1,
          keep: [],
        });
        if (isDone) return this.list(waiting);
        await this.open();
      }
      throw new SottoError("busy", { detail: "others keep leaving reports" });
    });
  }

  private hasRoomFor(bytes: number): boolean {
    const { reports } = this.parts.policy;
    const held = this.waiting.reduce((sum, one) => sum + one.bytes, 0);
    return this.waiting.length < Math.min(reports.count, MAX_REPORTS) && held + bytes <= reports.bytes;
  }

  private list(waiting: readonly Listed[]): void {
    const more = waiting.length - this.waiting.length;
    if (more !== 0) this.parts.metrics.gauge("reportsWaiting", more);
    this.waiting = waiting;
  }

  private keyOf({ report, reporter }: { readonly report: Uint8Array; readonly reporter: AccountId }): Uint8Array {
    return this.parts.signatures.sha256(labelled("sotto/report/1", accountIdToBytes(reporter), report)).slice(0, 16);
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }
}

function stored<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw new SottoError("internal", { detail: "stored reports do not parse", cause });
  }
}
