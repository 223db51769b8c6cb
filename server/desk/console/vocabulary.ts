/** The words on screen for what the protocol and the desk name by codes. */

import type {
  CaseOutcome,
  CaseStage,
  InspectionRefusal,
  ItemRole,
  ReportCategory,
  ReportKind,
  SanctionKind,
  Team,
} from "@sotto/protocol";
import type { CaseAction, CaseReport, ModeratorRole } from "../api.js";

/** Categories of reports. */
export const categoryWords: Readonly<Record<ReportCategory, string>> = {
  spam: "Spam",
  harassment: "Harassment",
  hate: "Hate",
  threat: "Threat",
  sexual: "Sexual content",
  childSafety: "Child safety",
  selfHarm: "Self-harm",
  scam: "Scam",
  impersonation: "Impersonation",
  illegal: "Illegal goods or acts",
  other: "Other",
};

/** Stages of a case. */
export const stageWords: Readonly<Record<CaseStage, string>> = {
  new: "New",
  triage: "In review",
  escalated: "Escalated",
  actioned: "Actioned",
  appealed: "Appealed",
  closed: "Closed",
};

/** Outcomes of a case. */
export const outcomeWords: Readonly<Record<CaseOutcome, string>> = {
  open: "Undecided",
  action: "Action taken",
  noAction: "No action",
  reversed: "Reversed on appeal",
};

/** Teams. */
export const teamWords: Readonly<Record<Team, string>> = {
  community: "Community",
  platform: "Platform trust and safety",
  safety: "Legal and child safety",
};

/** Roles of people at the desk. */
export const roleWords: Readonly<Record<ModeratorRole, string>> = {
  moderator: "Moderator",
  lead: "Lead",
  auditor: "Auditor",
};

/** What a disclosed message is in a report. */
export const itemRoleWords: Readonly<Record<ItemRole, string>> = {
  reported: "Reported",
  context: "Context",
  own: "Own message",
};

/** Kinds of submission. */
export const reportKindWords: Readonly<Record<ReportKind, string>> = {
  report: "Report",
  context: "Added context",
  appeal: "Appeal",
};

/** Whether a report's words are there. */
export const keptWords: Readonly<Record<CaseReport["words"], string>> = {
  kept: "Sealed words kept",
  deleted: "Words deleted",
  held: "Words on legal hold",
};

/** What can be done, and what it does. */
export const sanctionWords: Readonly<Record<SanctionKind, { readonly name: string; readonly does: string }>> = {
  warn: { name: "Warn", does: "Sends a statement of the rule. Nothing else changes." },
  noNewConversations: { name: "No new conversations", does: "Cannot write to anybody who did not accept it before." },
  mute: { name: "Mute", does: "Gets no tokens: nobody is shown what it says, and it cannot upload." },
  revokeDevice: { name: "Revoke a device", does: "One device loses its place; it cannot come back." },
  suspend: { name: "Suspend", does: "The account can send nothing at all." },
  lift: { name: "Lift", does: "Ends what was done before." },
};

/** What a sanction is at. */
export const actionStateWords: Readonly<Record<CaseAction["state"], string>> = {
  waiting: "Waits for a second person",
  inForce: "In force",
  lifted: "Lifted",
  expired: "Expired",
  rejected: "Rejected",
};

/** Why a disclosed message does not count. */
export const refusalWords: Readonly<Record<InspectionRefusal, string>> = {
  notIssued: "The token was never issued to this account",
  weakKey: "Signed with a key that anybody can sign with",
  notSigned: "Not signed by the account",
  notStamped: "The relay did not deliver this to the reporter at this time",
  epoch: "Outside of its token’s life",
  keyGone: "Older than the keys that could tell",
  notTheirs: "Not received by the reporter, or not from who it names",
  severalAccused: "About another account than the report",
  wordsDiffer: "The words are not those that were sent",
  blobDiffers: "The attachment is not the one that was sent",
  malformed: "Not in the form of a message",
};
