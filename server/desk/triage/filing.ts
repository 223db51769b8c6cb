/** Puts what triage judged where it belongs: a report into the accused's case, context to its report, an appeal to what it is against. */

import { type HeadLayer, toHex } from "@sotto/protocol";
import { type CaseRow, newCase, putCase, receipt, stepped } from "../cases/case-file.js";
import { worseOf } from "../cases/priority.js";
import type { DeskSettings } from "../parts.js";
import type { RowOf, Tables } from "../rows.js";
import type { Draft } from "../work.js";
import type { Judgement } from "./judge.js";
import { allowanceOf, isBrigade } from "./reputation.js";

/** A report on its way into a case. */
export interface Filing {
  readonly report: RowOf<"untriaged">;
  readonly layer: HeadLayer;
  /** Layer A as triage opened it. */
  readonly opened: Uint8Array;
  readonly judgement: Judgement;
}

/** What filing works on. */
export interface FilingParts {
  readonly tables: Tables;
  readonly settings: DeskSettings;
  readonly nowMs: number;
  newId(): string;
}

/** What became of a report, as its verdict record says. */
export type Filed = "verified" | "unverified" | "repeated" | "limited" | "unreadable";

/** Submissions with words in one case; more of the same are counted and not kept. */
const MAX_VERIFIED_PER_CASE = 200;
const MAX_UNVERIFIED_PER_CASE = 20;
/** Bytes that one case keeps: all of it is handed out at once when it is opened, and sealed anew when it is handed on. */
const MAX_KEPT_BYTES = 20 * 1_048_576;
/** From here on a submission is a large one; those share a part of the room, so that a few of them keep out nobody else's. */
const LARGE_BYTES = 65_536;
const MAX_BYTES_FOR_LARGE = 8 * 1_048_576;
/** Where a child is in danger so many times as many. */
const CHILD_SAFETY_FACTOR = 5;
/** Reporters of one case that are looked through for a burst. */
const MAX_VOICES_COMPARED = 500;
const DAY_MS = 24 * 3_600_000;

/** Files a submission of any kind. */
export function file(parts: FilingParts, draft: Draft, filing: Filing): Promise<Filed> {
  switch (filing.layer.kind) {
    case "report":
      return fileReport(parts, draft, filing);
    case "context":
      return fileContext(parts, draft, filing);
    case "appeal":
      return fileAppeal(parts, draft, filing);
    default:
      return filing.layer.kind satisfies never;
  }
}

async function fileReport(parts: FilingParts, draft: Draft, filing: Filing): Promise<Filed> {
  const { tables, nowMs } = parts;
  const { report, layer, judgement } = filing;
  const { accused, team, category } = layer;
  if (accused === report.reporter) return "unreadable";
  const isFree = category === "childSafety" && judgement.trust === "verified";
  const isLimited = !isFree && (await isOverLimit(parts, filing));
  // Who never enrolled has no token, and what it says is shown to nobody: an account that was made up gets no case.
  const isNobody = judgement.trust === "unverified" && (await tables.account.get(accused)) === undefined;
  if (isLimited || isNobody) {
    draft.letters.push(receipt(report, { stage: "closed", outcome: "noAction" }, nowMs));
    return isLimited ? "limited" : "unverified";
  }
  const day = Math.floor(report.receivedMs / DAY_MS);
  draft.changes.push(tables.reported.put(`${day}/${report.reporter}/${toHex(report.id)}`, { accused }));
  const open = await tables.openCase.get(`${accused}/${team}`);
  const held = open === undefined ? undefined : await tables.case.get(open.case);
  const before = held ?? newCase(parts.newId(), { accused, team, category }, nowMs);
  const isRepeat = judgement.trust === "verified" && (await isOwnRepeat(tables, before.id, filing));
  const counted = isRepeat ? before : await counting(parts, draft, before, filing);
  const isFull = isFullFor(before, layer.category, judgement.trust) || !hasRoomFor(before, filing);
  const after: CaseRow = {
    ...attach(tables, draft, counted, filing, isRepeat || isFull ? "dropped" : "kept"),
    reportCount: counted.reportCount + 1,
    unverifiedCount: counted.unverifiedCount + (judgement.trust === "verified" ? 0 : 1),
  };
  putCase(tables, draft, held, after);
  draft.letters.push(receipt(report, after, nowMs));
  return isRepeat ? "repeated" : judgement.trust;
}

