/** Ending a case without doing anything, and deciding an appeal. */

import { useState } from "preact/hooks";
import type { CaseDialogProps } from "./case-dialogs.js";
import { useDesk } from "./desk-context.js";
import { AskingDialog } from "./dialog.js";
import { Choice, TextArea } from "./fields.js";

/** Dismisses. */
export function DismissDialog({ view, put, onClose }: CaseDialogProps) {
  const { api, say } = useDesk();
  const [rule, setRule] = useState("");
  return (
    <AskingDialog
      title="Dismiss the case"
      action="Dismiss"
      perform={async () => {
        put(await api.dismiss(view.id, rule.trim()));
        say("Dismissed. Reporters are told that nothing was done.");
      }}
      onClose={onClose}
    >
      <p>The reporters hear that the case was looked at and no action was taken. The account hears nothing.</p>
      <TextArea label="Why no rule was broken" hint="For the log." value={rule} onValue={setRule} />
    </AskingDialog>
  );
}

/** Decides an appeal. */
export function AppealDialog({ view, put, onClose }: CaseDialogProps) {
  const { api, say } = useDesk();
  const [verdict, setVerdict] = useState<"uphold" | "reverse">("uphold");
  const [rule, setRule] = useState("");
  return (
    <AskingDialog
      title="Decide the appeal"
      action={verdict === "uphold" ? "Uphold" : "Reverse"}
      tone={verdict === "uphold" ? "plain" : "severe"}
      perform={async () => {
        put(await api.decideAppeal(view.id, verdict, rule.trim()));
        say(verdict === "uphold" ? "The decision stands." : "Reversed: what was done is lifted.");
      }}
      onClose={onClose}
    >
      <p>Whoever decided first cannot decide the appeal. The account is sent what you write.</p>
      <Choice
        label="Verdict"
        value={verdict}
        options={[
          { value: "uphold", words: "Uphold: the decision stands" },
          { value: "reverse", words: "Reverse: lift what was done" },
        ]}
        onValue={setVerdict}
      />
      <TextArea label="Ground, in the words of the rule" value={rule} onValue={setRule} />
    </AskingDialog>
  );
}
