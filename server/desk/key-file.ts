/**
 * A person's secret as a file, under a passphrase: scrypt and AES-256-GCM, written as JSON. What the file says of itself is bound to the
 * ciphertext, so that none of it can be changed unseen. Isomorphic.
 */

import { gcm } from "@noble/ciphers/aes.js";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { labelled } from "@sotto/protocol";
import { fromBase64, toBase64 } from "./base64.js";
import { PERSON_SECRET_BYTES } from "./person-key.js";

const MAX_FILE_CHARACTERS = 8_192;
const MAX_NAME_CHARACTERS = 256;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What a file may ask of this machine: from 16 MiB up to 256 MiB, and no more than a few seconds. */
const bounds = { log2N: { least: 14, most: 18 }, r: { least: 8, most: 8 }, p: { least: 1, most: 4 } } as const;
const encoder = new TextEncoder();

/** How dear a guess of the passphrase is: scrypt with N = 2^log2N. */
export interface ScryptCost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB and about a second: what new files ask. */
export const KEY_FILE_COST: ScryptCost = { log2N: 17, r: 8, p: 1 };

/** Whose key a file holds, and at which desk. */
export interface KeyFileOwner {
  readonly name: string;
  /** The desk's id of this person. */
  readonly moderator: string;
  /** The desk's realm, in hex digits. */
  readonly realm: string;
}

/** A key file, before it is opened. */
export interface KeyFile extends KeyFileOwner {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Why a key file does not open. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";

  constructor(
    readonly code: "notAKeyFile" | "tooDear" | "wrongPassphrase",
    message: string,
  ) {
    super(message);
  }
}

/** Writes a key file. `salt` (16 bytes) and `nonce` (12 bytes) are random and used once. */
export async function sealKeyFile(
  secret: Uint8Array,
  owner: KeyFileOwner,
  passphrase: string,
  { salt, nonce, cost = KEY_FILE_COST }: { salt: Uint8Array; nonce: Uint8Array; cost?: ScryptCost },
): Promise<string> {
  const key = await keyOf(passphrase, salt, cost);
  const ciphertext = gcm(key, nonce, associated(owner, cost)).encrypt(secret);
  const { name, moderator, realm } = owner;
  const { log2N, r, p } = cost;
  const sealed = { salt: toBase64(salt), nonce: toBase64(nonce), ciphertext: toBase64(ciphertext) };
  return `${JSON.stringify({ version: 1, name, moderator, realm, scrypt: { log2N, r, p }, ...sealed }, undefined, 2)}\n`;
}

/** Reads a key file without opening it. @throws KeyFileError notAKeyFile, tooDear. */
export function readKeyFile(text: string): KeyFile {
  if (text.length > MAX_FILE_CHARACTERS) throw notAKeyFile();
  const file = fields(parsed(text));
  const scrypt = fields(file.scrypt);
  const { log2N, r, p } = scrypt;
  if (file.version !== 1 || !isCount(log2N) || !isCount(r) || !isCount(p)) throw notAKeyFile();
  const cost = { log2N, r, p };
  for (const part of ["log2N", "r", "p"] as const) {
    const { least, most } = bounds[part];
    if (cost[part] < least || cost[part] > most)
      throw new KeyFileError("tooDear", "This key file asks for more work, or for less, than the console does.");
  }
  const { name, moderator, realm } = file;
  if (!isText(name) || !isText(moderator) || !isText(realm)) throw notAKeyFile();
  return {
    ...{ name, moderator, realm, cost },
    salt: bytes(file.salt, SALT_BYTES),
    nonce: bytes(file.nonce, NONCE_BYTES),
    ciphertext: bytes(file.ciphertext, PERSON_SECRET_BYTES + TAG_BYTES),
  };
}

/** The secret in a key file. @throws KeyFileError wrongPassphrase, also for a file that was changed. */
export async function openKeyFile(file: KeyFile, passphrase: string): Promise<Uint8Array> {
  const key = await keyOf(passphrase, file.salt, file.cost);
  try {
    return gcm(key, file.nonce, associated(file, file.cost)).decrypt(file.ciphertext);
  } catch {
    // Noble throws for a wrong tag; a changed file and a wrong passphrase look the same.
    throw new KeyFileError("wrongPassphrase", "That passphrase does not open this key file.");
  } finally {
    key.fill(0);
  }
}

/** The same characters typed on another keyboard are the same passphrase. */
function keyOf(passphrase: string, salt: Uint8Array, { log2N, r, p }: ScryptCost): Promise<Uint8Array> {
  return scryptAsync(passphrase.normalize("NFKC"), salt, { N: 2 ** log2N, r, p, dkLen: 32 });
}

function associated({ name, moderator, realm }: KeyFileOwner, { log2N, r, p }: ScryptCost): Uint8Array<ArrayBuffer> {
  const said = [name, moderator, realm].map((text) => encoder.encode(text));
  return labelled("sotto/key-file/1", ...said, Uint8Array.of(log2N, r, p));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notAKeyFile();
  }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw notAKeyFile();
  return value as Readonly<Record<string, unknown>>;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_NAME_CHARACTERS;
}

function bytes(value: unknown, size: number): Uint8Array {
  const read = typeof value === "string" ? fromBase64(value) : undefined;
  if (read?.length !== size) throw notAKeyFile();
  return read;
}

function notAKeyFile(): KeyFileError {
  return new KeyFileError("notAKeyFile", "This is not a key file of the console.");
}
