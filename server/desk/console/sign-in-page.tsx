/** Signing in: with a passkey that was used here before, or a key file and its passphrase. */

import { useState } from "preact/hooks";
import type { DeskState } from "../api.js";
import { readKeyFile } from "../key-file.js";
import { TextField } from "./fields.js";
import { Front } from "./front.js";
import { errorOf } from "./hooks.js";
import { hasPasskeys } from "./passkey.js";
import { forgetPerson, knownPeople, rememberPerson } from "./preferences.js";
import { type SignedIn, signInWithFile, signInWithPasskey } from "./signing-in.js";

const MAX_FILE_BYTES = 8_192;

/** The page of who is not signed in. */
export function SignInPage({
  state,
  notice,
  onSignedIn,
}: {
  readonly state: DeskState;
  readonly notice: string | undefined;
  readonly onSignedIn: (signedIn: SignedIn) => void;
}) {
  const [file, setFile] = useState<File>();
  const [passphrase, setPassphrase] = useState("");
  const [id, setId] = useState("");
  const [people, setPeople] = useState(knownPeople);
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState<string>();

  const attempt = (what: string, enter: () => Promise<SignedIn>) => {
    if (busy !== undefined) return;
    setBusy(what);
    setFailure(undefined);
    enter().then(onSignedIn, (error: unknown) => {
      setFailure(errorOf(error).message);
      setBusy(undefined);
    });
  };
  const withPasskey = (moderator: string) =>
    attempt("Waiting for the passkey…", async () => {
      const entered = await signInWithPasskey(state, moderator);
      rememberPerson(entered.moderator);
      return entered;
    });
  const withFile = (event: Event) => {
    event.preventDefault();
    if (file === undefined) return setFailure("Choose your key file first.");
    attempt("Opening the key file…", async () => {
      if (file.size > MAX_FILE_BYTES) throw new Error("This is not a key file of the console.");
      return signInWithFile(state, readKeyFile(await file.text()), passphrase);
    });
  };

  return (
    <Front state={state} title="Sign in">
      <p class="notice" role="status">
        {busy ?? notice}
      </p>
      {state.hasModerators ? undefined : (
        <p class="hint">Nobody works here yet. Open the invitation link that the desk printed when it was set up.</p>
      )}
      {people.length > 0 && hasPasskeys() ? (
        <section class="front-part" aria-labelledby="with-passkey">
          <h2 id="with-passkey">With a passkey</h2>
          <ul class="plain-list">
            {people.map((person) => (
              <li key={person.id} class="person-choice">
                <button type="button" class="button primary" onClick={() => withPasskey(person.id)}>
                  Sign in as {person.name}
                </button>
                <button
                  type="button"
                  class="button quiet"
                  onClick={() => {
                    forgetPerson(person.id);
                    setPeople(knownPeople());
                  }}
                >
                  Forget<span class="sr-only"> {person.name} on this machine</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ) : undefined}
      {hasPasskeys() ? (
        <details>
          <summary class="hint">A passkey that was made on another machine</summary>
          <form
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              withPasskey(id.trim());
            }}
          >
            <TextField
              label="Your id at this desk"
              hint="The page People shows it."
              value={id}
              onValue={setId}
              maxLength={64}
            />
            <button type="submit" class="button wide">
              Use the passkey
            </button>
          </form>
        </details>
      ) : undefined}
      <section class="front-part" aria-labelledby="with-file">
        <h2 id="with-file">With a key file</h2>
        <form class="form" onSubmit={withFile}>
          <div class="field">
            <label for="key-file">Key file</label>
            <input
              id="key-file"
              type="file"
              accept=".json,application/json"
              required
              onChange={(event) => setFile(event.currentTarget.files?.[0])}
            />
          </div>
          <TextField
            label="Passphrase"
            type="password"
            autoComplete="current-password"
            value={passphrase}
            onValue={setPassphrase}
          />
          <p class="failure" role="alert">
            {failure}
          </p>
          <button type="submit" class="button primary wide" disabled={busy !== undefined}>
            Sign in
          </button>
        </form>
      </section>
    </Front>
  );
}
