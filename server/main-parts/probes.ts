/** What `sotto-relay doctor` asks of the parts a start would use. */

import { OperatorError } from "../ops/operator-error.js";
import type { Settings } from "../ops/settings.js";
import type { Log } from "../ports.js";
import { openHostChecks, tokenKeySource } from "./open-keys.js";
import { openTransport } from "./open-socket.js";

const silent: Log = { info() {}, warn() {}, error() {} };

/**
 * The transport that would run; `warning` says why it is not the fastest, if nobody asked for that.
 *
 * @throws OperatorError if the one asked for by name does not load.
 */
export async function probeTransport(
  settings: Settings,
): Promise<{ readonly name: string; readonly warning?: string }> {
  let warning: string | undefined;
  const log: Log = {
    ...silent,
    warn(_event, fields) {
      warning = String(fields?.reason ?? "the fast one does not load");
    },
  };
  const { name } = await openTransport(settings, log);
  return warning === undefined ? { name } : { name, warning };
}

const TIMEOUT_MS = 5_000;

/**
 * Where the host's token keys come from, once they were read; `undefined` if nothing is configured.
 *
 * @throws OperatorError if they cannot be read or fetched.
 */
export async function probeTokenKeys(settings: Settings): Promise<string | undefined> {
  openHostChecks(settings, silent);
  const source = tokenKeySource(settings);
  switch (source?.kind) {
    case undefined:
      return undefined;
    case "key":
      return "a static public key";
    case "jwksFile":
      return source.file;
    case "jwksUrl": {
      const keys = await fetchKeyCount(source.url);
      return `${source.url} answers with ${keys} keys`;
    }
  }
}

async function fetchKeyCount(url: string): Promise<number> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "manual" });
    const body: unknown = response.status === 200 ? await response.json() : undefined;
    if (
      typeof body === "object" &&
      body !== null &&
      "keys" in body &&
      Array.isArray(body.keys) &&
      body.keys.length > 0
    ) {
      return body.keys.length;
    }
  } catch (cause) {
    throw new OperatorError(`${url} cannot be reached; correct SOTTO_TOKEN_JWKS_URL or the network.`, 1, { cause });
  }
  throw new OperatorError(`${url} does not answer with a JWK set that holds a key; correct SOTTO_TOKEN_JWKS_URL.`);
}
