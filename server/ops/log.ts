/**
 * The log: one structured line an event, and no identity in it whatever the caller passes. Field names come from an
 * allow-list, texts are scrubbed of what looks like an id or an address, and an unknown error keeps its stack but not
 * its message, which may quote its input.
 */

import { SottoError } from "@sotto/protocol";
import { pino } from "pino";
import { type Log, StoreError } from "../ports.js";
import { systemCode } from "./operator-error.js";
import type { Settings } from "./settings.js";

/** Fields a line may have. Add one only if its values can never name an account, a device, an address or a user. */
const FIELDS: ReadonlySet<string> = new Set([
  "bytes",
  "code",
  "connections",
  "count",
  "dataDir",
  "development",
  "durationMs",
  "envelopes",
  "expired",
  "failure",
  "fingerprint",
  "frame",
  "guarantee",
  "host",
  "kind",
  "limiter",
  "nodeVersion",
  "origin",
  "path",
  "port",
  "preference",
  "reason",
  "remedy",
  "signal",
  "state",
  "transport",
  "url",
  "version",
  "where",
]);

type Fields = Readonly<Record<string, string | number | boolean>>;
type Level = "info" | "warn" | "error";

const UUID = /[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/gi;
const LONG_SECRET = /[A-Za-z0-9+_-]{40,}={0,2}/g;
const MAX_TEXT = 300;

/** One line of text without anything that looks like an account id, a key or a token. */
function scrub(text: string): string {
  const line = text.slice(0, 4_000).replace(/\p{Cc}+/gu, " ");
  return line.replace(UUID, "[id]").replace(LONG_SECRET, "[bytes]").slice(0, MAX_TEXT);
}

function allowed(fields: Fields): Record<string, string | number | boolean> {
  const kept: Record<string, string | number | boolean> = {};
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (!FIELDS.has(name)) dropped.push(name);
    // The root's fingerprint is public and is meant to be copied, so it alone is not scrubbed.
    else kept[name] = typeof value === "string" && name !== "fingerprint" ? scrub(value) : value;
  }
  if (dropped.length > 0) kept.dropped = dropped.join(",");
  return kept;
}

/** Errors whose message we or the language wrote, and which therefore does not quote a user's input. */
function mayQuote(cause: Error): boolean {
  return !(
    cause instanceof SottoError ||
    cause instanceof StoreError ||
    cause instanceof TypeError ||
    cause instanceof RangeError ||
    cause instanceof ReferenceError ||
    systemCode(cause) !== undefined
  );
}

/** An error without identities: class, code, stack frames, and the message where it is ours. */
function described(cause: unknown): Record<string, string> {
  if (!(cause instanceof Error)) return { error: typeof cause };
  // Not `cause.name`: libsignal's InvalidProtocolAddress has the address there.
  const fields: Record<string, string> = { error: cause.constructor.name };
  const code = cause instanceof SottoError ? cause.code : systemCode(cause);
  if (code !== undefined) fields.code = code;
  if (!mayQuote(cause)) fields.message = scrub(cause.message);
  const frames = (cause.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  if (frames.length > 0) fields.stack = frames.slice(0, 12).join("\n");
  if (cause.cause instanceof Error) fields.because = JSON.stringify(described(cause.cause)).slice(0, 2_000);
  return fields;
}

/** How and where lines are written. */
export interface LogOptions {
  readonly level: Settings["logLevel"];
  readonly format: Settings["logFormat"];
  /** Takes one line with its line break; standard output unless given. */
  readonly write?: (line: string) => void;
}

/** A log that writes lines from `level` on. */
export function createLog({ level, format, write }: LogOptions): Log {
  const out = format === "json" ? jsonLines(level, write) : textLines(level, write);
  return {
    info: (event, fields = {}) => out("info", event, allowed(fields)),
    warn: (event, fields = {}) => out("warn", event, allowed(fields)),
    error: (event, cause, fields = {}) => out("error", event, { ...allowed(fields), ...described(cause) }),
  };
}

type WriteEvent = (level: Level, event: string, fields: Record<string, string | number | boolean>) => void;

function jsonLines(level: LogOptions["level"], write: LogOptions["write"]): WriteEvent {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    messageKey: "event",
  };
  const logger =
    write === undefined ? pino(options, pino.destination({ fd: 1, sync: true })) : pino(options, { write });
  return (severity, event, fields) => logger[severity](fields, event);
}

const SEVERITY = { info: 0, warn: 1, error: 2, silent: 3 } as const;

function textLines(level: LogOptions["level"], write?: LogOptions["write"]): WriteEvent {
  const put = write ?? ((line: string) => void process.stdout.write(line));
  return (severity, event, fields) => {
    if (SEVERITY[severity] < SEVERITY[level]) return;
    const { stack, ...rest } = fields;
    const pairs = Object.entries(rest).map(([name, value]) => `  ${name}=${value}`);
    const time = new Date().toISOString().slice(11, 19);
    put(`${time} ${severity.padEnd(5)} ${event}${pairs.join("")}${stack === undefined ? "" : `\n${stack}`}\n`);
  };
}
