/** What waits for a second person, over all cases. */

import type { CaseAction, CaseView } from "../api.js";
import { stepCase } from "../cases/stage.js";
import type { Api } from "./api-client.js";
import { Verdict } from "./case-aside.js";
import { useDesk } from "./desk-context.js";
import { useLoaded } from "./hooks.js";
import { Id, Time } from "./marks.js";
import { caseHref } from "./routes.js";
import { categoryWords, sanctionWords } from "./vocabulary.js";

const REFRESH_MS = 60_000;
/** Cases looked at for waiting actions, the most urgent first. */
const MAX_CASES = 100;

interface Waiting {
  readonly view: CaseView;
  readonly action: CaseAction;
}

/** The page of approvals. */
export function ApprovalsPage() {
  const { api, moderator } = useDesk();
  const waiting = useLoaded("approvals", () => waitingActions(api), REFRESH_MS);
  const people = useLoaded("people", () => api.moderators());
  const nameOf = (id: string) => people.value?.find((one) => one.id === id)?.name ?? "Somebody";
  return (
    <>
      <div class="page-head">
        <h1>Approvals</h1>
        <p class="page-sum">Severe actions happen once a second person has looked.</p>
      </div>
      {waiting.failure === undefined ? undefined : (
        <p class="banner bad" role="alert">
          {waiting.failure.message}
        </p>
      )}
      {waiting.value?.length === 0 ? <p class="empty">Nothing waits for a second person.</p> : undefined}
      <ul class="plain-list approvals" aria-busy={waiting.value === undefined}>
        {waiting.value?.map(({ view, action }) => (
          <li key={action.id} class="approval">
            <h2>
              {sanctionWords[action.kind].name} · {categoryWords[action.category]}
            </h2>
            <p>
              Account <Id id={view.accused} /> · <a href={caseHref(view.id)}>case {view.id.slice(0, 8)}</a> · asked for
              by {nameOf(action.by)}, <Time atMs={action.atMs} /> ·{" "}
              {action.untilMs === undefined ? (
                "until lifted"
              ) : (
                <>
                  until <Time atMs={action.untilMs} />
                </>
              )}
            </p>
            <p class="rule">{action.rule}</p>
            {action.by === moderator.id ? (
              <p class="aside">You asked for it: somebody else has to decide.</p>
            ) : (
              <Verdict action={action.id} put={waiting.reload} />
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

async function waitingActions(api: Api): Promise<readonly Waiting[]> {
  // Whoever asked may have given the case back since.
  const open = (await api.queue()).filter(({ stage }) => stepCase({ stage, outcome: "open" }, "act") !== undefined);
  const found: Waiting[] = [];
  for (const entry of open.slice(0, MAX_CASES)) {
    const view = await api.case(entry.id);
    for (const action of view.actions) if (action.state === "waiting") found.push({ view, action });
  }
  return found;
}
