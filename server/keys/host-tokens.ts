/**
 * The HostTokens port on jose. A token is a JWT that the host's backend signed minutes ago for one user and this relay;
 * whatever is not exactly that is refused, and no refusal repeats a word of the token.
 */

import { limits, SottoError } from "@sotto/protocol";
import { errors, type JWTPayload, jwtVerify } from "jose";
import type { Clock, HostTokens, Log } from "../ports.js";
import { KeysUnavailable, openTokenKeys, type TokenKeySource } from "./token-keys.js";

/** Whose tokens are taken, and for whom they must be. */
export interface HostTokenOptions {
  readonly keys: TokenKeySource;
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Asymmetric algorithms only: with a shared secret the relay could sign what it checks. */
const ALGORITHMS = [
  "EdDSA",
  "Ed25519",
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
];

/** The longest a token may live: it is spent at once, so a longer one is a standing key that somebody will leak. */
const MAX_LIFETIME_SECONDS = 300;
/** Clocks of host and relay may differ by this much. */
const LEEWAY_SECONDS = 30;
/** Key-server failures are logged no more often than this. */
const WARN_EVERY_MS = 60_000;

/**
 * Checks host tokens against one source of keys.
 *
 * `verify` rejects with `badToken`, and with `busy` if the host's key server is out of reach, so that a client retries.
 *
 * @throws OperatorError if the source is a file that cannot be used.
 */
export function createHostTokens(options: HostTokenOptions): HostTokens {
  const { issuer, audience, clock, log } = options;
  const findKey = openTokenKeys(options.keys, clock);
  let warnedMs = Number.NEGATIVE_INFINITY;

  return {
    async verify(token) {
      if (token.length > limits.tokenBytes.value) throw refusal("it is too long");
      const nowMs = clock.now();
      let payload: JWTPayload;
      try {
        const checks = {
          algorithms: ALGORITHMS,
          issuer,
          audience,
          requiredClaims: ["iss", "aud", "sub", "exp"],
          clockTolerance: LEEWAY_SECONDS,
          currentDate: new Date(nowMs),
        };
        ({ payload } = await jwtVerify(token, findKey, checks));
      } catch (cause) {
        if (cause instanceof KeysUnavailable) {
          if (clock.monotonic() - warnedMs >= WARN_EVERY_MS) {
            warnedMs = clock.monotonic();
            log.warn("tokenKeysUnavailable", { remedy: "check that SOTTO_TOKEN_JWKS_URL answers with a JWK set" });
          }
          throw new SottoError("busy", { detail: "the host's keys cannot be fetched now" });
        }
        throw refusal(reasonOf(cause));
      }
      requireShortLife(payload, nowMs / 1_000);
      return { issuer, subject: subjectOf(payload) };
    },
  };
}

function requireShortLife({ exp, iat }: JWTPayload, nowSeconds: number): void {
  const longest = MAX_LIFETIME_SECONDS + LEEWAY_SECONDS;
  if (exp === undefined || exp - nowSeconds > longest || (iat !== undefined && exp - iat > longest)) {
    throw refusal(`it lives longer than ${MAX_LIFETIME_SECONDS} seconds`);
  }
}

function subjectOf({ sub }: JWTPayload): string {
  if (
    typeof sub !== "string" ||
    sub === "" ||
    Buffer.byteLength(sub) > limits.userIdBytes.value ||
    !sub.isWellFormed()
  ) {
    throw refusal(`its sub is not text of 1 to ${limits.userIdBytes.value} bytes`);
  }
  return sub;
}

/** Our own words for jose's error, whose message may quote the token's claims. No `cause` for the same reason. */
function refusal(reason: string): SottoError {
  return new SottoError("badToken", { detail: reason });
}

function reasonOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return "it has expired";
  if (cause instanceof errors.JWTClaimValidationFailed) {
    const known = ["iss", "aud", "sub", "exp", "nbf", "iat"].find((claim) => claim === cause.claim);
    return `its claim ${known ?? "set"} is missing or wrong`;
  }
  if (cause instanceof errors.JOSEAlgNotAllowed) return "its algorithm is not allowed";
  if (cause instanceof errors.JWKSNoMatchingKey) return "no configured key has its key id and algorithm";
  if (cause instanceof errors.JWKSMultipleMatchingKeys) return "it has no key id and several keys fit";
  if (cause instanceof errors.JWSSignatureVerificationFailed) return "its signature is wrong";
  return "it is no signed JWT";
}