/** Whether a case holds words enough of one kind. */
function isFullFor(row: CaseRow, category: HeadLayer["category"], trust: Judgement["trust"]): boolean {
  const factor = category === "childSafety" ? CHILD_SAFETY_FACTOR : 1;
  const { reportCount, unverifiedCount } = row;
  return trust === "verified"
    ? reportCount - unverifiedCount >= MAX_VERIFIED_PER_CASE * factor
    : unverifiedCount >= MAX_UNVERIFIED_PER_CASE * factor;
}

/** Whether a case has room for the bytes of one submission more. */
function hasRoomFor(row: CaseRow, filing: Filing): boolean {
  const bytes = bytesOf(filing);
  return row.keptBytes + bytes <= (bytes > LARGE_BYTES ? MAX_BYTES_FOR_LARGE : MAX_KEPT_BYTES);
}

function bytesOf({ report, opened }: Filing): number {
  return opened.length + report.words.length;
}

async function isOverLimit({ tables, settings }: FilingParts, { report, layer }: Filing): Promise<boolean> {
  const { reporter, receivedMs } = report;
  const today = await tables.reported.all(`${Math.floor(receivedMs / DAY_MS)}/${reporter}/`);
  const allowance = allowanceOf(await tables.reporter.get(reporter), settings.reportsPerDay, receivedMs);
  const ofPair = today.filter(({ value }) => value.accused === layer.accused).length;
  if (layer.category !== "childSafety") return today.length >= allowance || ofPair >= settings.reportsPerPairPerDay;
  const pairs = CHILD_SAFETY_FACTOR * settings.reportsPerPairPerDay;
  return today.length >= CHILD_SAFETY_FACTOR * Math.max(1, allowance) || ofPair >= pairs;
}

/** Whether this reporter showed every one of these messages in this case before, and shows nothing around them now. */
async function isOwnRepeat(tables: Tables, id: string, { report, judgement }: Filing): Promise<boolean> {
  for (const { dedupe, role } of judgement.items) {
    if (role !== "reported") return false;
    if (dedupe === undefined) continue;
    const shown = await tables.caseMessage.get(`${id}/${toHex(dedupe)}/${report.reporter}`);
    if (shown === undefined) return false;
  }
  return true;
}

/** Counts what passed: each message once, whoever shows it, and each reporter once. */
async function counting(parts: FilingParts, draft: Draft, row: CaseRow, filing: Filing): Promise<CaseRow> {
  const { tables, nowMs } = parts;
  const { report, layer, judgement } = filing;
  const reported = judgement.items.filter(({ role }) => role === "reported");
  const refusedItems = row.refusedItems + reported.filter(({ verdict }) => verdict !== "verified").length;
  if (judgement.trust === "unverified") return { ...row, refusedItems };
  const names = new Set(reported.flatMap(({ dedupe }) => (dedupe === undefined ? [] : [toHex(dedupe)])));
  let verifiedItems = row.verifiedItems;
  for (const name of names) {
    const others = await tables.caseMessage.some(`${row.id}/${name}/`, { limit: 1 });
    if (others.length === 0) verifiedItems++;
    draft.changes.push(tables.caseMessage.put(`${row.id}/${name}/${report.reporter}`, {}));
  }
  const key = `${row.id}/${report.reporter}`;
  const isNew = (await tables.caseReporter.get(key)) === undefined;
  const enrolledMs = (await tables.account.get(report.reporter))?.enrolledMs;
  const voice = { atMs: nowMs, enrolledMs };
  if (isNew) draft.changes.push(tables.caseReporter.put(key, voice));
  // A burst stays one; and among so many voices none is found that was not among the first.
  const isOpen = isNew && row.brigading === "no" && row.reporters < MAX_VOICES_COMPARED;
  const voices = isOpen ? (await tables.caseReporter.all(`${row.id}/`)).map(({ value }) => value) : [];
  const isBurst = row.brigading === "yes" || isBrigade([...voices, voice]);
  return {
    ...row,
    ...{ verifiedItems, refusedItems, reporters: row.reporters + (isNew ? 1 : 0) },
    brigading: isBurst ? "yes" : "no",
    // The first verified report says what it is about, where only unverified ones did before.
    category: row.verifiedItems === 0 ? layer.category : worseOf(row.category, layer.category),
  };
}

