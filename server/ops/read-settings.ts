/** Reads the settings from a file and the environment, the environment winning, and reports every problem at once. */

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { nearest } from "./nearest.js";
import { OperatorError, systemCode } from "./operator-error.js";
import { BadValue } from "./setting-kinds.js";
import { CONFIG_VARIABLE, DEFAULT_CONFIG_FILE, environmentName, type Settings, settingRows } from "./settings.js";

/** Where settings come from. */
export interface SettingSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What relative paths and the default settings file are relative to. */
  readonly folder: string;
}

/** A value as written, with the words that name its place and the folder its paths are relative to. */
interface Written {
  readonly text: string;
  readonly place: string;
  readonly folder: string;
}

/** Settings that cannot be used; the message lists every problem on a line of its own. */
export class SettingsError extends OperatorError {
  constructor(readonly problems: readonly string[]) {
    const [first = ""] = problems;
    super(
      problems.length === 1
        ? first
        : `${problems.length} settings need attention:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
      2,
    );
  }
}

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
  const problems: string[] = [];
  const written = new Map<string, Written>();
  readFile(sources, written, problems);
  return settle(written, sources, problems);
}

function fitting(settings: Settings): Settings {
  const problems = contradictions(settings);
  if (problems.length > 0) throw new SettingsError(problems);
  return settings;
}

/** Reads the environment over what the file gave, then parses everything. */
function settle(written: Map<string, Written>, sources: SettingSources, problems: string[]): Settings {
  readEnvironment(sources, written, problems);
  const values: Record<string, unknown> = {};
  for (const { key, row } of settingRows()) {
    const given = written.get(key) ?? { text: row.preset, place: environmentName(key), folder: sources.folder };
    if (given.text === undefined) continue;
    try {
      values[key] = row.kind.parse(given.text, given.folder);
    } catch (cause) {
      if (!(cause instanceof BadValue)) throw cause;
      const silent = row.secret === true || row.kind.mayBeSecret === true || given.text.length > 60;
      const shown = silent ? "" : `, not \`${given.text.replace(/\s+/g, " ")}\``;
      problems.push(`${given.place} must be ${cause.message}${shown}.`);
    }
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return values as Settings;
}

/**
 * Complete settings from some of them, for programs that embed the relay: the rest are the defaults.
 *
 * @throws SettingsError with every problem, as `readSettings`.
 */
export function settingsFrom(some: Partial<Settings>): Settings {
  const environment: Record<string, string> = {};
  for (const { key, row } of settingRows()) {
    const value: unknown = some[key];
    if (value !== undefined) environment[environmentName(key)] = row.kind.show(value);
  }
  return fitting(settle(new Map(), { environment, folder: process.cwd() }, []));
}

function readEnvironment(
  { environment, folder }: SettingSources,
  into: Map<string, Written>,
  problems: string[],
): void {
  const keys = new Map<string, string>(settingRows().map(({ key }) => [environmentName(key), key]));
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith("SOTTO_") || name === CONFIG_VARIABLE || text === undefined || text === "") continue;
    const key = keys.get(name);
    if (key === undefined) {
      problems.push(unknown(`${name} is no setting`, nearest(name, [...keys.keys(), CONFIG_VARIABLE])));
    } else {
      into.set(key, { text, place: name, folder });
    }
  }
}

function readFile({ environment, folder }: SettingSources, into: Map<string, Written>, problems: string[]): void {
  const named = environment[CONFIG_VARIABLE];
  const file = resolve(folder, named === undefined || named === "" ? DEFAULT_CONFIG_FILE : named);
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    if (systemCode(cause) === "ENOENT" && (named === undefined || named === "")) return;
    const why =
      cause instanceof SyntaxError ? "is not valid JSON" : `cannot be read (${systemCode(cause) ?? "unknown"})`;
    problems.push(`The settings file ${file} ${why}; correct it, or point ${CONFIG_VARIABLE} to another.`);
    return;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    problems.push(`The settings file ${file} must hold one JSON object, such as { "port": 8787 }.`);
    return;
  }
  const keys = new Set<string>(settingRows().map(({ key }) => key));
  for (const [key, value] of Object.entries(parsed)) {
    const place = `"${key.slice(0, 100)}" in ${file}`;
    const text = textOf(value);
    if (!keys.has(key)) problems.push(unknown(`${place} is no setting`, nearest(key, [...keys])));
    else if (text === undefined) problems.push(`${place} must be text, a number, true, false or a list of texts.`);
    else into.set(key, { text, place, folder: dirname(file) });
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.join(",");
  return undefined;
}

function unknown(sentence: string, suggestion: string | undefined): string {
  return `${sentence}${suggestion === undefined ? "; SETTINGS.md lists all" : `; did you mean ${suggestion}?`}`;
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
