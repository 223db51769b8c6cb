/** The HostTokens port on jose. A token is a JWT that the host's backend signed minutes ago for one user and this relay. */

import { limits } from "@sotto/protocol";
import type { HostTokens } from "../ports.js";
import { type HostStatements, refusal, type StatementKind, textClaim } from "./host-statements.js";

/** A token is spent at once, so one that lives longer is a standing key that somebody will leak. */
const TOKEN: StatementKind = { refusedAs: "badToken", claims: ["sub"], maxLifetimeSeconds: 300 };

/**
 * Checks host tokens.
 *
 * `verify` rejects with `badToken`, and with `busy` if the host's key server is out of reach, so that a client retries.
 */
export function createHostTokens(statements: HostStatements): HostTokens {
  return {
    async verify(token) {
      if (token.length > limits.tokenBytes.value) throw refusal(TOKEN, "it is too long");
      const payload = await statements.verify(token, TOKEN);
      return { issuer: statements.issuer, subject: textClaim(TOKEN, payload, "sub", limits.userIdBytes.value) };
    },
  };
}
