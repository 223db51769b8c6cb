/**
 * Who waits for a team's key. That they work here is the desk's word; that the box is theirs is for people to find out, by reading its
 * fingerprint to each other. Nothing is sealed before somebody says that it is the same.
 */

import { useState } from "preact/hooks";
import { useDesk } from "./desk-context.js";
import { AskingDialog } from "./dialog.js";
import { Fingerprint } from "./key-notices.js";
import { sealKeysTo } from "./signing-in.js";
import type { WaitingPerson } from "./team-keys.js";
import { countText } from "./time-words.js";
import { teamWords } from "./vocabulary.js";

/** The list, if there is anybody. */
export function WaitingPeople({ onSealed }: { readonly onSealed: () => void }) {
  const { api, state, waiting, keepKeys, say } = useDesk();
  // Held as it was looked at: what the desk says in the meantime changes nothing in the dialog.
  const [asked, setAsked] = useState<WaitingPerson>();
  if (waiting.length === 0 && asked === undefined) return null;
  return (
    <section class="waiting" aria-labelledby="waiting-title">
      <h2 id="waiting-title">Waiting for a team key</h2>
      <p>
        Whoever has a team’s key can read what is reported to it. Call each of them, and have them read the fingerprint
        that their own page shows. Seal the key only if it is the same.
      </p>
      <ul class="plain-list people" aria-label="People waiting for a team key">
        {waiting.map((person) => (
          <li key={`${person.id}/${person.fingerprint}`} class="person">
            <div>
              <h3>{person.name}</h3>
              <p class="aside">
                {lackedTeams(person)} · <Fingerprint text={person.fingerprint} />
              </p>
            </div>
            <button type="button" class="button small" onClick={() => setAsked(person)}>
              {actionOn(person)}…
            </button>
          </li>
        ))}
      </ul>
      {asked === undefined ? undefined : (
        <AskingDialog
          title={`${actionOn(asked)}?`}
          action={actionOn(asked)}
          tone="severe"
          perform={async () => {
            await sealKeysTo({ api, state }, asked);
            say(`Sealed ${countText(asked.lacks.length, "key")} to ${asked.name}.`);
            keepKeys();
            onSealed();
          }}
          onClose={() => setAsked(undefined)}
        >
          <p>
            Whoever made this fingerprint will be able to open what was reported to: {lackedTeams(asked)}. Go on only if{" "}
            {asked.name} read it to you from their own page, in a voice you know:
          </p>
          <p>
            <Fingerprint text={asked.fingerprint} />
          </p>
        </AskingDialog>
      )}
    </section>
  );
}

function actionOn({ name, lacks }: WaitingPerson): string {
  return `Seal the ${lacks.length === 1 ? "key" : "keys"} to ${name}`;
}

function lackedTeams({ lacks }: WaitingPerson): string {
  return [...new Set(lacks.map(({ team }) => teamWords[team]))].join(", ");
}
