/**
 * The desk's table of settings. A row is the TypeScript type, the parser, the line of DESK_SETTINGS.md and the line of the masked
 * printout. The environment names a setting `SOTTO_DESK_` and its key in capitals (`dataDir` is `SOTTO_DESK_DATA_DIR`), the
 * settings file by its key.
 */

import { completeTable, readTable, type SettingSources, SettingsError } from "../ops/read-table.js";
import {
  BadValue,
  bool,
  choice,
  duration,
  host,
  httpsUrl,
  integer,
  isLoopback,
  type Kind,
  line,
  path,
  port,
  publicKey,
  secret,
} from "../ops/setting-kinds.js";
import {
  optional,
  type SettingRow,
  type SettingTable,
  type SettingValues,
  setting,
  variableName,
} from "../ops/setting-table.js";
import { settingLines } from "../ops/settings-text.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A fingerprint as apps pin it. */
const fingerprint: Kind<string> = {
  written: "`sha256:` and 64 hex digits",
  parse(text) {
    if (!/^sha256:[0-9a-f]{64}$/.test(text)) throw new BadValue("`sha256:` and 64 small hex digits");
    return text;
  },
  show: (value) => value,
};

/** How long a case may stay in a stage before it counts as late. */
const stage = duration({ min: HOUR, max: 90 * DAY });

const settingsTable = {
  port: setting(port, "8788", "The port of the console and its interface."),
  host: setting(host, "127.0.0.1", "The address to listen on. Behind a proxy with TLS leave it at this machine."),
  publicUrl: optional(
    httpsUrl,
    "the address the desk listens on",
    "Where moderators reach the console. Printed in invitations.",
  ),
  trustProxy: setting(
    bool,
    "false",
    "Take the caller's address from X-Forwarded-For. Only behind a proxy that sets it; else callers could evade the limits.",
  ),
  dataDir: setting(path, "./desk-data", "The folder of everything the desk keeps: rows and keys. One desk per folder."),
  name: setting(line(64), "Sotto desk", "What the console calls this desk."),
  statementFile: optional(
    path,
    "a plain statement of what moderators can do",
    "A text file of at most 16 KiB on what your moderators can do and cannot. Signed and shown to users.",
  ),

  relay: setting(
    httpsUrl,
    "http://localhost:8787",
    "The relay this desk works for. It must know this desk's key (SOTTO_DESK_KEY there).",
  ),
  relayRoot: optional(
    fingerprint,
    "the root that a relay on this machine shows first is kept; required for any other",
    "The fingerprint of the relay's root: no proof is made for another.",
  ),

  newWithin: setting(stage, "1d", "When somebody should have taken up a new case."),
  triageWithin: setting(stage, "2d", "When a case that was taken up should be decided or handed on."),
  escalatedWithin: setting(stage, "3d", "When a case that was handed on should be decided."),
  appealWithin: setting(stage, "7d", "When an appeal should be decided."),
  appealPeriod: setting(
    duration({ min: 30 * DAY, max: 730 * DAY }),
    "183d",
    "How long a decision can be appealed against. What the case holds is deleted after it.",
  ),

  reportsPerDay: setting(integer({ min: 1, max: 1_000 }), "30", "Reports of one account that count in one day."),
  reportsPerPairPerDay: setting(
    integer({ min: 1, max: 1_000 }),
    "5",
    "Reports of one account about one other that count in one day.",
  ),
  tokenBatches: setting(
    integer({ min: 1, max: 256 }),
    "16",
    "Batches of 32 tokens that one device gets in one day. A device without a fresh one uses its last again.",
  ),

  tokenKey: optional(publicKey, "no static key", "The public key that host tokens of enrolments are signed with."),
  tokenJwksFile: optional(path, "no key file", "A file with the host's public keys as a JWK set."),
  tokenJwksUrl: optional(httpsUrl, "no key URL", "Where the host publishes its public keys as a JWK set."),
  tokenIssuer: optional(line(256), "required where there are token keys", "The `iss` that host tokens must have."),
  tokenAudience: optional(
    line(256),
    "required where there are token keys",
    "The `aud` that host tokens must name: this desk.",
  ),

  webhookUrl: optional(
    httpsUrl,
    "nobody",
    "Who is told of cases: ids, categories and stages, never a word somebody wrote. Each call is signed.",
  ),
  webhookSecret: {
    ...optional(secret, "required where there is a webhook", "What its calls are signed with (HMAC-SHA-256)."),
    secret: true,
  },

  logLevel: setting(choice("info", "warn", "error", "silent"), "info", "The least severe log line that is written."),
  logFormat: setting(choice("json", "text"), "json", "`json` for machines, one object a line; `text` for people."),
} as const satisfies Record<string, SettingRow>;

