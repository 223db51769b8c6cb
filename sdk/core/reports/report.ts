/** Reports and statements as an app is shown them. */

import {
  type AccountId,
  type ConversationId,
  type DeviceId,
  type FailureCode,
  failures,
  type ReportCategory,
  type ReportKind,
  type SanctionKind,
  toHex,
} from "@sotto/protocol";
import type { Row } from "../rows.js";
import type { ReportStage } from "./progress.js";

/** Messages of one account that the desk would like to see: those whose counters lie between two that it was shown. */
export interface WantedGap {
  readonly from: AccountId;
  readonly after: number;
  readonly before: number;
}

/** A report as it stood when it was asked for. */
export interface Report {
  readonly id: string;
  readonly stage: ReportStage;
  readonly changedAtMs: number;
  /** What was reported; `undefined` if another device of this account made it, which this one hears of only by the desk. */
  readonly made:
    | {
        readonly kind: ReportKind;
        /** Of context, the report it is for; of an appeal, the statement. */
        readonly about: string | undefined;
        readonly accused: AccountId;
        readonly conversation: ConversationId | undefined;
        readonly category: ReportCategory;
        readonly atMs: number;
      }
    | undefined;
  /** Why the relay refused it; or, while it waits, why the relay has not taken it yet. */
  readonly failure: FailureCode | undefined;
  /** What the desk asks for besides, in its words, until `draftContext` answers it. Nothing is shown without the user's consent. */
  readonly wanted: { readonly gaps: readonly WantedGap[]; readonly note: string; readonly atMs: number } | undefined;
}

/** What moderators did to this account, on what ground, and whether that can be appealed against. */
export interface Statement {
  readonly id: string;
  readonly sanction: SanctionKind;
  /** Of `revokeDevice`. */
  readonly deviceId: DeviceId | undefined;
  readonly category: ReportCategory;
  /** The community's rule it goes by, in the moderators' words. */
  readonly rule: string;
  readonly atMs: number;
  /** `undefined`: until it is lifted. */
  readonly untilMs: number | undefined;
  /** `undefined` if it cannot be appealed against. */
  readonly appealUntilMs: number | undefined;
}

/** What an app is shown of a row. */
export function reportOf({ id, stage, changedMs, made, failure, wanted }: Row<"report">): Report {
  return {
    ...{ id: toHex(id), stage, changedAtMs: changedMs, failure: isFailure(failure) ? failure : undefined },
    made: made && {
      ...{ kind: made.kind, accused: made.accused, conversation: made.conversation, category: made.category },
      ...{ about: made.about && toHex(made.about), atMs: made.madeMs },
    },
    wanted: wanted && {
      ...{ note: wanted.note, atMs: wanted.atMs },
      gaps: wanted.gaps.map(({ account, after, before }) => ({ from: account, after, before })),
    },
  };
}

/** What an app is shown of a row. */
export function statementOf(row: Row<"statement">): Statement {
  const { statement, sanction, device, category, rule, atMs, untilMs, appealUntilMs } = row;
  return { id: toHex(statement), sanction, deviceId: device, category, rule, atMs, untilMs, appealUntilMs };
}

function isFailure(text: string | undefined): text is FailureCode {
  return text !== undefined && Object.hasOwn(failures, text);
}