/** What the desk asked for, by who was asked, to the report it was asked about. */
async function fileContext({ tables, nowMs }: FilingParts, draft: Draft, filing: Filing): Promise<Filed> {
  const { report, layer, judgement } = filing;
  const about = layer.about === undefined ? undefined : await tables.report.get(toHex(layer.about));
  const row = about === undefined ? undefined : await tables.case.get(about.case);
  if (about?.reporter !== report.reporter || about.contextAsks === 0) return "unreadable";
  if (row === undefined || row.accused !== layer.accused || row.stage === "closed") return "unreadable";
  if (row.reportCount >= 2 * MAX_VERIFIED_PER_CASE || !hasRoomFor(row, filing)) return "limited";
  draft.changes.push(tables.report.put(toHex(about.id), { ...about, contextAsks: about.contextAsks - 1 }));
  const held = attach(tables, draft, row, filing, "kept");
  putCase(tables, draft, row, { ...held, reportCount: row.reportCount + 1 });
  draft.letters.push(receipt(report, row, nowMs));
  return judgement.trust;
}

/** The say of the account that something was done to, in time, and once for one case; any other is told at once that nothing comes of it. */
async function fileAppeal({ tables, nowMs }: FilingParts, draft: Draft, filing: Filing): Promise<Filed> {
  const { report, layer, judgement } = filing;
  const { reporter, receivedMs } = report;
  const action = layer.about === undefined ? undefined : await tables.action.get(toHex(layer.about));
  if (action === undefined || action.account !== reporter || layer.accused !== reporter) return "unreadable";
  const isLate = action.appealUntilMs === undefined || receivedMs > action.appealUntilMs;
  const row = await tables.case.get(action.case);
  if (isLate || row === undefined || row.stage !== "actioned") {
    draft.letters.push(receipt(report, { stage: "closed", outcome: "noAction" }, nowMs));
    return isLate ? "unreadable" : "repeated";
  }
  const appealed = stepped(attach(tables, draft, row, filing, "kept"), "appeal", "desk", nowMs);
  putCase(tables, draft, row, {
    ...appealed,
    ...{ hasAppeal: "yes", claimedBy: undefined, reportCount: row.reportCount + 1 },
  });
  draft.letters.push(receipt(report, appealed, nowMs));
  draft.log.push({ by: "desk", what: "appealed", about: row.id, detail: { action: action.id } });
  return judgement.trust;
}

/** The case with a submission in it. */
function attach(tables: Tables, draft: Draft, row: CaseRow, filing: Filing, words: "kept" | "dropped"): CaseRow {
  const { report, layer, opened, judgement } = filing;
  const { id } = row;
  const key = toHex(report.id);
  draft.changes.push(
    tables.caseReport.put(`${id}/${key}`, {}),
    tables.report.put(key, {
      ...{ id: report.id, kind: layer.kind, reporter: report.reporter, category: layer.category },
      ...{ receivedMs: report.receivedMs, case: id, items: judgement.items, teamKey: toHex(layer.teamKey) },
      contextAsks: 0,
    }),
  );
  if (words === "dropped") return row;
  const bytes = bytesOf(filing);
  draft.changes.push(
    tables.layers.put(key, { sealedHeads: report.heads, heads: opened, words: report.words }),
    tables.kept.put(key, { case: id, receivedMs: report.receivedMs, bytes }),
  );
  return { ...row, keptBytes: row.keptBytes + bytes };
}
