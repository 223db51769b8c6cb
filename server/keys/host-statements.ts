/**
 * What the host signs for this relay: JWTs of a few kinds, each with a purpose of its own. Whatever is not exactly of the
 * kind asked for is refused, and no refusal repeats a word of the statement.
 */

import { type FailureCode, SottoError } from "@sotto/protocol";
import { errors, type JWTPayload, type JWTVerifyResult, jwtVerify } from "jose";
import type { Clock, Log } from "../ports.js";
import { KeysUnavailable, openTokenKeys, type TokenKeySource } from "./token-keys.js";

/** Whose statements are taken, and for whom they must be. */
export interface HostStatementOptions {
  readonly keys: TokenKeySource;
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** One kind of statement. */
export interface StatementKind {
  /** The code a refusal has. */
  readonly refusedAs: FailureCode;
  /** The `typ` its header must have; without one, every `typ` but those of `separateTypes` is taken. */
  readonly type?: string;
  /** Claims it must have, besides `iss`, `aud` and `exp`. */
  readonly claims: readonly string[];
  /** The longest it may live, from when it was issued and from now. */
  readonly maxLifetimeSeconds: number;
}

/** Checks statements against one source of keys. */
export interface HostStatements {
  readonly issuer: string;
  /**
   * The claims of a statement of this kind.
   *
   * @throws SottoError with the kind's code, and busy if the host's key server is out of reach, so that a client retries.
   */
  verify(statement: string, kind: StatementKind): Promise<JWTPayload>;
}

/** Kinds whose header names them: one of them is never taken for a statement of another kind (RFC 8725 §3.11). */
export const separateTypes = { grant: "sotto-grant+jwt" } as const;

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

/** Clocks of host and relay may differ by this much. */
export const LEEWAY_SECONDS = 30;
/** Key-server failures are logged no more often than this. */
const WARN_EVERY_MS = 60_000;

/**
 * Opens the source of keys that all kinds of statement share.
 *
 * @throws OperatorError if the source is a file that cannot be used.
 */
export function openHostStatements(options: HostStatementOptions): HostStatements {
  const { issuer, audience, clock, log } = options;
  const findKey = openTokenKeys(options.keys, clock);
  let warnedMs = Number.NEGATIVE_INFINITY;

  return {
    issuer,
    async verify(statement, kind) {
      const nowMs = clock.now();
      let verified: JWTVerifyResult;
      try {
        verified = await jwtVerify(statement, findKey, {
          algorithms: ALGORITHMS,
          issuer,
          audience,
          requiredClaims: ["iss", "aud", "exp", ...kind.claims],
          clockTolerance: LEEWAY_SECONDS,
          currentDate: new Date(nowMs),
          ...(kind.type === undefined ? {} : { typ: kind.type }),
        });
      } catch (cause) {
        if (cause instanceof KeysUnavailable) {
          if (clock.monotonic() - warnedMs >= WARN_EVERY_MS) {
            warnedMs = clock.monotonic();
            log.warn("tokenKeysUnavailable", { remedy: "check that SOTTO_TOKEN_JWKS_URL answers with a JWK set" });
          }
          throw new SottoError("busy", { detail: "the host's keys cannot be fetched now" });
        }
        throw refusal(kind, reasonOf(cause));
      }
      if (kind.type === undefined && isOfSeparateKind(verified.protectedHeader.typ)) {
        throw refusal(kind, "it is a statement of another kind");
      }
      requireShortLife(kind, verified.payload, nowMs / 1_000);
      return verified.payload;
    },
  };
}

/**
 * A claim that must be text of a bounded length.
 *
 * @throws SottoError with the kind's code if it is not.
 */
export function textClaim(kind: StatementKind, payload: JWTPayload, name: string, maxBytes: number): string {
  const value = payload[name];
  if (typeof value !== "string" || value === "" || Buffer.byteLength(value) > maxBytes || !value.isWellFormed()) {
    throw refusal(kind, `its ${name} is not text of 1 to ${maxBytes} bytes`);
  }
  return value;
}

/** Our own words for what is wrong, whatever jose's error quotes. No `cause` for the same reason. */
export function refusal({ refusedAs }: StatementKind, reason: string): SottoError {
  return new SottoError(refusedAs, { detail: reason });
}

/** Media types compare without case, and `application/` may be left out (RFC 7515 §4.1.9). */
function isOfSeparateKind(type: unknown): boolean {
  if (type === undefined) return false;
  if (typeof type !== "string") return true;
  const name = type.toLowerCase().replace(/^application\//, "");
  return Object.values(separateTypes).some((separate) => separate === name);
}

function requireShortLife(kind: StatementKind, { exp, iat }: JWTPayload, nowSeconds: number): void {
  const longest = kind.maxLifetimeSeconds + LEEWAY_SECONDS;
  if (exp === undefined || exp - nowSeconds > longest || (iat !== undefined && exp - iat > longest)) {
    throw refusal(kind, `it lives longer than ${kind.maxLifetimeSeconds} seconds`);
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return "it has expired";
  if (cause instanceof errors.JWTClaimValidationFailed) {
    const known = ["typ", "iss", "aud", "sub", "exp", "nbf", "iat", "from", "to", "basis"];
    return `its claim ${known.find((claim) => claim === cause.claim) ?? "set"} is missing or wrong`;
  }
  if (cause instanceof errors.JOSEAlgNotAllowed) return "its algorithm is not allowed";
  if (cause instanceof errors.JWKSNoMatchingKey) return "no configured key has its key id and algorithm";
  if (cause instanceof errors.JWKSMultipleMatchingKeys) return "it has no key id and several keys fit";
  if (cause instanceof errors.JWSSignatureVerificationFailed) return "its signature is wrong";
  return "it is no signed JWT";
}
