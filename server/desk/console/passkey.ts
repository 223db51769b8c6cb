/**
 * Passkeys (WebAuthn) that yield a secret: the PRF extension, where browser and authenticator have it. What a passkey signs is not used:
 * it opens the wrapping around the person's own key, in this page and nowhere else.
 */

import { fromBase64, toBase64 } from "../base64.js";

const SALT_BYTES = 32;

/** A passkey that was made, and what it yields. */
export interface MadePasskey {
  readonly credential: string;
  readonly salt: string;
  readonly prf: Uint8Array;
}

/** Why a passkey did not serve. */
export class PasskeyError extends Error {
  override readonly name = "PasskeyError";

  constructor(
    readonly code: "cancelled" | "withoutPrf",
    message: string,
  ) {
    super(message);
  }
}

/** Whether this browser has passkeys at all. Whether one yields a secret shows when it is made. */
export function hasPasskeys(): boolean {
  return window.isSecureContext && "PublicKeyCredential" in window;
}

/** Makes a passkey for a desk. @throws PasskeyError cancelled, withoutPrf. */
export async function makePasskey(deskName: string, personName: string): Promise<MadePasskey> {
  const salt = random(SALT_BYTES);
  const publicKey: PublicKeyCredentialCreationOptions = {
    challenge: random(32),
    rp: { name: deskName },
    user: { id: random(16), name: personName, displayName: personName },
    pubKeyCredParams: [
      { type: "public-key", alg: -8 },
      { type: "public-key", alg: -7 },
      { type: "public-key", alg: -257 },
    ],
    authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
    attestation: "none",
    extensions: { prf: { eval: { first: salt } } },
  };
  const made = await answered(navigator.credentials.create({ publicKey }));
  const prf = made.getClientExtensionResults().prf;
  if (prf?.enabled !== true && prf?.results === undefined)
    throw new PasskeyError("withoutPrf", "This passkey cannot keep a key. Use a key file instead.");
  const credential = toBase64(new Uint8Array(made.rawId));
  const yields = prf.results?.first;
  // Some authenticators yield nothing while a passkey is made, and have to be asked again.
  return {
    ...{ credential, salt: toBase64(salt) },
    prf: yields === undefined ? await askPasskey(credential, toBase64(salt)) : bytesOf(yields),
  };
}

/** Asks a passkey for its secret. @throws PasskeyError cancelled, withoutPrf. */
export async function askPasskey(credential: string, salt: string): Promise<Uint8Array> {
  const id = fromBase64(credential);
  const first = fromBase64(salt);
  if (id === undefined || first === undefined) throw new PasskeyError("withoutPrf", "The desk keeps no such passkey.");
  const publicKey: PublicKeyCredentialRequestOptions = {
    challenge: random(32),
    allowCredentials: [{ type: "public-key", id }],
    userVerification: "required",
    extensions: { prf: { eval: { first } } },
  };
  const asserted = await answered(navigator.credentials.get({ publicKey }));
  const yields = asserted.getClientExtensionResults().prf?.results?.first;
  if (yields === undefined)
    throw new PasskeyError("withoutPrf", "This passkey does not yield its key in this browser.");
  return bytesOf(yields);
}

/** Random bytes. */
export function random(size: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(size));
}

async function answered(ceremony: Promise<Credential | null>): Promise<PublicKeyCredential> {
  const credential = await ceremony.catch(() => null);
  if (credential instanceof PublicKeyCredential) return credential;
  throw new PasskeyError(
    "cancelled",
    "The passkey was not used: the browser’s question was closed, or it ran out of time.",
  );
}

function bytesOf(source: BufferSource): Uint8Array {
  return source instanceof ArrayBuffer
    ? new Uint8Array(source.slice(0))
    : new Uint8Array(source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength) as ArrayBuffer);
}
