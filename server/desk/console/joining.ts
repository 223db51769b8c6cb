/** Taking up an invitation: a new secret, made here, which the desk never sees. */

import type { DeskState, Moderator, SecretKeeping } from "../api.js";
import { toBase64 } from "../base64.js";
import { sealKeyFile } from "../key-file.js";
import { PERSON_SECRET_BYTES, personKeyOf, wrapSecret } from "../person-key.js";
import { deskApi } from "./api-client.js";
import { makePasskey, random } from "./passkey.js";

/** Somebody who just joined. */
export interface Joined {
  readonly moderator: Moderator;
  readonly secret: Uint8Array;
  /** What to keep, of who chose a key file. */
  readonly keyFile: { readonly fileName: string; readonly text: string } | undefined;
}

/** Joins with a key file. The file names the person, so it is written once the desk has said who that is. @throws DeskError. */
export async function joinWithFile(state: DeskState, code: string, passphrase: string): Promise<Joined> {
  const secret = random(PERSON_SECRET_BYTES);
  const moderator = await redeem(code, secret, { kind: "file" });
  const owner = { name: moderator.name, moderator: moderator.id, realm: state.realm };
  const text = await sealKeyFile(secret, owner, passphrase, { salt: random(16), nonce: random(12) });
  return { moderator, secret, keyFile: { fileName: fileNameOf(moderator), text } };
}

/** Joins with a passkey. @throws PasskeyError before the invitation is used up; DeskError. */
export async function joinWithPasskey(state: DeskState, code: string, name: string): Promise<Joined> {
  const secret = random(PERSON_SECRET_BYTES);
  const { credential, salt, prf } = await makePasskey(state.name, name);
  const wrapped = toBase64(wrapSecret(secret, prf, random(12)));
  prf.fill(0);
  const moderator = await redeem(code, secret, { kind: "passkey", credential, salt, wrapped });
  return { moderator, secret, keyFile: undefined };
}

function redeem(code: string, secret: Uint8Array, keeping: SecretKeeping): Promise<Moderator> {
  const { signKey, box } = personKeyOf(secret);
  const keys = { signKey: toBase64(signKey), box: toBase64(box.publicKey) };
  return deskApi(() => undefined).redeem({ code, ...keys, keeping });
}

function fileNameOf({ name }: Moderator): string {
  const safe = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return `sotto-desk-key-${safe === "" ? "person" : safe}.json`;
}
