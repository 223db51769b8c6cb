/** The relay's settings, complete and fit for running it. */

import { completeTable, readTable, type SettingSources, SettingsError } from "./read-table.js";
import { relaySettings, type Settings } from "./settings.js";

/**
 * The settings, complete, in range and fit for running a relay.
 *
 * An empty environment variable counts as not set, as shells and container files have it.
 *
 * @throws SettingsError with every problem: wrong values, unknown names, an unreadable file, settings that do not fit together.
 */
export function readSettings(sources: SettingSources): Settings {
  return fitting(parseSettings(sources));
}

/**
 * The settings, each in range, for commands that only look after the data folder and need no relay to be able to run.
 *
 * @throws SettingsError with every problem, as `readSettings`.
 */
export function parseSettings(sources: SettingSources): Settings {
  return readTable(relaySettings, sources) as Settings;
}

/**
 * Complete settings from some of them, for programs that embed the relay: the rest are the defaults.
 *
 * @throws SettingsError with every problem, as `readSettings`.
 */
export function settingsFrom(some: Partial<Settings>): Settings {
  return fitting(completeTable(relaySettings, some) as Settings);
}

function fitting(settings: Settings): Settings {
  const problems = contradictions(settings);
  if (problems.length > 0) throw new SettingsError(problems);
  return settings;
}

/** What each value alone cannot show. */
function contradictions(settings: Settings): string[] {
  const problems: string[] = [];
  const sources = [settings.tokenKey, settings.tokenJwksFile, settings.tokenJwksUrl].filter((one) => one !== undefined);
  if (sources.length > 1) {
    problems.push("Set only one of SOTTO_TOKEN_KEY, SOTTO_TOKEN_JWKS_FILE and SOTTO_TOKEN_JWKS_URL.");
  }
  if (!settings.development && sources.length === 0) {
    problems.push(
      "The relay cannot check who registers: set SOTTO_TOKEN_KEY, SOTTO_TOKEN_JWKS_FILE or SOTTO_TOKEN_JWKS_URL to your host's public key, or SOTTO_DEVELOPMENT=true on your own machine.",
    );
  }
  if (sources.length > 0 || !settings.development) {
    if (settings.tokenIssuer === undefined)
      problems.push("SOTTO_TOKEN_ISSUER must be set to the `iss` of your host's tokens.");
    if (settings.tokenAudience === undefined) {
      problems.push("SOTTO_TOKEN_AUDIENCE must be set to the `aud` your host's tokens have for this relay.");
    }
  }
  return problems;
}
