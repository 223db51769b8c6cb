/** Reads a table of settings from a file and the environment, the environment winning, and reports every problem at once. */

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { nearest } from "./nearest.js";
import { OperatorError, systemCode } from "./operator-error.js";
import { BadValue } from "./setting-kinds.js";
import { type SettingTable, variableName } from "./setting-table.js";

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
 * The values of a table's settings, each in range, by key.
 *
 * An empty environment variable counts as not set, as shells and container files have it.
 *
 * @throws SettingsError with every problem: wrong values, unknown names, an unreadable file.
 */
export function readTable(table: SettingTable, sources: SettingSources): Readonly<Record<string, unknown>> {
  const problems: string[] = [];
  const written = new Map<string, Written>();
  const reading = { written, sources, problems };
  readFile(table, reading);
  return settle(table, reading);
}

/** The values of a table's settings from some of them: the rest are the defaults. @throws SettingsError. */
export function completeTable(
  table: SettingTable,
  some: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const environment: Record<string, string> = {};
  for (const { key, row } of table.rows()) {
    const value = some[key];
    if (value !== undefined) environment[variableName(table.prefix, key)] = row.kind.show(value);
  }
  return settle(table, { written: new Map(), sources: { environment, folder: process.cwd() }, problems: [] });
}

interface Reading {
  readonly written: Map<string, Written>;
  readonly sources: SettingSources;
  readonly problems: string[];
}

/** Reads the environment over what the file gave, then parses everything. */
function settle(table: SettingTable, reading: Reading): Readonly<Record<string, unknown>> {
  const { written, sources, problems } = reading;
  readEnvironment(table, reading);
  const values: Record<string, unknown> = {};
  for (const { key, row } of table.rows()) {
    const place = variableName(table.prefix, key);
    const given = written.get(key) ?? { text: row.preset, place, folder: sources.folder };
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
  return values;
}

function readEnvironment(
  { prefix, configVariable, page, foreign = [], rows }: SettingTable,
  { sources: { environment, folder }, written: into, problems }: Reading,
): void {
  const keys = new Map<string, string>(rows().map(({ key }) => [variableName(prefix, key), key]));
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(prefix) || name === configVariable || text === undefined || text === "") continue;
    if (foreign.includes(name)) continue;
    const key = keys.get(name);
    if (key === undefined) {
      problems.push(unknown(`${name} is no setting`, nearest(name, [...keys.keys(), configVariable]), page));
    } else {
      into.set(key, { text, place: name, folder });
    }
  }
}

function readFile(
  { configVariable, defaultFile, page, example, rows }: SettingTable,
  { sources: { environment, folder }, written: into, problems }: Reading,
): void {
  const named = environment[configVariable];
  const file = resolve(folder, named === undefined || named === "" ? defaultFile : named);
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    if (systemCode(cause) === "ENOENT" && (named === undefined || named === "")) return;
    const why =
      cause instanceof SyntaxError ? "is not valid JSON" : `cannot be read (${systemCode(cause) ?? "unknown"})`;
    problems.push(`The settings file ${file} ${why}; correct it, or point ${configVariable} to another.`);
    return;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    problems.push(`The settings file ${file} must hold one JSON object, such as ${example}.`);
    return;
  }
  const keys = new Set<string>(rows().map(({ key }) => key));
  for (const [key, value] of Object.entries(parsed)) {
    const place = `"${key.slice(0, 100)}" in ${file}`;
    const text = textOf(value);
    if (!keys.has(key)) problems.push(unknown(`${place} is no setting`, nearest(key, [...keys]), page));
    else if (text === undefined) problems.push(`${place} must be text, a number, true, false or a list of texts.`);
    else into.set(key, { text, place, folder: dirname(file) });
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.join(",");
  return undefined;
}

function unknown(sentence: string, suggestion: string | undefined, page: string): string {
  return `${sentence}${suggestion === undefined ? `; ${page} lists all` : `; did you mean ${suggestion}?`}`;
}
