/** Fetches reports from the relay: on disk here before the relay may delete them, and each once. */

import { toHex } from "@sotto/protocol";
import type { Ledger } from "../audit/ledger.js";
import type { RelayLink, RelayReport } from "../ports.js";
import { sortable, type Tables } from "../rows.js";
import { monthOf } from "./month.js";

/** What intake works on. */
export interface IntakeParts {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly relay: RelayLink;
}

/** Takes everything that waits at the relay. */
export async function fetchReports({ tables, ledger, relay }: IntakeParts): Promise<void> {
  // From the beginning: what was acknowledged is gone there, and a relay that was restored counts anew.
  let after = 0;
  for (;;) {
    const page = await relay.reports(after);
    const last = page.reports.at(-1);
    if (last === undefined) return;
    const fresh: RelayReport[] = [];
    for (const report of page.reports) if (!(await isKnown(tables, report))) fresh.push(report);
    await ledger.commit(
      fresh.map(({ seq, report, reporter, receivedMs, heads, words }) =>
        tables.untriaged.put(`${sortable(receivedMs)}-${sortable(seq)}-${toHex(report)}`, {
          id: report,
          ...{ reporter, receivedMs, heads, words },
        }),
      ),
    );
    await relay.acknowledgeReports(last.seq);
    if (!page.more) return;
    after = last.seq;
  }
}

/** The relay repeats what it was not told of; and nobody takes the place of a report by using its id. */
export async function isKnown(
  tables: Tables,
  { report, receivedMs }: Pick<RelayReport, "report" | "receivedMs">,
): Promise<boolean> {
  const id = toHex(report);
  if ((await tables.report.get(id)) !== undefined) return true;
  return (await tables.verdict.get(`${monthOf(receivedMs)}/${id}`)) !== undefined;
}
