/** Signing in, and what somebody who is signed in has: in memory only, gone with the page. */

import type { Team } from "@sotto/protocol";
import type { DeskState, Moderator, SecretKeeping, Session } from "../api.js";
import { fromBase64, toBase64 } from "../base64.js";
import { type KeyFile, openKeyFile } from "../key-file.js";
import { type PersonKey, personKeyOf, signLogin, unwrapSecret } from "../person-key.js";
import { type Api, deskApi } from "./api-client.js";
import { askPasskey, PasskeyError, random } from "./passkey.js";
import { grantsTo, type HeldKey, heldKeys, newTeamKey, type WaitingPerson, waitingPeople } from "./team-keys.js";

/** Somebody who is signed in, and the keys this browser holds for them. */
export interface SignedIn {
  readonly api: Api;
  readonly state: DeskState;
  readonly moderator: Moderator;
  readonly expiresMs: number;
  readonly key: PersonKey;
}

/** The team keys somebody holds, who waits for one of them, and what was done about keys just now, in words. */
export interface Keyring {
  readonly held: readonly HeldKey[];
  /** Teams of this person whose present key they were not sealed. */
  readonly awaited: readonly Team[];
  readonly waiting: readonly WaitingPerson[];
  readonly did: readonly string[];
}

/** Signs in with a key file. @throws KeyFileError, DeskError. */
export async function signInWithFile(state: DeskState, file: KeyFile, passphrase: string): Promise<SignedIn> {
  const secret = await openKeyFile(file, passphrase);
  const { challenge } = await deskApi(() => undefined).beginLogin(file.moderator);
  return finish(state, file.moderator, challenge, secret);
}

/** Signs in with a passkey. @throws PasskeyError, DeskError. */
export async function signInWithPasskey(state: DeskState, moderator: string): Promise<SignedIn> {
  const { challenge, keeping } = await deskApi(() => undefined).beginLogin(moderator);
  return finish(state, moderator, challenge, await secretOf(keeping));
}

/** Signs in with a secret that is at hand, as after an invitation was taken up. @throws DeskError. */
export async function signInWithSecret(state: DeskState, moderator: string, secret: Uint8Array): Promise<SignedIn> {
  const { challenge } = await deskApi(() => undefined).beginLogin(moderator);
  return finish(state, moderator, challenge, secret);
}

/**
 * Opens the team keys that were sealed to somebody, and makes one, for themselves alone, for a team that has none. Others may have been
 * quicker: what the desk refuses is left for the next time. Nothing is sealed to anybody else: that takes `sealKeysTo`.
 */
export async function keepKeys({ api, state, moderator, key }: SignedIn): Promise<Keyring> {
  const did: string[] = [];
  let me = await api.me();
  for (const team of me.lacking) {
    const seed = random(32);
    const made = newTeamKey(state.realm, team, seed, { id: moderator.id, box: key.box.publicKey });
    seed.fill(0);
    if (await isTaken(api.newTeamKey(made))) did.push(`Made a new key for the ${team} team in this browser.`);
  }
  if (me.lacking.length > 0) me = await api.me();
  const held = heldKeys(state.realm, me.keys, key.box);
  const people = me.unsealed.length === 0 ? [] : await api.moderators();
  const nowMs = Date.now();
  const isHeld = (team: Team) =>
    me.keys.some(
      (one) =>
        one.team === team &&
        one.expiresMs > nowMs &&
        held.some(({ keys }) => toBase64(keys.publicKey) === one.publicKey),
    );
  const awaited = moderator.role === "auditor" ? [] : me.moderator.teams.filter((team) => !isHeld(team));
  return { held, awaited, waiting: waitingPeople(state.realm, me.unsealed, held, people), did };
}

/** Seals keys that this browser holds to the box somebody looked at and confirmed. @throws DeskError. */
export async function sealKeysTo(
  { api, state }: Pick<SignedIn, "api" | "state">,
  person: WaitingPerson,
): Promise<void> {
  for (const grant of grantsTo(state.realm, person)) await api.grantTeamKey(grant);
}

async function isTaken(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch {
    // Somebody else's browser was quicker, or left: the next sign-in looks again.
    return false;
  }
}

async function finish(state: DeskState, moderator: string, challenge: string, secret: Uint8Array): Promise<SignedIn> {
  const asked = fromBase64(challenge);
  if (asked === undefined) throw new RangeError("a challenge that is no base64");
  const signature = toBase64(signLogin(secret, asked));
  const key = personKeyOf(secret);
  secret.fill(0);
  const session = await deskApi(() => undefined).finishLogin(moderator, challenge, signature);
  return signedIn(state, session, key);
}

function signedIn(state: DeskState, { token, expiresMs, moderator }: Session, key: PersonKey): SignedIn {
  return { api: deskApi(() => token), state, moderator, expiresMs, key };
}

async function secretOf(keeping: SecretKeeping): Promise<Uint8Array> {
  if (keeping.kind === "file") throw new PasskeyError("withoutPrf", "This person signs in with a key file.");
  const wrapped = fromBase64(keeping.wrapped);
  const secret = wrapped && unwrapSecret(wrapped, await askPasskey(keeping.credential, keeping.salt));
  if (secret === undefined)
    throw new PasskeyError("withoutPrf", "This passkey does not open the key that the desk keeps.");
  return secret;
}
