/** Asking somebody to the desk: a link that serves once, handed over by the lead. */

import { type Team, teams } from "@sotto/protocol";
import { useState } from "preact/hooks";
import type { ModeratorRole } from "../api.js";
import { useDesk } from "./desk-context.js";
import { Choice, TextField, Tick } from "./fields.js";
import { errorOf } from "./hooks.js";
import { roleWords, teamWords } from "./vocabulary.js";

const roles = ["moderator", "lead", "auditor"] as const satisfies readonly ModeratorRole[];

/** The form, and the link that comes of it. */
export function InviteForm() {
  const { api, say, fail } = useDesk();
  const [name, setName] = useState("");
  const [role, setRole] = useState<ModeratorRole>("moderator");
  const [chosen, setChosen] = useState<readonly Team[]>(["community"]);
  const [link, setLink] = useState<{ readonly name: string; readonly url: string }>();
  const [failure, setFailure] = useState<string>();
  const invite = (event: Event) => {
    event.preventDefault();
    setFailure(undefined);
    api.invite({ name: name.trim(), role, teams: role === "auditor" ? [] : chosen }).then(
      ({ code }) => {
        setLink({ name, url: `${location.origin}/#invite=${code}` });
        setName("");
      },
      (error: unknown) => setFailure(errorOf(error).message),
    );
  };
  return (
    <section class="invite" aria-labelledby="invite-title">
      <h2 id="invite-title">Ask somebody in</h2>
      <form class="form" onSubmit={invite}>
        <TextField label="Name" value={name} onValue={setName} maxLength={64} />
        <Choice
          label="Role"
          value={role}
          options={roles.map((value) => ({ value, words: roleWords[value] }))}
          onValue={setRole}
        />
        {role === "auditor" ? (
          <p class="hint">An auditor reads the log and no case.</p>
        ) : (
          <fieldset class="choices">
            <legend>Teams</legend>
            {teams.map((team) => (
              <Tick
                key={team}
                label={teamWords[team]}
                ticked={chosen.includes(team)}
                onTicked={(ticked) => setChosen(ticked ? [...chosen, team] : chosen.filter((one) => one !== team))}
              />
            ))}
          </fieldset>
        )}
        <p class="failure" role="alert">
          {failure}
        </p>
        <button type="submit" class="button primary">
          Make an invitation link
        </button>
      </form>
      {link === undefined ? undefined : (
        <div class="panel" role="status">
          <p>
            For <strong>{link.name}</strong>, once, and only by a way you trust. The part behind the # is never sent to
            a server.
          </p>
          <p>
            <code class="link-text">{link.url}</code>
          </p>
          <button
            type="button"
            class="button small"
            onClick={() =>
              navigator.clipboard.writeText(link.url).then(() => say("The link is on the clipboard."), fail)
            }
          >
            Copy the link
          </button>
        </div>
      )}
    </section>
  );
}
