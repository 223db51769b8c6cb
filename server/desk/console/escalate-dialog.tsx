/** Handing a case to another team: its words are sealed anew to that team's key, here, where they are open. */

import { type Team, teams } from "@sotto/protocol";
import { useState } from "preact/hooks";
import type { Escalation, Opening } from "../api.js";
import { fromBase64, toBase64 } from "../base64.js";
import type { Api } from "./api-client.js";
import type { CaseDialogProps } from "./case-dialogs.js";
import { useDesk } from "./desk-context.js";
import { AskingDialog } from "./dialog.js";
import { resealWords } from "./disclosed.js";
import { Choice, TextArea } from "./fields.js";
import type { HeldKey } from "./team-keys.js";
import { teamWords } from "./vocabulary.js";

/** The teams that a case of a team can be handed on to: those behind it, never back. */
export function laterTeams(team: Team): readonly Team[] {
  return teams.slice(teams.indexOf(team) + 1);
}

/** Chooses a team, and hands over. */
export function EscalateDialog({ view, opening, put, onClose }: CaseDialogProps) {
  const { api, held, say } = useDesk();
  const others = laterTeams(view.team);
  const [team, setTeam] = useState<Team>(others[0] ?? view.team);
  const [reason, setReason] = useState("");
  const hasWords = view.reports.some((one) => one.words !== "deleted");
  const mustOpen = hasWords && opening === undefined;
  return (
    <AskingDialog
      title="Escalate"
      action="Hand over"
      perform={async () => {
        if (mustOpen)
          throw new Error("Open the words first: only where they are open can they be sealed to another team.");
        const words = opening === undefined ? [] : await resealed(api, opening, held, team);
        put(await api.escalate(view.id, { team, reason: reason.trim(), words }));
        say(`Handed to the team ${teamWords[team]}.`);
      }}
      onClose={onClose}
    >
      <p>
        The words of this case are sealed to the other team’s key in this browser. Your team cannot open them from then
        on.
      </p>
      {mustOpen ? <p class="banner doubt">Open the words first, then escalate.</p> : undefined}
      <Choice
        label="Team"
        value={team}
        options={others.map((value) => ({ value, words: teamWords[value] }))}
        onValue={setTeam}
      />
      <TextArea label="Reason" hint="For the log and the other team. No quotes." value={reason} onValue={setReason} />
    </AskingDialog>
  );
}

async function resealed(
  api: Api,
  opening: Opening,
  held: readonly HeldKey[],
  team: Team,
): Promise<Escalation["words"]> {
  const { keyId, publicKey } = await api.teamKey(team);
  const to = fromBase64(publicKey);
  if (to === undefined) throw new Error("That team has no key yet. Somebody of it has to sign in once.");
  return opening.reports.map((report) => {
    const key = held.find((one) => one.keyId === report.teamKey);
    if (key === undefined) throw new Error("You hold no key for one of the reports, so it cannot be handed over yet.");
    return { report: report.report, sealed: toBase64(resealWords(opening.realm, report, key.keys, to)), keyId };
  });
}
