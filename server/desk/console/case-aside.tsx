/** Beside a case: its facts, what was done, and how it came here. */

import type { CaseAction, CaseView } from "../api.js";
import { CaseHold } from "./case-hold.js";
import { useDesk } from "./desk-context.js";
import { Time } from "./marks.js";
import { actionStateWords, sanctionWords, stageWords } from "./vocabulary.js";

/** Facts, actions and history. */
export function CaseAside({
  view,
  nameOf,
  put,
}: {
  readonly view: CaseView;
  readonly nameOf: (id: string) => string;
  readonly put: (view: CaseView) => void;
}) {
  return (
    <aside class="case-aside" aria-label="About this case">
      <section aria-labelledby="facts-title">
        <h2 id="facts-title">Facts</h2>
        <dl class="facts">
          <Fact name="Accused">
            <code class="id whole">{view.accused}</code>
          </Fact>
          <Fact name="Opened">
            <Time atMs={view.openedMs} />
          </Fact>
          <Fact name="Verified messages">{view.verifiedItems}</Fact>
          <Fact name="Unproven messages">{view.refusedItems}</Fact>
          <Fact name="Prior verdicts">{view.priorVerdicts}</Fact>
          <Fact name="Words kept until">
            {view.hold === "held" ? "Lifted: legal hold" : <Time atMs={view.retainedUntilMs} />}
          </Fact>
        </dl>
        <CaseHold view={view} nameOf={nameOf} put={put} />
      </section>
      <section aria-labelledby="actions-title">
        <h2 id="actions-title">Actions</h2>
        {view.actions.length === 0 ? <p class="aside">None yet.</p> : undefined}
        <ul class="plain-list">
          {view.actions.map((action) => (
            <Action key={action.id} action={action} nameOf={nameOf} put={put} />
          ))}
        </ul>
      </section>
      <section aria-labelledby="history-title">
        <h2 id="history-title">History</h2>
        <ol class="history">
          {view.history.map((step) => (
            <li key={`${step.atMs}/${step.stage}`}>
              <strong>{stageWords[step.stage]}</strong>
              <span class="aside">
                <Time atMs={step.atMs} /> · {nameOf(step.by)}
              </span>
            </li>
          ))}
        </ol>
      </section>
    </aside>
  );
}

function Action({
  action,
  nameOf,
  put,
}: {
  readonly action: CaseAction;
  readonly nameOf: (id: string) => string;
  readonly put: (view: CaseView) => void;
}) {
  const { moderator } = useDesk();
  return (
    <li class="action">
      <p>
        <strong>{sanctionWords[action.kind].name}</strong>
        {action.device === undefined ? "" : ` ${action.device}`} ·{" "}
        <span class={`mark action-${action.state}`}>{actionStateWords[action.state]}</span>
      </p>
      <p class="aside">
        {action.untilMs === undefined ? (
          "Until lifted"
        ) : (
          <>
            Until <Time atMs={action.untilMs} />
          </>
        )}{" "}
        · by {nameOf(action.by)}
        {action.approvedBy === undefined ? "" : `, approved by ${nameOf(action.approvedBy)}`}
        {action.state === "inForce" && !action.enforced ? " · the relay has not carried it out yet" : ""}
      </p>
      <p class="rule">{action.rule}</p>
      {action.state === "waiting" && action.by !== moderator.id ? <Verdict action={action.id} put={put} /> : undefined}
    </li>
  );
}

/** What the second person says. */
export function Verdict({ action, put }: { readonly action: string; readonly put: (view: CaseView) => void }) {
  const { api, say, fail } = useDesk();
  const decide = (verdict: "approve" | "reject") =>
    api.approve(action, verdict).then((view) => {
      put(view);
      say(verdict === "approve" ? "Approved." : "Rejected.");
    }, fail);
  return (
    <div class="form-actions start">
      <button type="button" class="button severe small" onClick={() => decide("approve")}>
        Approve
      </button>
      <button type="button" class="button small" onClick={() => decide("reject")}>
        Reject
      </button>
    </div>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
