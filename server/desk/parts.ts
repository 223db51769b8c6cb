/** What a desk is put together from, and what its operator decides. */

import type { CaseStage, Team } from "@sotto/protocol";
import type { CallWebhook, RelayLink, Rows } from "./ports.js";
import { APPEAL_MS } from "./retention/due.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What an operator decides of a desk. */
export interface DeskSettings {
  /** What people who sign in see. */
  readonly name: string;
  /** `development`: inside the relay's process, and an account's identity key may change without a word of the host. */
  readonly mode: "own process" | "development";
  /** What moderators can do, for users. */
  readonly statement: string;
  /** How long a case may stay in each stage. */
  readonly stageMs: Readonly<Record<CaseStage, number>>;
  /** Batches of 32 tokens for one device in one epoch. */
  readonly batchesPerEpoch: number;
  readonly reportsPerDay: number;
  /** Of one reporter about one account. */
  readonly reportsPerPairPerDay: number;
  /** Who hears of cases; their secret makes the signature. */
  readonly webhook: { readonly url: string; readonly secret: Uint8Array } | undefined;
}

/** Settings for whoever decides nothing; `name`, `mode` and `statement` are everybody's own. */
export const defaultDeskSettings = {
  stageMs: {
    new: DAY_MS,
    triage: 2 * DAY_MS,
    escalated: 3 * DAY_MS,
    actioned: APPEAL_MS,
    appealed: 7 * DAY_MS,
    closed: Number.MAX_SAFE_INTEGER,
  },
  batchesPerEpoch: 16,
  reportsPerDay: 30,
  reportsPerPairPerDay: 5,
  webhook: undefined,
} as const satisfies Omit<DeskSettings, "name" | "mode" | "statement">;

/** Something that went wrong beside what anybody waits for, and is tried again. */
export type DeskTrouble = "relayAway" | "intake" | "triage" | "sweep" | "webhook" | "webhookGivenUp" | "webhooksFull";

/** What a desk is put together from. */
export interface DeskParts {
  readonly rows: Rows;
  readonly relay: RelayLink;
  readonly settings: DeskSettings;
  /** Milliseconds since 1970. */
  now(): number;
  /** So many bytes of a cryptographic generator. */
  random(bytes: number): Uint8Array;
  readonly callWebhook: CallWebhook;
  /** Answers whom the host says that this is; rejects if it is no good token. Where there is one, enrolling asks for a token. */
  readonly hostToken?: (token: string) => Promise<string>;
  /** Never with anything a user wrote. */
  trouble(kind: DeskTrouble, cause: unknown): void;
}

/** Who is invited to work here. */
export interface Person {
  readonly name: string;
  readonly role: "moderator" | "lead" | "auditor";
  readonly teams: readonly Team[];
}
