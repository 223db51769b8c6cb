/**
 * The one table of settings. A row is the TypeScript type, the parser, the line of SETTINGS.md and the line of the masked
 * printout. The environment names a setting `SOTTO_` and its key in capitals (`dataDir` is `SOTTO_DATA_DIR`), the
 * settings file by its key.
 */

import { firstContactPolicies, limits } from "@sotto/protocol";
import {
  bool,
  bytes,
  choice,
  decimal,
  duration,
  ed25519Key,
  host,
  httpsUrl,
  integer,
  line,
  list,
  origin,
  path,
  port,
  publicKey,
  secret,
  word,
} from "./setting-kinds.js";
import {
  optional,
  type SettingRow,
  type SettingTable,
  type SettingValues,
  setting,
  variableName,
} from "./setting-table.js";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

/** Every setting, by its key. */
const settingsTable = {
  port: setting(port, "8787", "The port for sockets, health and metrics."),
  host: optional(
    host,
    "127.0.0.1 in development mode, else 0.0.0.0",
    "The address to listen on. Development mode stays on this machine unless you name another address.",
  ),
  dataDir: setting(path, "./data", "The folder of everything the relay keeps: store and keys. One relay per folder."),
  development: setting(
    bool,
    "false",
    "Development mode: ANYBODY may register under ANY user id, and missing keys are made. Never on the open internet.",
  ),
  transport: setting(
    choice("auto", "uws", "portable"),
    "auto",
    "The socket server: uWebSockets.js where its binary loads, else the portable one; or one of them by name.",
  ),

  tokenKey: optional(
    publicKey,
    "no static key",
    "The public key that host tokens are signed with. Public keys only: a relay that held a shared secret could forge the tokens it checks.",
  ),
  tokenJwksFile: optional(
    path,
    "no key file",
    "A file with the host's public keys as a JWK set; read again when it changes.",
  ),
  tokenJwksUrl: optional(
    httpsUrl,
    "no key URL",
    "Where the host publishes its public keys as a JWK set; kept for 10 minutes.",
  ),
  tokenIssuer: optional(line(256), "required outside development mode", "The `iss` that host tokens must have."),
  tokenAudience: optional(
    line(256),
    "required outside development mode",
    "The `aud` that host tokens must name: this relay.",
  ),

  deskKey: optional(
    ed25519Key,
    "nobody is the desk; in development mode the relay runs one inside itself",
    "The key of the desk that this relay takes, which `sotto-desk key` shows.",
  ),
  deskPort: optional(
    port,
    "no console",
    "The port for the console of the desk that runs inside a relay in development mode, on this machine only.",
  ),

  reportsWaiting: setting(
    integer({ min: 10, max: 10_000 }),
    "1000",
    "Reports that may wait for the desk. Beyond it new ones are refused, and their devices try again.",
  ),
  reportsBytes: setting(
    bytes({ min: 16 * 1024 ** 2, max: 64 * 1024 ** 3 }),
    "1GiB",
    "Bytes of reports that may wait for the desk.",
  ),

  allowedOrigins: setting(
    list(origin, 100),
    "",
    "Origins of web pages that may connect, for sockets and HTTP. Programs that are no browser send none and are not affected.",
  ),
  trustProxy: setting(
    bool,
    "false",
    "Take the peer's address from X-Forwarded-For. Only behind a proxy that sets it; else callers could evade the limits.",
  ),
  maxConnections: setting(
    integer({ min: 1, max: 1_000_000 }),
    "20000",
    "Sockets open at once; more are refused with 503.",
  ),

  firstContactFloor: setting(
    choice(...firstContactPolicies),
    "everyone",
    "The community's floor for who may make first contact: `everyone`, whom the host gives a `grant`, `contacts` only, or `nobody`. What a user chose counts where it is stricter.",
  ),
  grantBases: setting(
    list(word(limits.basisBytes.value), limits.bases.value),
    "",
    "The bases of grants that are taken, such as `mutual_follow`. Empty takes any basis the host signs.",
  ),

  deviceLimit: setting(integer({ min: 1, max: 16 }), "6", "Devices an account may have."),
  mailboxEnvelopes: setting(
    integer({ min: 10, max: 1_000_000 }),
    "1000",
    "Unread envelopes a device's mailbox may hold.",
  ),
  mailboxBytes: setting(
    bytes({ min: 1024 ** 2, max: 16 * 1024 ** 3 }),
    "16MiB",
    "Bytes of unread envelopes a device's mailbox may hold. A full mailbox refuses mail; nothing is dropped.",
  ),
  envelopeTtl: setting(duration({ min: HOUR, max: 365 * DAY }), "30d", "How long mail that nobody fetches is kept."),
  certificateTtl: setting(
    duration({ min: 60 * SECOND, max: DAY }),
    "24h",
    "How long a sender certificate is valid: how long a removed device can still prove who it was.",
  ),
  groupAccounts: setting(
    integer({ min: 2, max: limits.groupAccounts.value }),
    "250",
    "Accounts a group may have, invited ones included.",
  ),
  groupRecipients: setting(
    integer({ min: 2, max: limits.groupAccounts.value * limits.devicesPerAccount.value }),
    "2000",
    "Devices one message to a group may go to.",
  ),
  groupLogEntries: setting(
    integer({ min: 500, max: 1_000_000 }),
    "10000",
    "Entries the log of a group may hold, twice as many where an admin adds them. A checkpoint of an admin makes room.",
  ),
  groupLogBytes: setting(
    bytes({ min: 1024 ** 2, max: 1024 ** 3 }),
    "16MiB",
    "Bytes of entries the log of a group may hold, twice as many where an admin adds them.",
  ),
  groupTtl: setting(
    duration({ min: 30 * DAY, max: 3_650 * DAY }),
    "365d",
    "How long the log of a group is kept that nobody adds to.",
  ),
  attachmentBytes: setting(
    bytes({ min: 64 * 1024, max: limits.attachmentBytes.value }),
    "2GiB",
    "Bytes an attachment may have. What is stored of it is padded and a little larger.",
  ),
  attachmentQuota: setting(
    bytes({ min: 1024 ** 2, max: 64 * 1024 ** 4 }),
    "10GiB",
    "Bytes of attachments one account may have here: what it was granted to upload counts until it would have expired, and at least 32 KiB each.",
  ),
  attachmentTtl: setting(duration({ min: HOUR, max: 365 * DAY }), "30d", "How long an attachment is kept."),
  attachmentFolderBytes: setting(
    bytes({ min: 1024 ** 2, max: 1024 * 1024 ** 4 }),
    "100GiB",
    "Bytes the attachments of all accounts may have, uploads under way included. Beyond it new ones are refused, and so they are while less than 256 MiB of the disk are free: messages need room too.",
  ),
  uploadTtl: setting(
    duration({ min: HOUR, max: 30 * DAY }),
    "24h",
    "How long an upload that is not finished is kept, for its client to go on with it.",
  ),
  keysLowAt: setting(
    integer({ min: 1, max: 100 }),
    "20",
    "A device with fewer one-time keys than this is told to publish more.",
  ),
  refusalDelay: setting(
    duration({ min: 0, max: 5 * SECOND }),
    "25ms",
    "Every refused send is answered this long after it came, so that the time does not tell the reason.",
  ),
  limiterScale: setting(
    decimal({ min: 0.01, max: 1_000_000 }),
    "1",
    "Multiplies every limiter. 1 in production; more only for load tests.",
  ),

  logLevel: setting(choice("info", "warn", "error", "silent"), "info", "The least severe log line that is written."),
  logFormat: setting(choice("json", "text"), "json", "`json` for machines, one object a line; `text` for people."),
  metricsToken: {
    ...optional(
      secret,
      "/metrics answers this machine only",
      "The bearer token /metrics asks for. Set it behind a proxy on the same machine: there every caller looks local.",
    ),
    secret: true,
  },
  drainTimeout: setting(
    duration({ min: SECOND, max: 600 * SECOND }),
    "10s",
    "How long a relay told to stop may take to finish what it has accepted, before it stops anyway.",
  ),
} as const satisfies Record<string, SettingRow>;

