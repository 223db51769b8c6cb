/**
 * The HostGrants port on jose. A grant is a JWT by which the host says that one of its users may write to another, and why:
 * they follow each other, one of them paid for it. The relay cannot know such facts, and learns no more of them than this.
 */

import { limits } from "@sotto/protocol";
import type { HostGrants } from "../ports.js";
import {
  type HostStatements,
  LEEWAY_SECONDS,
  refusal,
  type StatementKind,
  separateTypes,
  textClaim,
} from "./host-statements.js";

/** A fact such as a mutual follow may change at any time, so a grant for it must not outlive the day. */
const GRANT: StatementKind = {
  refusedAs: "badGrant",
  type: separateTypes.grant,
  claims: ["from", "to", "basis"],
  maxLifetimeSeconds: 86_400,
};

/** Bytes of a nonce: any id of a host's own making. */
const MAX_NONCE_BYTES = 128;

/**
 * Checks grants. `bases` are those the community takes; none = any.
 *
 * `verify` rejects with `badGrant`, and with `busy` if the host's key server is out of reach, so that a client retries.
 */
export function createHostGrants(statements: HostStatements, bases: readonly string[]): HostGrants {
  return {
    async verify(grant) {
      if (grant.length > limits.grantBytes.value) throw refusal(GRANT, "it is too long");
      const payload = await statements.verify(grant, GRANT);
      const { exp = 0, jti } = payload;
      const user = (name: "from" | "to") => ({
        issuer: statements.issuer,
        subject: textClaim(GRANT, payload, name, limits.userIdBytes.value),
      });
      const basis = textClaim(GRANT, payload, "basis", limits.basisBytes.value);
      if (bases.length > 0 && !bases.includes(basis)) throw refusal(GRANT, "its basis is not taken here");
      return {
        from: user("from"),
        to: user("to"),
        basis,
        nonce: jti === undefined ? undefined : textClaim(GRANT, payload, "jti", MAX_NONCE_BYTES),
        takenUntilMs: Math.ceil((exp + LEEWAY_SECONDS) * 1_000),
      };
    },
  };
}
