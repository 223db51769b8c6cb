/** The submissions of a case, with what triage found of each message without a word of it. */

import type { CaseReport, CaseView } from "../api.js";
import { useDesk } from "./desk-context.js";
import { Id, ProofMark, Time } from "./marks.js";
import { castOf } from "./people-names.js";
import { saveFile } from "./saving.js";
import { countText } from "./time-words.js";
import { categoryWords, itemRoleWords, keptWords, reportKindWords } from "./vocabulary.js";

/** All reports of a case. */
export function ReportList({ view }: { readonly view: CaseView }) {
  const cast = castOf(
    view.accused,
    view.reports.map((report) => report.reporter),
  );
  return (
    <section aria-labelledby="reports-title" class="reports">
      <h2 id="reports-title">{countText(view.reports.length, "submission")}</h2>
      {view.reports.map((report) => (
        <Report key={report.report} report={report} nameOf={cast.nameOf} />
      ))}
    </section>
  );
}

function Report({ report, nameOf }: { readonly report: CaseReport; readonly nameOf: (account: string) => string }) {
  const { api, moderator, fail } = useDesk();
  const save = () =>
    api.exportReport(report.report).then((bytes) => saveFile(`report-${report.report}.sotto`, [bytes]), fail);
  return (
    <section class="report" aria-label={`${reportKindWords[report.kind]} ${report.report.slice(0, 8)}`}>
      <div class="report-head">
        <h3>
          {reportKindWords[report.kind]} by {nameOf(report.reporter)}
        </h3>
        <p class="aside">
          <Id id={report.report} /> · <Time atMs={report.receivedMs} /> · {categoryWords[report.category]} ·{" "}
          {keptWords[report.words]}
        </p>
        {moderator.role === "lead" && report.words !== "deleted" ? (
          <button type="button" class="button quiet small" onClick={save}>
            Export sealed
          </button>
        ) : undefined}
      </div>
      <ol class="items">
        {report.items.map((item, index) => (
          <li key={index}>
            <span class="item-role">{itemRoleWords[item.role]}</span>
            <span class="item-who">
              {nameOf(item.account)} <span class="aside">device {item.device}</span>
            </span>
            <span class="item-time aside">
              <Time atMs={item.acceptedMs} />
            </span>
            <ProofMark proof={item.verdict} />
          </li>
        ))}
      </ol>
    </section>
  );
}
