/** Where the keys come from that host tokens are checked with: one static key, a JWK set in a file, or one at a URL. */

import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { OperatorError, systemCode } from "../ops/operator-error.js";
import type { Clock } from "../ports.js";

/** One of the three sources, as the settings name it. */
export type TokenKeySource =
  | { readonly kind: "key"; readonly key: { readonly text: string } | { readonly file: string } }
  | { readonly kind: "jwksFile"; readonly file: string }
  | { readonly kind: "jwksUrl"; readonly url: string; readonly timing?: Partial<RemoteTiming> };

/** How patient the relay is with the host's key server. */
interface RemoteTiming {
  /** One fetch may take this long. */
  readonly timeoutMs: number;
  /** An unknown key id asks the server again, but not more often than this. */
  readonly cooldownMs: number;
  /** Keys are asked for anew after this long, so that a withdrawn key ends. */
  readonly maxAgeMs: number;
}

const TIMING: RemoteTiming = { timeoutMs: 5_000, cooldownMs: 30_000, maxAgeMs: 600_000 };

/** A key file is looked at for changes no more often than this. */
const FILE_CHECK_MS = 2_000;

/** The keys could not be asked for; the token may be good. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

/** Finds the key for a token's header. Throws jose's errors for "no such key", `KeysUnavailable` if the source is out of reach. */
export type FindKey = JWTVerifyGetKey;

/**
 * Opens a source of keys. A file is read at once, a URL when the first token comes.
 *
 * @throws OperatorError if a file does not exist or holds no usable public key.
 */
export function openTokenKeys(source: TokenKeySource, clock: Clock): FindKey {
  switch (source.kind) {
    case "key":
      return staticKey("text" in source.key ? source.key.text : read(source.key.file, "SOTTO_TOKEN_KEY"));
    case "jwksFile":
      return keySetFile(source.file, clock);
    case "jwksUrl":
      return keySetUrl(source.url, { ...TIMING, ...source.timing });
  }
}

/** Signature algorithms that fit a key, by its type; what is not listed here is never accepted, `none` and HS* least of all. */
function algorithmsOf(key: KeyObject): readonly string[] {
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return ["EdDSA", "Ed25519"];
    case "ec": {
      const byCurve = new Map([
        ["prime256v1", "ES256"],
        ["secp384r1", "ES384"],
        ["secp521r1", "ES512"],
      ]);
      const algorithm = byCurve.get(details.namedCurve ?? "");
      return algorithm === undefined ? [] : [algorithm];
    }
    case "rsa":
      return (details.modulusLength ?? 0) >= 2048 ? ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] : [];
    default:
      return [];
  }
}

function staticKey(text: string): FindKey {
  const { key, keyId } = parsePublicKey(text);
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0) {
    throw new OperatorError(
      "SOTTO_TOKEN_KEY must be an Ed25519, P-256, P-384, P-521 or RSA key of at least 2048 bits.",
      2,
    );
  }
  return (header) => {
    if (!algorithms.includes(header.alg)) throw new errors.JOSEAlgNotAllowed("the algorithm does not fit the key");
    if (keyId !== undefined && header.kid !== undefined && header.kid !== keyId) throw new errors.JWKSNoMatchingKey();
    return key;
  };
}

function parsePublicKey(text: string): { readonly key: KeyObject; readonly keyId: string | undefined } {
  if (/PRIVATE KEY|"(d|k)"\s*:/.test(text)) {
    throw new OperatorError(
      "SOTTO_TOKEN_KEY must be the PUBLIC key; the private one belongs only to the host's backend.",
      2,
    );
  }
  try {
    if (!text.trimStart().startsWith("{")) return { key: createPublicKey(text), keyId: undefined };
    const jwk = JSON.parse(text);
    return {
      key: createPublicKey({ key: jwk, format: "jwk" }),
      keyId: typeof jwk.kid === "string" ? jwk.kid : undefined,
    };
  } catch (cause) {
    throw new OperatorError("SOTTO_TOKEN_KEY holds no public key in PEM or JWK form.", 2, { cause });
  }
}

function keySetFile(file: string, clock: Clock): FindKey {
  let { find, stamp } = openKeySet(file);
  let lookedMs = clock.monotonic();
  return async (header, token) => {
    if (clock.monotonic() - lookedMs >= FILE_CHECK_MS) {
      lookedMs = clock.monotonic();
      // A file that is being replaced, or was damaged, must not end registration: the keys read last stay in force.
      if (stampOf(file) !== stamp) {
        try {
          ({ find, stamp } = openKeySet(file));
        } catch (cause) {
          if (!(cause instanceof OperatorError)) throw cause;
        }
      }
    }
    return find(header, token);
  };
}

function openKeySet(file: string): { readonly find: FindKey; readonly stamp: string | undefined } {
  const stamp = stampOf(file);
  const text = read(file, "SOTTO_TOKEN_JWKS_FILE");
  try {
    const set: JSONWebKeySet = JSON.parse(text);
    const find = createLocalJWKSet(set);
    if (set.keys.some((key) => key.d !== undefined || key.k !== undefined)) {
      throw new OperatorError(`${file} holds a private or shared key; it must hold public keys only.`, 2);
    }
    if (set.keys.length === 0) throw new OperatorError(`${file} holds no key.`, 2);
    return { find, stamp };
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError(`${file} holds no JWK set; it must look like { "keys": [ … ] }.`, 2, { cause });
  }
}

function stampOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.mtimeMs} ${found.size} ${found.ino}`;
}

function read(file: string, setting: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const why =
      systemCode(cause) === "ENOENT" ? "does not exist" : `cannot be read (${systemCode(cause) ?? "unknown"})`;
    throw new OperatorError(`${file}, which ${setting} names, ${why}.`, 2, { cause });
  }
}

function keySetUrl(url: string, timing: RemoteTiming): FindKey {
  const find = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timing.timeoutMs,
    cooldownDuration: timing.cooldownMs,
    cacheMaxAge: timing.maxAgeMs,
  });
  return async (header, token) => {
    try {
      return await find(header, token);
    } catch (cause) {
      const aboutTheKey =
        cause instanceof errors.JWKSNoMatchingKey ||
        cause instanceof errors.JWKSMultipleMatchingKeys ||
        cause instanceof errors.JOSENotSupported;
      if (aboutTheKey) throw cause;
      throw new KeysUnavailable("the host's keys cannot be fetched", { cause });
    }
  };
}
