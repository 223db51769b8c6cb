/**
 * The root key's file. It is needed only to certify a relay's certificate key, so it can lie on a stick in a drawer. Plain,
 * or wrapped with a passphrase: scrypt (N 2^17, r 8, p 1), then AES-256-GCM over the key with the public key as
 * associated data; `wrapped` is nonce, ciphertext and tag.
 */

import { createCipheriv, createDecipheriv, randomBytes, type ScryptOptions, scrypt } from "node:crypto";
import { fromHex, SottoError, toHex } from "@sotto/protocol";
import { OperatorError } from "../ops/operator-error.js";
import { newKeyPair, publicKeyOf } from "./certificates.js";
import { type KeyFileForm, readKeyFile, writeKeyFile } from "./key-file.js";

const plainForm: KeyFileForm<"publicKey" | "privateKey"> = {
  sotto: "root key",
  holds: "root key file",
  fields: ["publicKey", "privateKey"],
  access: "owner",
};

const wrappedForm: KeyFileForm<"publicKey" | "salt" | "wrapped"> = {
  sotto: "root key",
  holds: "root key file",
  fields: ["publicKey", "salt", "wrapped"],
  access: "anyone",
};

/** A root key pair in memory. */
export interface RootKey {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** The fewest characters of a passphrase. It guards a file at rest, against a thief who can guess without limit. */
const MIN_PASSPHRASE_CHARACTERS = 12;

/**
 * Makes a root key and writes its file, wrapped if there is a passphrase. Resolves once it is on disk.
 *
 * @throws OperatorError if the file exists or cannot be written, or the passphrase is too short.
 */
export async function createRootKey(file: string, passphrase: string | undefined): Promise<RootKey> {
  if (passphrase !== undefined && passphrase.length < MIN_PASSPHRASE_CHARACTERS) {
    throw new OperatorError(`The passphrase must have at least ${MIN_PASSPHRASE_CHARACTERS} characters.`, 2);
  }
  const root = newKeyPair();
  const publicKey = toHex(root.publicKey);
  if (passphrase === undefined) {
    await writeKeyFile(file, plainForm, { publicKey, privateKey: toHex(root.privateKey) }, "create");
  } else {
    const salt = randomBytes(16);
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", await stretch(passphrase, salt), nonce).setAAD(root.publicKey);
    const wrapped = Buffer.concat([nonce, cipher.update(root.privateKey), cipher.final(), cipher.getAuthTag()]);
    await writeKeyFile(file, wrappedForm, { publicKey, salt: toHex(salt), wrapped: toHex(wrapped) }, "create");
  }
  return root;
}

/**
 * Reads a root key; `passphrase` is asked only if the file is wrapped.
 *
 * @throws OperatorError if there is no such file, it is damaged, or the passphrase is wrong.
 */
export async function openRootKey(file: string, passphrase: () => Promise<string>): Promise<RootKey> {
  const held = await readKeyFile(file, { ...wrappedForm, fields: ["publicKey"] });
  if (held === undefined)
    throw new OperatorError(`There is no root key at ${file}; make one with: sotto-relay keys root ${file}`);
  const publicKey = decode(held.publicKey, file);
  const privateKey = await readPrivateKey(file, publicKey, passphrase);
  const derived = parses(() => publicKeyOf(privateKey));
  if (derived === undefined || toHex(derived) !== toHex(publicKey)) {
    throw new OperatorError(`${file} is damaged: its two halves do not belong together.`);
  }
  return { publicKey, privateKey };
}

async function readPrivateKey(
  file: string,
  publicKey: Uint8Array,
  passphrase: () => Promise<string>,
): Promise<Uint8Array> {
  const wrapped = await readKeyFile(file, wrappedForm).catch(() => undefined);
  if (wrapped === undefined) {
    const plain = await readKeyFile(file, plainForm);
    if (plain === undefined) throw new OperatorError(`${file} disappeared while it was read.`);
    return decode(plain.privateKey, file);
  }
  const bytes = decode(wrapped.wrapped, file);
  const key = await stretch(await passphrase(), decode(wrapped.salt, file));
  const opened = parses(() => {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 })
      .setAAD(publicKey)
      .setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
  });
  if (opened === undefined) throw new OperatorError(`The passphrase does not open ${file}; nothing was changed.`);
  return new Uint8Array(opened);
}

function stretch(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFKC"), salt, 32, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/** The bytes of a hex field. @throws OperatorError if it is no hex. */
export function decode(hex: string, file: string): Uint8Array<ArrayBuffer> {
  try {
    return fromHex(hex);
  } catch (cause) {
    if (!(cause instanceof SottoError)) throw cause;
    throw new OperatorError(`${file} is damaged: it holds something that is no hex.`);
  }
}

function parses<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
