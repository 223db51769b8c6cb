/** One case: what is known without opening it, its words once the glass is broken, and what can be done. */

import { useState } from "preact/hooks";
import type { CaseView, Opening } from "../api.js";
import { type CaseEvent, stepCase } from "../cases/stage.js";
import { CaseAside } from "./case-aside.js";
import { type CaseDialog, CaseDialogs } from "./case-dialogs.js";
import { useDesk } from "./desk-context.js";
import { laterTeams } from "./escalate-dialog.js";
import { useLoaded, useNow, useShortcuts } from "./hooks.js";
import { Due, Glyph, Id, StageMark, TeamMark, TrustMark } from "./marks.js";
import { OpenedCase } from "./opened-case.js";
import { ReportList } from "./report-list.js";
import { countText } from "./time-words.js";
import { categoryWords, outcomeWords } from "./vocabulary.js";

const REFRESH_MS = 30_000;

/** The page of a case. */
export function CasePage({ id, opening: asked }: { readonly id: string; readonly opening: "asked" | "not" }) {
  const { api } = useDesk();
  const loaded = useLoaded(`case/${id}`, () => api.case(id), REFRESH_MS);
  if (loaded.value === undefined) {
    return (
      <p class="empty" role="status">
        {loaded.failure?.message ?? "Asking for the case…"}
      </p>
    );
  }
  return (
    <>
      {loaded.failure === undefined ? undefined : (
        <p class="banner bad" role="alert">
          What is shown here may be old: {loaded.failure.message}
        </p>
      )}
      <Case view={loaded.value} put={loaded.put} reload={loaded.reload} asked={asked} />
    </>
  );
}

function Case({
  view,
  put,
  reload,
  asked,
}: {
  readonly view: CaseView;
  readonly put: (view: CaseView) => void;
  readonly reload: () => void;
  readonly asked: "asked" | "not";
}) {
  const { api, moderator, say, fail } = useDesk();
  const [dialog, setDialog] = useState<CaseDialog | undefined>(asked === "asked" ? "open" : undefined);
  const [opening, setOpening] = useState<Opening>();
  const people = useLoaded("people", () => api.moderators());
  const nowMs = useNow(30_000);
  const isMine = view.claimedBy === moderator.id;
  const nameOf = (who: string) => people.value?.find((one) => one.id === who)?.name ?? who;
  const hasWords = view.reports.some((report) => report.words !== "deleted");

  // What may come at this stage once the case is one's own. Of what is closed a lead may still lift something.
  const standing = { stage: view.stage === "new" ? "triage" : view.stage, outcome: view.outcome } as const;
  const can = (event: CaseEvent) => stepCase(standing, event) !== undefined;
  const isLiftable = moderator.role === "lead" && view.stage === "closed" && view.outcome === "action";
  const canAct = can("act") || isLiftable;

  const close = (why: string) => {
    if (opening !== undefined) api.closeOpening(opening.opening).catch(() => undefined);
    setOpening(undefined);
    say(why);
  };
  const claim = () =>
    can("claim") &&
    (isMine ? api.release(view.id) : api.claim(view.id)).then((changed) => {
      put(changed);
      say(changed.claimedBy === moderator.id ? "The case is yours." : "The case is free again.");
    }, fail);
  const ask = (which: CaseDialog) => () => setDialog(which);
  useShortcuts({
    c: claim,
    o: () => opening === undefined && hasWords && setDialog("open"),
    a: () => canAct && setDialog("act"),
    q: () => {
      location.hash = "#/queue";
    },
  });

  const button = (which: CaseDialog, words: string, tone = "button") => (
    <button type="button" class={tone} onClick={ask(which)}>
      {words}
    </button>
  );
  return (
    <article class="case" aria-labelledby="case-title">
      <a class="back" href="#/queue">
        ← Queue
      </a>
      <div class="page-head">
        <h1 id="case-title">{categoryWords[view.category]}</h1>
        <p class="case-marks">
          <StageMark stage={view.stage} />
          <TrustMark trust={view.trust} />
          <TeamMark team={view.team} />
          {view.hasAppeal ? (
            <span class="mark appeal">
              <Glyph kind="flag" /> Appeal
            </span>
          ) : undefined}
          {view.brigading ? (
            <span class="mark doubt">
              <Glyph kind="group" /> Possible brigading
            </span>
          ) : undefined}
        </p>
      </div>
      <p class="case-line">
        Case <Id id={view.id} /> about account <Id id={view.accused} /> ·{" "}
        {countText(view.reporters, "verified reporter")} · {outcomeWords[view.outcome]}
        {view.stage === "closed" ? undefined : (
          <>
            {" "}
            · due <Due dueMs={view.dueMs} nowMs={nowMs} />
          </>
        )}{" "}
        ·{" "}
        {view.claimedBy === undefined
          ? "claimed by nobody"
          : isMine
            ? "claimed by you"
            : `claimed by ${nameOf(view.claimedBy)}`}
      </p>
      <div class="toolbar" role="toolbar" aria-label="What to do with this case">
        {can("claim") ? (
          <button type="button" class={isMine ? "button" : "button primary"} aria-keyshortcuts="c" onClick={claim}>
            {isMine ? "Release" : "Claim"}
          </button>
        ) : undefined}
        {opening === undefined && hasWords
          ? button("open", "Open words…", isMine ? "button primary" : "button")
          : undefined}
        {canAct ? button("act", "Act…") : undefined}
        {view.stage === "closed" ? undefined : button("context", "Ask for context…")}
        {can("escalate") && laterTeams(view.team).length > 0 ? button("escalate", "Escalate…") : undefined}
        {can("dismiss") ? button("dismiss", "Dismiss…") : undefined}
        {can("reverse") ? button("appeal", "Decide appeal…", "button primary") : undefined}
      </div>
      <div class="case-columns">
        <div class="case-main">
          {opening === undefined ? (
            <Sealed hasWords={hasWords} onOpen={ask("open")} />
          ) : (
            <OpenedCase view={view} opening={opening} onClose={close} />
          )}
          <ReportList view={view} />
        </div>
        <CaseAside view={view} nameOf={nameOf} put={put} />
      </div>
      {dialog === undefined ? undefined : (
        <CaseDialogs
          dialog={dialog}
          view={view}
          opening={opening}
          put={put}
          onOpened={(opened) => {
            setOpening(opened);
            reload();
          }}
          onClose={() => setDialog(undefined)}
        />
      )}
    </article>
  );
}

function Sealed({ hasWords, onOpen }: { readonly hasWords: boolean; readonly onOpen: () => void }) {
  return (
    <section class="sealed" aria-labelledby="sealed-title">
      <h2 id="sealed-title">
        <Glyph kind="lock" /> {hasWords ? "The words are sealed" : "The words were deleted"}
      </h2>
      <p>
        {hasWords
          ? "Nobody at the desk has read them, and the desk itself cannot. Opening needs a reason, is logged under your name, and closes by itself after 30 minutes."
          : "Their time is over. What was found of them without reading is below."}
      </p>
      {hasWords ? (
        <button type="button" class="button" onClick={onOpen}>
          Open words…
        </button>
      ) : undefined}
    </section>
  );
}
