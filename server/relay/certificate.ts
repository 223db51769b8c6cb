/** Sender certificates. */

import { type Frame, SottoError } from "@sotto/protocol";
import { ownDevice } from "./prekeys.js";
import type { DeviceCaller, Rules } from "./rules.js";

/** A certificate lives no longer, whatever the setting: it cannot be withdrawn. */
const MAX_TTL_MS = 86_400_000;

/**
 * Answers `fetchCertificate`. Each is made anew: a device needs one a day, and what is not kept cannot outlive a reset.
 */
export async function fetchCertificate(
  rules: Rules,
  caller: DeviceCaller,
  frame: Frame<"fetchCertificate">,
): Promise<void> {
  const { account, device } = caller.device;
  rules.limiters.spend("certificatesPerAccount", account);
  rules.sanctions.check(account, "certificate");
  const loaded = await rules.accounts.load(account);
  if (loaded === undefined) throw new SottoError("notAuthenticated", { detail: "the account was removed" });
  ownDevice(loaded.document, caller.device);
  const expiresMs = rules.clock.now() + Math.min(rules.policy.certificateTtlMs, MAX_TTL_MS);
  const { identityKey, role } = loaded.document;
  const certificate = rules.signatures.issueCertificate({ account, device, identityKey, role, expiresMs });
  caller.answer({ type: "certificate", id: frame.id, certificate, expiresMs });
}