/** The key of a setting, as in the settings file. */
export type SettingKey = keyof typeof settingsTable;

/** Every setting, read and in range. Durations are milliseconds, sizes bytes, paths absolute. */
export type Settings = SettingValues<typeof settingsTable>;

/** The name of a setting in the environment. */
export function environmentName(key: string): string {
  return variableName("SOTTO_", key);
}

/** The variable that names the settings file; the one `SOTTO_*` name that is no setting. */
export const CONFIG_VARIABLE = "SOTTO_CONFIG";

/** The settings file that is read where `SOTTO_CONFIG` is not set, if it exists. */
export const DEFAULT_CONFIG_FILE = "sotto.json";

/** Every row with its key, in the order of the table. */
export function settingRows(): readonly { readonly key: SettingKey; readonly row: SettingRow }[] {
  return Object.entries(settingsTable).map(([key, row]) => ({ key: key as SettingKey, row: row as SettingRow }));
}

/** The relay's table with its names. */
export const relaySettings: SettingTable = {
  prefix: "SOTTO_",
  configVariable: CONFIG_VARIABLE,
  defaultFile: DEFAULT_CONFIG_FILE,
  page: "SETTINGS.md",
  example: '{ "port": 8787 }',
  rows: settingRows,
};

/** The address to listen on: what is set, else this machine only in development mode and every interface otherwise. */
export function listenHost(settings: Settings): string {
  return settings.host ?? (settings.development ? "127.0.0.1" : "0.0.0.0");
}