/** Every setting of the desk, read and in range. Durations are milliseconds, paths absolute. */
export type DeskSettings = SettingValues<typeof settingsTable>;

/** The desk's table with its names. `SOTTO_DESK_KEY` is the relay's: which desk it takes. */
export const deskSettings: SettingTable = {
  prefix: "SOTTO_DESK_",
  configVariable: "SOTTO_DESK_CONFIG",
  defaultFile: "sotto-desk.json",
  page: "DESK_SETTINGS.md",
  example: '{ "port": 8788 }',
  foreign: ["SOTTO_DESK_KEY"],
  rows: () => Object.entries(settingsTable).map(([key, row]) => ({ key, row: row as SettingRow })),
};

/**
 * The settings, complete, in range and fit for running a desk.
 *
 * @throws SettingsError with every problem: wrong values, unknown names, an unreadable file, settings that do not fit together.
 */
export function readDeskSettings(sources: SettingSources): DeskSettings {
  return fitting(parseDeskSettings(sources));
}

/** The settings, each in range, for commands that only look after the data folder. @throws SettingsError. */
export function parseDeskSettings(sources: SettingSources): DeskSettings {
  return readTable(deskSettings, sources) as DeskSettings;
}

/** Complete settings from some of them: the rest are the defaults. @throws SettingsError. */
export function deskSettingsFrom(some: Partial<DeskSettings>): DeskSettings {
  return fitting(completeTable(deskSettings, some) as DeskSettings);
}

function fitting(settings: DeskSettings): DeskSettings {
  const problems = contradictions(settings);
  if (problems.length > 0) throw new SettingsError(problems);
  return settings;
}

/** What each value alone cannot show. */
function contradictions(settings: DeskSettings): readonly string[] {
  const { relay, relayRoot, webhookUrl, webhookSecret, tokenIssuer, tokenAudience } = settings;
  const sources = [settings.tokenKey, settings.tokenJwksFile, settings.tokenJwksUrl].filter((one) => one !== undefined);
  const problems: string[] = [];
  const need = (lacks: boolean, problem: string) => {
    if (lacks) problems.push(problem);
  };
  need(
    relayRoot === undefined && !isLoopback(new URL(relay).hostname),
    "SOTTO_DESK_RELAY_ROOT must be set to the relay's fingerprint, which `sotto-relay keys show` prints.",
  );
  need(
    sources.length > 1,
    "Set only one of SOTTO_DESK_TOKEN_KEY, SOTTO_DESK_TOKEN_JWKS_FILE and SOTTO_DESK_TOKEN_JWKS_URL.",
  );
  need(
    sources.length > 0 && (tokenIssuer === undefined || tokenAudience === undefined),
    "SOTTO_DESK_TOKEN_ISSUER and SOTTO_DESK_TOKEN_AUDIENCE must be set to the `iss` and `aud` of your host's tokens.",
  );
  need(
    webhookUrl !== undefined && webhookSecret === undefined,
    "SOTTO_DESK_WEBHOOK_SECRET must be set where there is a webhook, so that its receiver knows who calls.",
  );
  return problems;
}

/** DESK_SETTINGS.md, made from the table. */
export function deskSettingsReference(): string {
  return [
    "# Settings of the desk",
    "",
    "Made from the table in `desk/settings.ts`; do not edit by hand.",
    "",
    `Each setting can be given in the environment or in a JSON file, as those of the relay can (SETTINGS.md): the file is the one that`,
    `\`${deskSettings.configVariable}\` names, else \`${deskSettings.defaultFile}\` in the working folder if there is one. Relay and desk are given environments of their own:`,
    "each refuses names it does not know.",
    "",
    ...settingLines(deskSettings),
    "",
  ].join("\n");
}

/** Every setting in force, one `NAME=value` a line, secrets masked. */
export function deskSettingsPrintout(settings: DeskSettings): string {
  return deskSettings
    .rows()
    .map(({ key, row }) => {
      const value: unknown = new Map<string, unknown>(Object.entries(settings)).get(key);
      const name = variableName(deskSettings.prefix, key);
      if (value === undefined) return `${name}= (${row.unset ?? "not set"})`;
      return `${name}=${row.secret === true ? "(set, not shown)" : row.kind.show(value)}`;
    })
    .join("\n");
}
