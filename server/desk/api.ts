/**
 * What the console and other queues may ask of the desk: the bodies of its HTTP interface as types, and the service behind it.
 * Nothing here holds words that somebody wrote: those are sealed, and opened in a moderator's browser.
 *
 * In JSON, ids are hex digits but those of accounts, which are UUIDs as everywhere; keys and sealed bytes are base64, times
 * milliseconds since 1970.
 */

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

/** What somebody may do: `auditor` reads the log and no case; `lead` also exports, adds people and lifts legal holds. */
export type ModeratorRole = "moderator" | "lead" | "auditor";

/** Somebody who works at the desk. */
export interface Moderator {
  readonly id: string;
  readonly name: string;
  readonly role: ModeratorRole;
  readonly teams: readonly Team[];
  /** What team keys are sealed to for this person. Base64. */
  readonly box: string;
  /** The ids of the team keys that were sealed to this person. */
  readonly holds: readonly string[];
  readonly left: boolean;
}

/** What is known before anybody signs in. */
export interface DeskState {
  readonly name: string;
  readonly realm: string;
  /** Development mode: the desk runs inside the relay. */
  readonly development: boolean;
  readonly hasModerators: boolean;
}

/** How a person's secret is kept: in a file of its own under a passphrase, or here under what a passkey yields. */
export type SecretKeeping =
  | { readonly kind: "file" }
  | { readonly kind: "passkey"; readonly credential: string; readonly salt: string; readonly wrapped: string };

/** Takes up an invitation. `signKey` is Ed25519, of the person's secret; `box` what is sealed to it. */
export interface Redeeming {
  readonly code: string;
  readonly signKey: string;
  readonly box: string;
  readonly keeping: SecretKeeping;
}

/** What signing in begins with: what to sign, and what a passkey needs. */
export interface LoginChallenge {
  readonly challenge: string;
  readonly keeping: SecretKeeping;
}

/** A session; the token goes into `Authorization: Bearer`. */
export interface Session {
  readonly token: string;
  readonly expiresMs: number;
  readonly moderator: Moderator;
}

/** A key of a team that one person was sealed. */
export interface TeamKeyGrant {
  readonly team: Team;
  readonly keyId: string;
  readonly publicKey: string;
  /** Sealed to the person's box; opens to the 32-byte seed. */
  readonly sealed: string;
  readonly createdMs: number;
  readonly expiresMs: number;
}

/** What somebody sees of themselves. */
export interface Me {
  readonly moderator: Moderator;
  readonly keys: readonly TeamKeyGrant[];
  /** Teams of mine that have no key that reports are sealed to now: whoever comes first makes one. */
  readonly lacking: readonly Team[];
  /** Who works in my teams and was not sealed a key that I hold. */
  readonly unsealed: readonly { readonly moderator: string; readonly box: string; readonly keyId: string }[];
}

/** A new team key, made in somebody's browser and sealed to them; to others it is granted once somebody compared their box. */
export interface NewTeamKey {
  readonly team: Team;
  readonly publicKey: string;
  readonly grants: readonly { readonly moderator: string; readonly sealed: string }[];
}

/** One case in the queue: counts, and no word. */
export interface QueueEntry {
  readonly id: string;
  readonly stage: CaseStage;
  readonly team: Team;
  readonly category: ReportCategory;
  readonly accused: string;
  /** Whether at least one reported message passed every check without its words. */
  readonly trust: "verified" | "unverified";
  readonly verifiedItems: number;
  readonly refusedItems: number;
  /** Distinct accounts with a verified report. */
  readonly reporters: number;
  readonly priorVerdicts: number;
  readonly priority: number;
  readonly openedMs: number;
  /** When the present stage should be over. */
  readonly dueMs: number;
  readonly claimedBy: string | undefined;
  readonly hasAppeal: boolean;
  /** A burst of reporters who joined or report alike: looked at before it counts. */
  readonly brigading: boolean;
}

/** What triage found of one disclosed message. */
export interface ItemVerdict {
  readonly role: ItemRole;
  readonly account: string;
  readonly device: number;
  readonly acceptedMs: number;
  readonly verdict: "verified" | InspectionRefusal;
}

/** One submission of a case. */
export interface CaseReport {
  readonly report: string;
  readonly kind: ReportKind;
  readonly reporter: string;
  readonly category: ReportCategory;
  readonly receivedMs: number;
  readonly items: readonly ItemVerdict[];
  /** Whether its words are still kept. */
  readonly words: "kept" | "deleted" | "held";
  readonly teamKey: string;
}

/** Something that was done, or waits for a second person. */
export interface CaseAction {
  readonly id: string;
  readonly kind: SanctionKind;
  readonly device: number | undefined;
  readonly category: ReportCategory;
  readonly rule: string;
  readonly untilMs: number | undefined;
  readonly atMs: number;
  readonly by: string;
  readonly approvedBy: string | undefined;
  readonly state: "waiting" | "inForce" | "lifted" | "expired" | "rejected";
  /** Whether the relay carried it out. */
  readonly enforced: boolean;
}

/** A case, as who works on it sees it without opening it. */
export interface CaseView extends QueueEntry {
  readonly reports: readonly CaseReport[];
  readonly actions: readonly CaseAction[];
  readonly outcome: CaseOutcome;
  readonly history: readonly { readonly atMs: number; readonly stage: CaseStage; readonly by: string }[];
  /** When the words are deleted. */
  readonly retainedUntilMs: number;
  readonly hold: "none" | "held";
  /** Leads who asked for a hold, or for the end of the one there is; two decide. */
  readonly holdBy: readonly string[];
}

