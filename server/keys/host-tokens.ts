/** The HostTokens port on jose. A token is a JWT that the host's backend signed minutes ago for one user and this relay. */

import { type AccountRole, accountRoles, limits } from "@sotto/protocol";
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
      const subject = textClaim(TOKEN, payload, "sub", limits.userIdBytes.value);
      return { issuer: statements.issuer, subject, role: roleOf(payload[ROLE_CLAIM]) };
    },
  };
}

/** What the user is, where it is no person. */
const ROLE_CLAIM = "sotto_role";

/** A role that this relay does not know is no person either, so it is refused rather than left out. */
function roleOf(claim: unknown): AccountRole {
  if (claim === undefined) return "person";
  const role = accountRoles.find((known) => known === claim);
  if (role === undefined) throw refusal(TOKEN, `its ${ROLE_CLAIM} is none of ${accountRoles.join(", ")}`);
  return role;
}
