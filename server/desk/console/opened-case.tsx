/**
 * A case whose words are open: decrypted here, checked here, shown under the name of who opened it, and gone again after half an hour or
 * when somebody goes elsewhere.
 */

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { CaseView, Opening } from "../api.js";
import { useDesk } from "./desk-context.js";
import { type OpenedReport, openReports, wipeReports } from "./disclosed.js";
import { useNow } from "./hooks.js";
import { HostileText } from "./hostile-text.js";
import { castOf } from "./people-names.js";
import { threadOf } from "./thread.js";
import { ThreadView } from "./thread-view.js";
import { countdownText, countText } from "./time-words.js";
import { Watermark } from "./watermark.js";

const closedWords: Readonly<Record<Extract<OpenedReport["outcome"], { kind: "closed" }>["reason"], string>> = {
  noKey: "You hold no key for it. Call a colleague who does, compare your fingerprint, and have them seal it to you.",
  notForUs: "It does not open with the team’s key: it was sealed to another one, or was tampered with.",
  otherHeads: "Its two layers do not belong together. Nothing of it counts.",
  unreadable: "What it holds is in no form that the console knows.",
};

/** The words of a case. */
export function OpenedCase({
  view,
  opening,
  onClose,
}: {
  readonly view: CaseView;
  readonly opening: Opening;
  readonly onClose: (why: string) => void;
}) {
  const { api, held } = useDesk();
  const nowMs = useNow(1_000);
  const reports = useMemo(
    () => openReports(opening, (keyId) => held.find((one) => one.keyId === keyId)?.keys),
    [opening, held],
  );
  useEffect(() => () => wipeReports(reports), [reports]);
  const thread = useMemo(
    () => threadOf(reports.flatMap((one) => (one.outcome.kind === "open" ? one.outcome.items : []))),
    [reports],
  );
  const cast = useMemo(
    () =>
      castOf(
        view.accused,
        view.reports.map((one) => one.reporter),
      ),
    [view.accused, view.reports],
  );
  const leftMs = opening.closesMs - nowMs;
  const latest = useRef(onClose);
  latest.current = onClose;

  useEffect(() => {
    if (leftMs <= 0) latest.current("The case closed by itself: its time was over.");
  }, [leftMs]);
  useEffect(
    () => () => {
      // Whoever goes elsewhere has closed it; the desk closes it anyway when its time is over.
      api.closeOpening(opening.opening).catch(() => undefined);
    },
    [api, opening],
  );

  return (
    <section class="opened" aria-labelledby="opened-title">
      <Watermark text={opening.watermark} />
      <div class="opened-head">
        <h2 id="opened-title">Words</h2>
        <p class="aside">
          Opened by {opening.watermark} · closes in <span class="number">{countdownText(leftMs)}</span>
        </p>
        <button
          type="button"
          class="button"
          onClick={() => onClose("The case is closed. Its words are gone from this page.")}
        >
          Close words
        </button>
      </div>
      {thread.conversations.length > 1 ? (
        <p class="banner doubt">
          These messages come from {thread.conversations.length} different conversations. They were put together by who
          reported them; lines between them say where one ends.
        </p>
      ) : undefined}
      {reports.map((one) =>
        one.outcome.kind === "closed" ? (
          <p key={one.report} class="banner bad">
            The report by {cast.nameOf(one.reporter)} stays closed. {closedWords[one.outcome.reason]}
          </p>
        ) : one.outcome.note === "" ? undefined : (
          <div key={one.report} class="note">
            <p class="aside">
              {one.kind === "appeal" ? "What the accused says" : "Note"} · {cast.nameOf(one.reporter)} · a claim, not
              evidence
            </p>
            <HostileText text={one.outcome.note} />
          </div>
        ),
      )}
      <p class="sr-only" role="status">
        {countText(thread.rows.filter((row) => row.kind === "message").length, "message")} shown,{" "}
        {countText(thread.gaps.length, "gap")}.
      </p>
      <ThreadView thread={thread} cast={cast} />
    </section>
  );
}
