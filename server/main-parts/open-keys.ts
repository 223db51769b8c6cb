/** Opens what the relay signs with and checks tokens with; makes keys only in development mode. */

import { rootFingerprint } from "@sotto/protocol";
import { newKeyPair } from "../keys/certificates.js";
import { createHostGrants } from "../keys/grants.js";
import { openHostStatements } from "../keys/host-statements.js";
import { createHostTokens } from "../keys/host-tokens.js";
import { createKeys, type InstalledKeys, loadKeys } from "../keys/key-folder.js";
import type { TokenKeySource } from "../keys/token-keys.js";
import { OperatorError } from "../ops/operator-error.js";
import type { Settings } from "../ops/settings.js";
import { systemClock } from "../ops/system.js";
import type { HostGrants, HostTokens, Log } from "../ports.js";

/**
 * The relay's keys. In development mode missing ones are made, which the log says.
 *
 * @throws OperatorError if there are none outside development mode, or a key file is damaged or open to others.
 */
export async function openKeys({ dataDir, development }: Settings, log: Log): Promise<InstalledKeys> {
  const installed = await loadKeys(dataDir);
  if (installed !== undefined) {
    if (installed.origin === "development" && !development) {
      log.warn("developmentKeys", {
        reason: "these keys were made in development mode and nobody holds their root, so they cannot be renewed",
        remedy: "sotto-relay keys request, certify and install --replace-root",
      });
    }
    return installed;
  }
  if (!development) {
    throw new OperatorError(
      `There are no keys in ${dataDir}. If the root may be made on this machine: sotto-relay keys create ROOT-FILE. To keep it offline: sotto-relay keys request FILE.`,
    );
  }
  const keys = await createKeys(dataDir, newKeyPair(), "development", systemClock.now());
  log.warn("developmentKeysMade", {
    fingerprint: rootFingerprint(keys.root),
    reason: "there were none; the private root was thrown away",
  });
  return keys;
}

/** Where the keys of host tokens come from; `undefined` if nowhere, which only development mode allows. */
export function tokenKeySource({
  tokenKey,
  tokenJwksFile,
  tokenJwksUrl,
}: Pick<Settings, "tokenKey" | "tokenJwksFile" | "tokenJwksUrl">): TokenKeySource | undefined {
  if (tokenKey !== undefined) return { kind: "key", key: tokenKey };
  if (tokenJwksFile !== undefined) return { kind: "jwksFile", file: tokenJwksFile };
  if (tokenJwksUrl !== undefined) return { kind: "jwksUrl", url: tokenJwksUrl };
  return undefined;
}

/** What the host's word is checked with. */
export interface HostChecks {
  readonly hostTokens: HostTokens;
  readonly grants: HostGrants;
}

/**
 * The checks of host tokens and grants as the settings describe them, or `undefined` where they describe none.
 *
 * @throws OperatorError if a key file cannot be used.
 */
export function openHostChecks(settings: Settings, log: Log): HostChecks | undefined {
  const { tokenIssuer: issuer, tokenAudience: audience } = settings;
  const keys = tokenKeySource(settings);
  if (keys === undefined || issuer === undefined || audience === undefined) return undefined;
  const statements = openHostStatements({ keys, issuer, audience, clock: systemClock, log });
  return { hostTokens: createHostTokens(statements), grants: createHostGrants(statements, settings.grantBases) };
}
