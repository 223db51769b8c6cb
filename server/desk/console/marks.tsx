/** Small marks: whether something is proven, how it stands, when it was. A mark never speaks by colour alone. */

import type { CaseStage, InspectionRefusal, Team } from "@sotto/protocol";
import { shortId } from "./people-names.js";
import { dueText, exactTimeText, timeText } from "./time-words.js";
import { refusalWords, stageWords, teamWords } from "./vocabulary.js";

/** Whether a case has a message that passed every check. */
export function TrustMark({ trust }: { readonly trust: "verified" | "unverified" }) {
  return trust === "verified" ? (
    <span class="mark good">
      <Glyph kind="check" /> Verified
    </span>
  ) : (
    <span class="mark doubt">
      <Glyph kind="question" /> Unverified
    </span>
  );
}

/** Whether one message passed. */
export function ProofMark({ proof }: { readonly proof: "verified" | InspectionRefusal }) {
  if (proof === "verified") return <TrustMark trust="verified" />;
  return (
    <span class="mark bad">
      <Glyph kind="cross" /> {refusalWords[proof]}
    </span>
  );
}

/** Where a case stands. */
export function StageMark({ stage }: { readonly stage: CaseStage }) {
  return <span class={`mark stage-${stage}`}>{stageWords[stage]}</span>;
}

/** Which team has a case. */
export function TeamMark({ team }: { readonly team: Team }) {
  return <span class="mark plain">{teamWords[team]}</span>;
}

/** A time, exact for who points at it. */
export function Time({ atMs }: { readonly atMs: number }) {
  return (
    <time dateTime={new Date(atMs).toISOString()} title={exactTimeText(atMs)}>
      {timeText(atMs)}
    </time>
  );
}

/** When something is due; late is said and coloured. */
export function Due({ dueMs, nowMs }: { readonly dueMs: number; readonly nowMs: number }) {
  return (
    <time
      class={dueMs < nowMs ? "late" : undefined}
      dateTime={new Date(dueMs).toISOString()}
      title={exactTimeText(dueMs)}
    >
      {dueText(dueMs, nowMs)}
    </time>
  );
}

/** An id by its start; all of it for who points at it or copies. */
export function Id({ id }: { readonly id: string }) {
  return (
    <code class="id" title={id}>
      {shortId(id)}
    </code>
  );
}

const paths = {
  check: "M3 8.5 6.5 12 13 4.5",
  cross: "M4 4l8 8M12 4l-8 8",
  question: "M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.6M8 12.6v.1",
  flag: "M4 14V2.5h8L10.2 5.6 12 8.7H4",
  group: "M8 7a2.2 2.2 0 1 0 0-4.4A2.2 2.2 0 0 0 8 7ZM3.5 13.5c.4-2.6 2-4.1 4.5-4.1s4.1 1.5 4.5 4.1",
  lock: "M4 7.5h8v6H4zM5.8 7.5V5.2a2.2 2.2 0 0 1 4.4 0v2.3",
} as const;

/** A small drawing beside words; says nothing by itself. */
export function Glyph({ kind }: { readonly kind: keyof typeof paths }) {
  return (
    <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[kind]} />
    </svg>
  );
}
