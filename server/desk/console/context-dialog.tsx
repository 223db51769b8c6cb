/** Asking reporters for messages that are missing between those they disclosed. They decide for each. */

import { useMemo, useState } from "preact/hooks";
import type { CaseDialogProps } from "./case-dialogs.js";
import { useDesk } from "./desk-context.js";
import { AskingDialog } from "./dialog.js";
import { openReports } from "./disclosed.js";
import { Choice, TextArea, Tick } from "./fields.js";
import { castOf } from "./people-names.js";
import { threadOf } from "./thread.js";
import { gapText } from "./thread-view.js";
import { timeText } from "./time-words.js";

/** Places in one question, as the desk takes them. */
const MAX_GAPS = 16;

/** Chooses gaps, and asks. */
export function ContextDialog({ view, opening, onClose }: CaseDialogProps) {
  const { api, held, say } = useDesk();
  const reports = view.reports.filter((one) => one.kind === "report");
  const [report, setReport] = useState(reports[0]?.report ?? "");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [note, setNote] = useState("");
  const cast = castOf(
    view.accused,
    view.reports.map((one) => one.reporter),
  );
  const gaps = useMemo(() => {
    if (opening === undefined) return [];
    const opened = openReports(opening, (keyId) => held.find((one) => one.keyId === keyId)?.keys);
    const items = opened.flatMap((one) => (one.outcome.kind === "open" ? one.outcome.items : []));
    return threadOf(items).gaps.map((gap) => ({ id: `${gap.account}/${gap.conversation}/${gap.before}`, gap }));
  }, [opening, held]);
  const reporterOf = (id: string) => view.reports.find((one) => one.report === id)?.reporter;
  // Whoever disclosed what comes behind a gap knows what is in it, also where it did so in a later submission.
  const here = gaps.filter(({ gap }) => reporterOf(gap.report) === reporterOf(report));

  return (
    <AskingDialog
      title="Ask for context"
      action="Ask the reporter"
      perform={async () => {
        const asked = here.filter(({ id }) => chosen.has(id));
        if (asked.length > MAX_GAPS) throw new Error(`Choose at most ${MAX_GAPS} places at a time.`);
        const between = asked.map(({ gap: { account, after, before } }) => ({ account, after, before }));
        await api.askContext(view.id, { report, gaps: between, note: note.trim() });
        say("The reporter was asked. What it adds comes as a submission of this case.");
      }}
      onClose={onClose}
    >
      <p>The reporter sees which messages you would like to see, and shares each of them or not.</p>
      <Choice
        label="Submission"
        value={report}
        options={reports.map((one) => ({
          value: one.report,
          words: `${cast.nameOf(one.reporter)}, ${timeText(one.receivedMs)}`,
        }))}
        onValue={setReport}
      />
      <fieldset class="choices">
        <legend>Missing messages</legend>
        {opening === undefined ? (
          <p class="hint">
            Which messages are missing shows once the words are open. You can ask in words before that.
          </p>
        ) : here.length === 0 ? (
          <p class="hint">Nothing is missing between the messages of this submission.</p>
        ) : undefined}
        {here.map(({ id, gap }) => (
          <Tick
            key={id}
            label={`${gapText(gap, cast)}, between its numbers ${gap.after} and ${gap.before}`}
            ticked={chosen.has(id)}
            onTicked={(ticked) => {
              const next = new Set(chosen);
              if (ticked) next.add(id);
              else next.delete(id);
              setChosen(next);
            }}
          />
        ))}
      </fieldset>
      <TextArea label="Note to the reporter" required="no" value={note} onValue={setNote} />
    </AskingDialog>
  );
}