/** What breaking the glass hands out: everything sealed that a browser needs, until it closes. */
export interface Opening {
  readonly opening: string;
  readonly closesMs: number;
  /** Names the opener on every screen. */
  readonly watermark: string;
  readonly realm: string;
  readonly reports: readonly {
    readonly report: string;
    readonly reporter: string;
    readonly kind: ReportKind;
    /** Layer A, as triage opened it. Base64. */
    readonly heads: string;
    readonly verdicts: readonly ItemVerdict[];
    /** Layer B, sealed to `teamKey`. Base64. */
    readonly words: string;
    readonly teamKey: string;
  }[];
}

/** Asks a reporter for what is missing between two counters of one account. */
export interface ContextAsk {
  readonly report: string;
  readonly gaps: readonly { readonly account: string; readonly after: number; readonly before: number }[];
  readonly note: string;
}

/** Hands a case to another team: its words, sealed anew to that team's key in the browser that opened them. */
export interface Escalation {
  readonly team: Team;
  readonly reason: string;
  readonly words: readonly { readonly report: string; readonly sealed: string; readonly keyId: string }[];
}

/** What is to be done. Without `durationMs` it holds until it is lifted. */
export interface Act {
  readonly kind: SanctionKind;
  readonly device?: number;
  readonly durationMs?: number;
  readonly category: ReportCategory;
  readonly rule: string;
  /** Of `lift`. */
  readonly lifts?: string;
}

/** One entry of the audit log: hash-chained, and never with words somebody wrote. */
export interface AuditEntry {
  readonly seq: number;
  readonly atMs: number;
  readonly by: string;
  readonly what: string;
  readonly about: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
  readonly previous: string;
  readonly hash: string;
}

/** The last entry of a day, signed by the desk. */
export interface AuditHead {
  readonly day: string;
  readonly seq: number;
  readonly hash: string;
  readonly signature: string;
}

/** Numbers of a month; what is below ten reads "<10". */
export interface TransparencyReport {
  readonly month: string;
  readonly rows: readonly {
    readonly category: ReportCategory | "all";
    readonly reports: number | "<10";
    readonly verified: number | "<10";
    readonly cases: number | "<10";
    readonly actions: number | "<10";
    readonly appeals: number | "<10";
    readonly reversals: number | "<10";
    readonly medianHoursToDecision: number | "<10";
  }[];
}

/** What the desk refuses, with an HTTP status and words on what to do. */
export class DeskError extends Error {
  override readonly name = "DeskError";

  constructor(
    readonly code: "badRequest" | "notSignedIn" | "notAllowed" | "notFound" | "conflict" | "tooMany" | "unavailable",
    message: string,
  ) {
    super(message);
  }
}

/** What the desk does for people who work at it. `by` is who is signed in; everything that changes or shows something is audited. */
export interface DeskService {
  state(): Promise<DeskState>;
  redeem(redeeming: Redeeming): Promise<Moderator>;
  beginLogin(moderator: string): Promise<LoginChallenge>;
  finishLogin(moderator: string, challenge: string, signature: string): Promise<Session>;
  /** @throws DeskError notSignedIn. */
  signedIn(token: string): Promise<Moderator>;
  logout(token: string): Promise<void>;
  me(by: Moderator): Promise<Me>;
  moderators(by: Moderator): Promise<readonly Moderator[]>;
  /** Answers the code that the new person redeems. Leads only. */
  invite(
    by: Moderator,
    person: { name: string; role: ModeratorRole; teams: readonly Team[] },
  ): Promise<{ readonly code: string }>;
  /** Ends somebody's work here; a new team key is due then. Leads only. */
  leave(by: Moderator, moderator: string): Promise<void>;
  newTeamKey(by: Moderator, key: NewTeamKey): Promise<TeamKeyGrant>;
  grantTeamKey(by: Moderator, grant: { keyId: string; moderator: string; sealed: string }): Promise<void>;
  queue(by: Moderator): Promise<readonly QueueEntry[]>;
  case(by: Moderator, id: string): Promise<CaseView>;
  claim(by: Moderator, id: string): Promise<CaseView>;
  release(by: Moderator, id: string): Promise<CaseView>;
  /** Break-glass: a reason is required and logged. */
  open(by: Moderator, id: string, reason: string): Promise<Opening>;
  closeOpening(by: Moderator, opening: string): Promise<void>;
  /** Whether this person has a case open now, and so may fetch blobs. */
  mayFetchBlobs(by: Moderator): Promise<boolean>;
  askContext(by: Moderator, id: string, ask: ContextAsk): Promise<void>;
  escalate(by: Moderator, id: string, escalation: Escalation): Promise<CaseView>;
  /** The key that words are sealed to for a team now. */
  teamKey(by: Moderator, team: Team): Promise<{ readonly keyId: string; readonly publicKey: string }>;
  act(by: Moderator, id: string, act: Act): Promise<CaseView>;
  approve(by: Moderator, action: string, verdict: "approve" | "reject"): Promise<CaseView>;
  /** Ends a case without doing anything. */
  dismiss(by: Moderator, id: string, rule: string): Promise<CaseView>;
  /** Decides an appeal: upheld as it was, or reversed, which lifts. Never by who decided first. */
  decideAppeal(by: Moderator, id: string, verdict: "uphold" | "reverse", rule: string): Promise<CaseView>;
  /** Keeps words beyond their time, or lets them go; two leads have to ask. Asking for what is takes the asking back. */
  hold(by: Moderator, id: string, wanted: CaseView["hold"]): Promise<CaseView>;
  audit(
    by: Moderator,
    after: number,
  ): Promise<{ readonly entries: readonly AuditEntry[]; readonly heads: readonly AuditHead[] }>;
  transparency(by: Moderator, month: string): Promise<TransparencyReport>;
  /** The sealed report as a file for `sotto-desk verify-report`. Leads only. */
  exportReport(by: Moderator, report: string): Promise<Uint8Array>;
}
