/** The desk proves itself. */

import { deskText, equalBytes, type Frame, SottoError } from "@sotto/protocol";
import type { Challenge } from "../authentication.js";
import type { Rules } from "../rules.js";

/** @throws badCredentials if this relay has no desk, the key is not its desk's, or did not sign this greeting. */
export function authenticateDesk(
  { policy, signatures }: Pick<Rules, "policy" | "signatures">,
  { key, signature }: Frame<"deskAuthenticate">,
  challenge: Challenge,
): void {
  const isDesk =
    policy.deskKey !== undefined &&
    equalBytes(key, policy.deskKey) &&
    signatures.verifyDevice(policy.deskKey, deskText(challenge), signature);
  if (!isDesk) throw new SottoError("badCredentials");
}
