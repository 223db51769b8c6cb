/** What the desk's rules take of its settings, and what they tell of trouble. */

import { readFile } from "node:fs/promises";
import { SottoError } from "@sotto/protocol";
import { openHostStatements } from "../keys/host-statements.js";
import { createHostTokens } from "../keys/host-tokens.js";
import { tokenKeySource } from "../main-parts/open-keys.js";
import { OperatorError, systemCode } from "../ops/operator-error.js";
import { systemClock } from "../ops/system.js";
import type { Log } from "../ports.js";
import {
  DEFAULT_STATEMENT,
  type DeskParts,
  type DeskSettings as DeskPolicy,
  type DeskTrouble,
  defaultDeskSettings,
} from "./index.js";
import type { DeskSettings } from "./settings.js";

/** As the realm document has room for. */
const MAX_STATEMENT_BYTES = 16_384;

/** What the rules are told of the settings, but the statement. */
export function policyOf(settings: DeskSettings, mode: DeskPolicy["mode"]): Omit<DeskPolicy, "statement"> {
  const { webhookUrl, webhookSecret } = settings;
  return {
    name: settings.name,
    mode,
    stageMs: {
      ...defaultDeskSettings.stageMs,
      new: settings.newWithin,
      triage: settings.triageWithin,
      escalated: settings.escalatedWithin,
      actioned: settings.appealPeriod,
      appealed: settings.appealWithin,
    },
    batchesPerEpoch: settings.tokenBatches,
    reportsPerDay: settings.reportsPerDay,
    reportsPerPairPerDay: settings.reportsPerPairPerDay,
    webhook:
      webhookUrl === undefined || webhookSecret === undefined
        ? undefined
        : { url: webhookUrl, secret: new TextEncoder().encode(webhookSecret) },
  };
}

/** What moderators can do, for users. @throws OperatorError if the file cannot be read, or has no or too much text. */
export async function statementOf({ statementFile }: DeskSettings): Promise<string> {
  if (statementFile === undefined) return DEFAULT_STATEMENT;
  const text = await readFile(statementFile, "utf8").catch((cause: unknown) => {
    throw new OperatorError(
      `The statement ${statementFile} cannot be read (${systemCode(cause) ?? "unknown reason"}); correct SOTTO_DESK_STATEMENT_FILE.`,
      1,
      { cause },
    );
  });
  if (text.trim() === "" || Buffer.byteLength(text) > MAX_STATEMENT_BYTES) {
    throw new OperatorError(`The statement ${statementFile} must have from 1 byte to 16 KiB of text.`, 2);
  }
  return text;
}

/** The check of host tokens of enrolments, where the settings describe one. @throws OperatorError if a key file cannot be used. */
export function hostTokenOf(settings: DeskSettings, log: Log): Pick<DeskParts, "hostToken"> {
  const { tokenIssuer: issuer, tokenAudience: audience } = settings;
  const keys = tokenKeySource(settings);
  if (keys === undefined || issuer === undefined || audience === undefined) return {};
  const tokens = createHostTokens(openHostStatements({ keys, issuer, audience, clock: systemClock, log }));
  return { hostToken: async (token) => (await tokens.verify(token)).subject };
}

/** What goes wrong because the relay is away is the link's to tell; the rest is somebody's to look at. */
export function tell(log: Log, kind: DeskTrouble, cause: unknown): void {
  if (cause instanceof SottoError && cause.code === "offline") return;
  switch (kind) {
    case "relayAway":
    case "webhook":
    case "webhookGivenUp":
    case "webhooksFull":
      log.warn("deskTrouble", { kind, ...(cause instanceof SottoError ? { failure: cause.code } : {}) });
      break;
    default:
      log.error("deskWorkFailed", cause, { kind });
  }
}
