/** Who works here, and for leads: asking somebody in, and ending somebody's work. */

import { useState } from "preact/hooks";
import type { Moderator } from "../api.js";
import { useDesk } from "./desk-context.js";
import { AskingDialog } from "./dialog.js";
import { useLoaded } from "./hooks.js";
import { InviteForm } from "./invite-form.js";
import { Fingerprint } from "./key-notices.js";
import { countText } from "./time-words.js";
import { roleWords, teamWords } from "./vocabulary.js";
import { WaitingPeople } from "./waiting-people.js";

/** The page of people. */
export function PeoplePage() {
  const { api, moderator, fingerprint, keepKeys } = useDesk();
  const people = useLoaded("people", () => api.moderators());
  const [leaving, setLeaving] = useState<Moderator>();
  const isLead = moderator.role === "lead";
  return (
    <>
      <div class="page-head">
        <h1>People</h1>
        <p class="page-sum">
          Team keys are sealed to these people’s own keys by a colleague who compared their fingerprint.
        </p>
        <button
          type="button"
          class="button quiet"
          onClick={() => {
            keepKeys();
            people.reload();
          }}
        >
          Refresh
        </button>
      </div>
      {people.failure === undefined ? undefined : (
        <p class="banner bad" role="alert">
          {people.failure.message}
        </p>
      )}
      <WaitingPeople onSealed={people.reload} />
      <ul class="plain-list people" aria-label="People of the desk" aria-busy={people.value === undefined}>
        {people.value?.map((person) => (
          <li key={person.id} class={person.left ? "person gone" : "person"}>
            <div>
              <h2>
                {person.name}
                {person.id === moderator.id ? <span class="aside"> (you)</span> : undefined}
              </h2>
              <p class="aside">
                {roleWords[person.role]} ·{" "}
                {person.teams.length === 0 ? "no team" : person.teams.map((team) => teamWords[team]).join(", ")} ·{" "}
                {person.left ? "left" : `holds ${countText(person.holds.length, "team key")}`}
              </p>
              {person.id === moderator.id ? (
                <>
                  <p class="aside">
                    Your fingerprint, for colleagues who seal you a key: <Fingerprint text={fingerprint} />
                  </p>
                  <p class="aside">
                    Your id, for a passkey on another machine: <code class="id whole">{person.id}</code>
                  </p>
                </>
              ) : undefined}
            </div>
            {isLead && !person.left && person.id !== moderator.id ? (
              <button type="button" class="button small" onClick={() => setLeaving(person)}>
                End work<span class="sr-only"> of {person.name}</span>…
              </button>
            ) : undefined}
          </li>
        ))}
      </ul>
      {isLead ? <InviteForm /> : undefined}
      {leaving === undefined ? undefined : (
        <AskingDialog
          title={`End the work of ${leaving.name}?`}
          action="End work"
          tone="severe"
          perform={async () => {
            await api.leave(leaving.id);
            people.reload();
          }}
          onClose={() => setLeaving(undefined)}
        >
          <p>
            They can sign in no more, and each of their teams gets a new key: what is reported from then on is sealed to
            that.
          </p>
        </AskingDialog>
      )}
    </>
  );
}
