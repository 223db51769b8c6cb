/** The rows of reports and statements: bounded, changed one at a time, and told of once they are durable. */

import { equalBytes, toHex } from "@sotto/protocol";
import type { KeyedLock } from "../keyed-lock.js";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { isSettled } from "./progress.js";

/** Reports that are remembered; beyond, those of other devices go first, then decided ones, and one that waits never. */
export const MAX_REPORTS = 512;
/** Statements that are remembered, the latest. */
const MAX_STATEMENTS = 256;
/** What changes them is serialised: what the relay answers, and what the desk writes. */
const LOCK = "reports";

/** What the rows work with. */
export interface ReportRowParts {
  readonly store: SealedStore;
  readonly locks: KeyedLock;
  /** A report is another than before, durably. */
  readonly reportChanged: (row: Row<"report">) => void;
  /** There is a statement, durably. */
  readonly stated: (row: Row<"statement">) => void;
}

/** What one step of work changes. */
export interface RowsChange {
  readonly reports?: readonly Row<"report">[];
  readonly statements?: readonly Row<"statement">[];
  /** What else goes with it. */
  readonly changes?: readonly StoreChange[];
}

/** Keeps them. */
export class ReportRows {
  constructor(private readonly parts: ReportRowParts) {}

  /** A report; `undefined` if it is not known here. */
  async report(id: Uint8Array): Promise<Row<"report"> | undefined> {
    const stored = await this.parts.store.get(keys.report(id));
    return stored === undefined ? undefined : decodeRow("report", stored);
  }

  /** A statement; `undefined` if it is not known here. */
  async statement(id: Uint8Array): Promise<Row<"statement"> | undefined> {
    const stored = await this.parts.store.get(keys.statement(id));
    return stored === undefined ? undefined : decodeRow("statement", stored);
  }

  /** Every report, latest change last. */
  async reports(): Promise<readonly Row<"report">[]> {
    const found: Row<"report">[] = [];
    for await (const { value } of eachRow(this.parts.store, keys.reports)) found.push(decodeRow("report", value));
    return found.sort((one, other) => one.changedMs - other.changedMs);
  }

  /** Whether another report than this one appeals against a statement already. One that the relay refused may be made again. */
  async isAppealed(statement: Uint8Array, but?: Uint8Array): Promise<boolean> {
    return (await this.reports()).some(({ id, made, stage }) => {
      const isOther = but === undefined || !equalBytes(id, but);
      const isAppeal = made?.kind === "appeal" && made.about !== undefined && equalBytes(made.about, statement);
      return isOther && isAppeal && stage !== "refused";
    });
  }

  /** Every statement, the latest last. */
  async statements(): Promise<readonly Row<"statement">[]> {
    const found: Row<"statement">[] = [];
    for await (const { value } of eachRow(this.parts.store, keys.statements)) found.push(decodeRow("statement", value));
    return found.sort((one, other) => one.atMs - other.atMs);
  }

  /** Looks and changes, with nobody else changing meanwhile. Resolves once it is durable; then it is told. */
  async change(step: () => Promise<RowsChange | undefined>): Promise<void> {
    const { store, locks, reportChanged, stated } = this.parts;
    await locks.run(LOCK, async () => {
      const changed = await step();
      if (changed === undefined) return;
      const { reports = [], statements = [], changes = [] } = changed;
      const dropped = [...(await this.beyondReports(reports)), ...(await this.beyondStatements(statements))];
      const rows = [
        ...reports.map((row) => ({ key: keys.report(row.id), value: encodeRow("report", row) })),
        ...statements.map((row) => ({ key: keys.statement(row.statement), value: encodeRow("statement", row) })),
      ];
      // What does not wait any more has left, however this device heard of it.
      const left = reports.filter(({ stage }) => stage !== "waiting");
      const sealed = left.map(({ id }) => ({ key: keys.reportLayers(id), value: undefined }));
      await store.commit([...dropped, ...rows, ...sealed, ...changes]);
      for (const row of reports) reportChanged(row);
      for (const row of statements) stated(row);
    });
  }

  private async beyondReports(added: readonly Row<"report">[]): Promise<readonly StoreChange[]> {
    if (added.length === 0) return [];
    const names = new Set(added.map(({ id }) => toHex(id)));
    const present = (await this.reports()).filter(({ id }) => !names.has(toHex(id)));
    const over = present.length + added.length - MAX_REPORTS;
    if (over <= 0) return [];
    return present
      .filter(({ stage }) => stage !== "waiting")
      .sort((one, other) => worth(one) - worth(other))
      .slice(0, over)
      .map(({ id }) => ({ key: keys.report(id), value: undefined }));
  }

  private async beyondStatements(added: readonly Row<"statement">[]): Promise<readonly StoreChange[]> {
    if (added.length === 0) return [];
    const present = await this.statements();
    const over = present.length + added.length - MAX_STATEMENTS;
    return present
      .slice(0, Math.max(0, over))
      .map(({ statement }) => ({ key: keys.statement(statement), value: undefined }));
  }
}

/** What goes first is worth least: what another device made, or nobody here did, then what was decided. */
function worth({ stage, made }: Row<"report">): number {
  if (made === undefined) return 0;
  return isSettled(stage) ? 1 : 2;
}
