/** Taking up an invitation: choosing how one's own key is kept, making it here, and keeping it. */

import { useState } from "preact/hooks";
import type { DeskState } from "../api.js";
import { RadioChoice, TextField } from "./fields.js";
import { Front } from "./front.js";
import { errorOf } from "./hooks.js";
import { type Joined, joinWithFile, joinWithPasskey } from "./joining.js";
import { hasPasskeys } from "./passkey.js";
import { rememberPerson } from "./preferences.js";
import { saveFile } from "./saving.js";
import { type SignedIn, signInWithSecret } from "./signing-in.js";

const MIN_PASSPHRASE = 12;

/** The page behind an invitation link. */
export function InvitationPage({
  state,
  code,
  onSignedIn,
}: {
  readonly state: DeskState;
  readonly code: string;
  readonly onSignedIn: (signedIn: SignedIn) => void;
}) {
  const [keeping, setKeeping] = useState<"passkey" | "file">(hasPasskeys() ? "passkey" : "file");
  const [name, setName] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const [busy, setBusy] = useState<string>();
  const [failure, setFailure] = useState<string>();
  const [joined, setJoined] = useState<Joined>();

  const enter = async (who: Joined) => onSignedIn(await signInWithSecret(state, who.moderator.id, who.secret));
  const failed = (error: unknown) => {
    setFailure(errorOf(error).message);
    setBusy(undefined);
  };
  const join = (event: Event) => {
    event.preventDefault();
    if (busy !== undefined) return;
    setFailure(undefined);
    if (keeping === "passkey") {
      setBusy("Waiting for the passkey…");
      joinWithPasskey(state, code, name)
        .then((who) => {
          rememberPerson(who.moderator);
          return enter(who);
        })
        .catch(failed);
      return;
    }
    if (passphrase !== again) return setFailure("The two passphrases differ.");
    setBusy("Making your key…");
    joinWithFile(state, code, passphrase).then((who) => {
      save(who);
      setJoined(who);
      setBusy(undefined);
    }, failed);
  };

  if (joined !== undefined) {
    return (
      <Front state={state} title={`Welcome, ${joined.moderator.name}`}>
        <p>
          Your key file was saved as <code>{joined.keyFile?.fileName}</code>. Keep it where only you can reach it.
          Nobody can make it again: without the file and its passphrase, a lead has to invite you anew.
        </p>
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="form-actions">
          <button type="button" class="button" onClick={() => save(joined)}>
            Save the file again
          </button>
          <button type="button" class="button primary" onClick={() => enter(joined).catch(failed)}>
            I kept it: sign in
          </button>
        </div>
      </Front>
    );
  }
  return (
    <Front state={state} title="Join the desk">
      <p>
        Your key is made in this browser and never leaves it unsealed. With it you sign in, and reports are opened with
        it.
      </p>
      <form class="form" onSubmit={join}>
        <fieldset class="choices">
          <legend>How to keep your key</legend>
          <RadioChoice
            name="keeping"
            title="Passkey"
            does="This machine’s lock or a security key opens it. Needs a browser that supports it."
            chosen={keeping === "passkey"}
            disabled={!hasPasskeys()}
            onChosen={() => setKeeping("passkey")}
          />
          <RadioChoice
            name="keeping"
            title="Key file and passphrase"
            does="A file you keep yourself. Works everywhere."
            chosen={keeping === "file"}
            onChosen={() => setKeeping("file")}
          />
        </fieldset>
        {keeping === "passkey" ? (
          <TextField
            label="Name on the passkey"
            hint="As your machine shall list it. The desk knows you by the name in your invitation."
            autoComplete="name"
            value={name}
            onValue={setName}
          />
        ) : (
          <>
            <TextField
              label="Passphrase"
              hint={`At least ${MIN_PASSPHRASE} characters; several words are easiest to keep.`}
              type="password"
              autoComplete="new-password"
              minLength={MIN_PASSPHRASE}
              value={passphrase}
              onValue={setPassphrase}
            />
            <TextField
              label="Passphrase again"
              type="password"
              autoComplete="new-password"
              minLength={MIN_PASSPHRASE}
              value={again}
              onValue={setAgain}
            />
          </>
        )}
        <p class="notice" role="status">
          {busy}
        </p>
        <p class="failure" role="alert">
          {failure}
        </p>
        <button type="submit" class="button primary wide" disabled={busy !== undefined}>
          Make my key
        </button>
      </form>
    </Front>
  );
}

function save({ keyFile }: Joined): void {
  if (keyFile !== undefined) saveFile(keyFile.fileName, [keyFile.text]);
}
