/** The numbers of a month, as they may be published: what is below ten is not told. */

import { useState } from "preact/hooks";
import type { TransparencyReport } from "../api.js";
import { useDesk } from "./desk-context.js";
import { TextField } from "./fields.js";
import { useLoaded } from "./hooks.js";
import { categoryWords } from "./vocabulary.js";

const MONTH = /^\d{4}-\d{2}$/;
const columns = [
  ["reports", "Reports"],
  ["verified", "Verified"],
  ["cases", "Cases"],
  ["actions", "Actions"],
  ["appeals", "Appeals"],
  ["reversals", "Reversals"],
  ["medianHoursToDecision", "Median hours to decision"],
] as const satisfies readonly (readonly [keyof TransparencyReport["rows"][number], string])[];

/** The page of the transparency report. */
export function TransparencyPage() {
  const { api } = useDesk();
  const [month, setMonth] = useState(() => new Date().toISOString().slice(0, 7));
  const isMonth = MONTH.test(month);
  const report = useLoaded(`transparency/${month}`, async () => (isMonth ? api.transparency(month) : undefined));
  return (
    <>
      <div class="page-head">
        <h1>Transparency</h1>
        <p class="page-sum">Numbers below ten are shown as “&lt;10”, so that nobody is recognised by them.</p>
      </div>
      <div class="filters">
        <TextField label="Month" type="month" value={month} onValue={setMonth} />
      </div>
      {report.failure === undefined ? undefined : (
        <p class="banner bad" role="alert">
          {report.failure.message}
        </p>
      )}
      {report.value === undefined ? undefined : (
        // biome-ignore lint/a11y/noRedundantRoles: rows laid out as cards lose their meaning otherwise
        <table class="table cards numbers" role="table">
          <caption class="sr-only">Reports and decisions in {report.value.month}</caption>
          {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
          <thead role="rowgroup">
            {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
            <tr role="row">
              {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
              <th scope="col" role="columnheader">
                Category
              </th>
              {columns.map(([key, name]) => (
                // biome-ignore lint/a11y/noRedundantRoles: as above
                <th key={key} scope="col" role="columnheader">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
          <tbody role="rowgroup">
            {report.value.rows.map((row) => (
              // biome-ignore lint/a11y/noRedundantRoles: as above
              <tr key={row.category} role="row" class={row.category === "all" ? "sum" : undefined}>
                {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
                <th scope="row" role="rowheader">
                  {row.category === "all" ? "All" : categoryWords[row.category]}
                </th>
                {columns.map(([key, name]) => (
                  // biome-ignore lint/a11y/noRedundantRoles: as above
                  <td key={key} role="cell">
                    <span class="cell-name" aria-hidden="true">
                      {name}
                    </span>
                    <span class="cell-value number">{row[key]}</span>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
