/** Where the key of a store comes from: a hook, a passphrase, or a file beside the database. */

import { randomBytes, scrypt } from "node:crypto";
import { decodeRecord, encodeRecord, field, SottoError, type TypeOf } from "@sotto/protocol";
import type { StoreKeySource } from "../core/ports.js";
import { aesGcm } from "./aes-gcm.js";
import { keyFile } from "./key-file.js";

/** How a store is unlocked; with neither, by a key file beside the database. */
export interface KeyChoice {
  /** A passphrase of people, or where to ask for it; asked once at each opening. */
  readonly passphrase?: string | (() => Promise<string>);
  /** 32 bytes from a keychain or a vault; asked once at each opening. */
  readonly key?: () => Promise<Uint8Array>;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const SALT_BYTES = 16;

/** 128 MiB and about a third of a second: OWASP's password storage sheet, first choice for scrypt. */
const COST = { log2N: 17, r: 8, p: 1 } as const;
/** Memory a stored cost may ask for; a header someone tampered with must not take the machine down. */
const MAX_SCRYPT_BYTES = 1_073_741_824;

/** What the header keeps: how the key was wrapped, and the wrapped key. */
const wrappedKey = field.record({
  kind: field.choice("hook", "passphrase", "file"),
  scrypt: field.optional(
    field.record({
      salt: field.bytes(SALT_BYTES),
      log2N: field.uint(20, 14),
      r: field.uint(16, 1),
      p: field.uint(4, 1),
    }),
  ),
  nonce: field.bytes(NONCE_BYTES),
  sealed: field.bytes(KEY_BYTES + 16),
});

type WrappedKey = TypeOf<typeof wrappedKey>;
type Scrypt = NonNullable<WrappedKey["scrypt"]>;

/**
 * The key source for a choice.
 *
 * @throws invalidArgument for an empty passphrase, or a passphrase and a hook at once.
 */
export function keySource(folder: string, { passphrase, key }: KeyChoice): StoreKeySource {
  if (passphrase !== undefined && key !== undefined) {
    throw new SottoError("invalidArgument", { detail: "pass a passphrase or a key hook, not both" });
  }
  if (key !== undefined) return wrapping("hook", () => ask(key, (answer) => answer.length === KEY_BYTES));
  if (passphrase === undefined) {
    const file = keyFile(folder, KEY_BYTES);
    return wrapping("file", (use) => (use === "wrap" ? file.readOrCreate() : file.read()));
  }
  if (passphrase === "") throw new SottoError("invalidArgument", { detail: "the passphrase is empty" });
  const askPassphrase = typeof passphrase === "string" ? async () => passphrase : passphrase;
  return wrapping("passphrase", async (_use, cost) => {
    const text = await ask(askPassphrase, (answer) => answer !== "");
    return stretch(text, cost);
  });
}

/** Wraps store keys under the key that `wrapperKey` finds. */
function wrapping(
  kind: WrappedKey["kind"],
  wrapperKey: (use: "wrap" | "unwrap", cost: Scrypt) => Promise<Uint8Array>,
): StoreKeySource {
  const associated = new TextEncoder().encode(`sotto/store-key/1/${kind}`);
  return {
    async wrap(storeKey) {
      const cost = { salt: new Uint8Array(randomBytes(SALT_BYTES)), ...COST };
      const wrapper = await wrapperKey("wrap", cost);
      const nonce = new Uint8Array(randomBytes(NONCE_BYTES));
      const sealed = aesGcm.seal(wrapper, nonce, storeKey, associated);
      return encodeRecord(wrappedKey, { kind, nonce, sealed, ...(kind === "passphrase" ? { scrypt: cost } : {}) });
    },

    async unwrap(wrapped) {
      const stored = parse(wrapped);
      if (stored.kind !== kind)
        throw new SottoError("wrongKey", { detail: `the store is locked by ${lock[stored.kind]}` });
      const wrapper = await wrapperKey("unwrap", stored.scrypt ?? { salt: new Uint8Array(SALT_BYTES), ...COST });
      const storeKey = aesGcm.open(wrapper, stored.nonce, stored.sealed, associated);
      if (storeKey === undefined) throw new SottoError("wrongKey");
      return storeKey;
    },
  };
}

const lock = { hook: "a key hook", passphrase: "a passphrase", file: "its key file" } as const;

function parse(wrapped: Uint8Array): WrappedKey {
  try {
    return decodeRecord(wrappedKey, wrapped);
  } catch (cause) {
    throw new SottoError("storeCorrupt", { detail: "the wrapped key does not parse", cause });
  }
}

async function ask<T>(question: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  let answer: T;
  try {
    answer = await question();
  } catch (cause) {
    throw cause instanceof SottoError ? cause : new SottoError("wrongKey", { detail: "nobody gave a key", cause });
  }
  if (!fits(answer))
    throw new SottoError("invalidArgument", { detail: "a key is 32 bytes, a passphrase is not empty" });
  return answer;
}

/** The key a passphrase stretches to. Normalised, so that the same characters typed on another system give the same key. */
function stretch(passphrase: string, { salt, log2N, r, p }: Scrypt): Promise<Uint8Array> {
  const N = 2 ** log2N;
  const memory = 128 * N * r;
  if (memory > MAX_SCRYPT_BYTES) throw new SottoError("storeCorrupt", { detail: "the stored scrypt cost is absurd" });
  const options = { N, r, p, maxmem: memory + 1_048_576 };
  return new Promise((settle, reject) => {
    scrypt(passphrase.normalize("NFKC"), salt, KEY_BYTES, options, (error, key) => {
      if (error === null) settle(key);
      else reject(new SottoError("storeFailed", { detail: "scrypt failed", cause: error }));
    });
  });
}
