/** The table of settings as people read it: the reference page and the printout of what is in force. */

import { type SettingRow, type SettingTable, variableName } from "./setting-table.js";
import {
  CONFIG_VARIABLE,
  DEFAULT_CONFIG_FILE,
  environmentName,
  relaySettings,
  type Settings,
  settingRows,
} from "./settings.js";

const cell = (text: string) => text.replaceAll("|", "\\|");

function presetOf({ preset, unset }: SettingRow): string {
  if (preset === undefined) return `— (${unset ?? "not set"})`;
  return preset === "" ? "(none)" : `\`${preset}\``;
}

/** The reference table of a table of settings, a line each. */
export function settingLines({ prefix, rows }: SettingTable): readonly string[] {
  const lines = rows().map(({ key, row }) => {
    const doc = row.secret === true ? `${row.doc} Secret: never shown or logged.` : row.doc;
    return `| \`${variableName(prefix, key)}\` | \`${key}\` | ${cell(row.kind.written)} | ${cell(presetOf(row))} | ${cell(doc)} |`;
  });
  return ["| Environment | File | Value | Default | What it does |", "|---|---|---|---|---|", ...lines];
}

/** SETTINGS.md, made from the table. */
export function settingsReference(): string {
  return [
    "# Settings of the relay",
    "",
    "Made from the table in `ops/settings.ts`; do not edit by hand.",
    "",
    `Each setting can be given in the environment or in a JSON file; the environment wins. The file is the one that \`${CONFIG_VARIABLE}\` names,`,
    `else \`${DEFAULT_CONFIG_FILE}\` in the working folder if there is one. Paths in the file are relative to the file, paths in the environment to the`,
    "working folder. An empty variable counts as not set. A wrong value or an unknown name stops the start, and all problems are reported at once.",
    "`sotto-relay doctor` checks the settings without starting.",
    "",
    ...settingLines(relaySettings),
    "",
    "Outside development mode exactly one of `SOTTO_TOKEN_KEY`, `SOTTO_TOKEN_JWKS_FILE` and `SOTTO_TOKEN_JWKS_URL` is required, together with",
    "`SOTTO_TOKEN_ISSUER` and `SOTTO_TOKEN_AUDIENCE`. Host tokens are signed with a private key that only the host's backend has (EdDSA, ES256/384/512,",
    "RS256/384/512 or PS256/384/512; RSA from 2048 bits); shared secrets (HS256) are refused on purpose.",
    "",
  ].join("\n");
}

/** Every setting in force, one `NAME=value` a line, secrets masked. */
export function settingsPrintout(settings: Settings): string {
  return settingRows()
    .map(({ key, row }) => {
      const value: unknown = settings[key];
      if (value === undefined) return `${environmentName(key)}= (${row.unset ?? "not set"})`;
      return `${environmentName(key)}=${row.secret === true ? "(set, not shown)" : row.kind.show(value)}`;
    })
    .join("\n");
}
