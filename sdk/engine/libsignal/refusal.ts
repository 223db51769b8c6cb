/** From the library's failures to the port's reasons. The library's own errors name people: they go no further than here. */

import { SottoError } from "@sotto/protocol";
import { EngineRefusal, type EngineRefusalReason } from "../../core/ports.js";

/** Codes the library types; everything else is code 0 with a text nobody may branch on. */
const DUPLICATED_MESSAGE = 1;
const UNTRUSTED_IDENTITY = 3;

/** Why a call of the library failed, as far as it says, else `otherwise`. */
export function reasonOf(error: unknown, otherwise: EngineRefusalReason): EngineRefusalReason {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === DUPLICATED_MESSAGE) return "duplicate";
  if (code === UNTRUSTED_IDENTITY) return "untrustedIdentity";
  return otherwise;
}

/** Runs a parser of the library on bytes from outside. @throws EngineRefusal with the reason if it fails. */
export function parsed<T>(reason: EngineRefusalReason, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new EngineRefusal(reason);
  }
}

/**
 * Runs an operation of the library whose stores cannot fail.
 *
 * @throws EngineRefusal with the library's reason, else `otherwise`.
 */
export async function refused<T>(otherwise: EngineRefusalReason, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw new EngineRefusal(reasonOf(error, otherwise));
  }
}

/** Runs a parser of the library on a record this device stored. @throws storeCorrupt if it fails. */
export function stored<T>(parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new SottoError("storeCorrupt", { detail: "a key record does not parse" });
  }
}
