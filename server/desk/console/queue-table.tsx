/** Cases as a table; on a narrow screen each row is a card, and still a row to who listens. */

import type { ComponentChildren } from "preact";
import type { QueueEntry } from "../api.js";
import { Due, Glyph, Id, StageMark, TrustMark } from "./marks.js";
import { caseHref } from "./routes.js";
import { categoryWords } from "./vocabulary.js";

const columns = ["Case", "Proof", "Reporters", "Messages", "Prior", "Stage", "Due", "Priority", "Claimed by"] as const;

/** A table of cases. */
export function QueueTable({
  caption,
  entries,
  nowMs,
  nameOf,
  me,
}: {
  readonly caption: string;
  readonly entries: readonly QueueEntry[];
  readonly nowMs: number;
  readonly nameOf: (id: string) => string;
  readonly me: string;
}) {
  if (entries.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noRedundantRoles: rows laid out as cards lose their meaning otherwise
    <table class="table cards" role="table">
      <caption class="sr-only">{caption}</caption>
      {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
      <thead role="rowgroup">
        {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
        <tr role="row">
          {columns.map((name) => (
            // biome-ignore lint/a11y/noRedundantRoles: as above
            <th key={name} scope="col" role="columnheader">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
      <tbody role="rowgroup">
        {entries.map((entry) => (
          <Row key={entry.id} entry={entry} nowMs={nowMs} nameOf={nameOf} me={me} />
        ))}
      </tbody>
    </table>
  );
}

function Row({
  entry,
  nowMs,
  nameOf,
  me,
}: {
  readonly entry: QueueEntry;
  readonly nowMs: number;
  readonly nameOf: (id: string) => string;
  readonly me: string;
}) {
  const { claimedBy } = entry;
  return (
    // biome-ignore lint/a11y/noRedundantRoles: as above
    <tr role="row" class={`case-row heat-${heatOf(entry.priority)}`}>
      {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
      <th scope="row" role="rowheader" class="case-cell">
        <a class="case-link" href={caseHref(entry.id)} data-case={entry.id}>
          {categoryWords[entry.category]}
        </a>
        <span class="case-about">
          <Id id={entry.id} /> about <Id id={entry.accused} />
        </span>
        {entry.hasAppeal ? (
          <span class="mark appeal">
            <Glyph kind="flag" /> Appeal
          </span>
        ) : undefined}
        {entry.brigading ? (
          <span class="mark doubt" title="A burst of reporters who joined or report alike">
            <Glyph kind="group" /> Possible brigading
          </span>
        ) : undefined}
      </th>
      <Cell name="Proof">
        <TrustMark trust={entry.trust} />
      </Cell>
      <Cell name="Reporters">
        <span class="number">{entry.reporters}</span>
      </Cell>
      <Cell name="Messages">
        <span class="number">{entry.verifiedItems}</span>
        {entry.refusedItems === 0 ? undefined : <span class="aside"> +{entry.refusedItems} unproven</span>}
      </Cell>
      <Cell name="Prior">
        <span class={entry.priorVerdicts === 0 ? "number aside" : "number"}>{entry.priorVerdicts}</span>
      </Cell>
      <Cell name="Stage">
        <StageMark stage={entry.stage} />
      </Cell>
      <Cell name="Due">
        {entry.stage === "closed" ? <span class="aside">–</span> : <Due dueMs={entry.dueMs} nowMs={nowMs} />}
      </Cell>
      <Cell name="Priority">
        <span class="number">{Math.round(entry.priority)}</span>
      </Cell>
      <Cell name="Claimed by">
        {claimedBy === undefined ? (
          <span class="aside">Nobody</span>
        ) : claimedBy === me ? (
          <strong>You</strong>
        ) : (
          nameOf(claimedBy)
        )}
      </Cell>
    </tr>
  );
}

function Cell({ name, children }: { readonly name: (typeof columns)[number]; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: rows laid out as cards lose their meaning otherwise
    <td role="cell">
      <span class="cell-name" aria-hidden="true">
        {name}
      </span>
      <span class="cell-value">{children}</span>
    </td>
  );
}

/** Three shades on the edge of a row; the number beside says it too. */
function heatOf(priority: number): "high" | "middle" | "low" {
  if (priority >= 50) return "high";
  return priority >= 15 ? "middle" : "low";
}
