/** Compares what everybody shows in the end with what it must show. */

import type { AccountId, MessageId } from "@sotto/protocol";
import { deedsUnlike, isNameless, untoldTitles } from "./deeds.js";
import { nameOf, type Person } from "./events.js";
import type { Deed, Saying } from "./ledger.js";
import { Memberships } from "./memberships.js";
import type { Passage } from "./traffic.js";
import type { ShownEntry, View } from "./view.js";

/** What a run's end looked like. Every list is empty if all is well; numbers name texts as `#n`. */
export interface Findings {
  /** A text that the relay accepted is not with somebody who was in the group then. */
  readonly missing: readonly string[];
  /** Somebody reads a text that was accepted when it was not in the group. */
  readonly leaked: readonly string[];
  /** A text is there twice, or nobody said it, or it has other words or another author than when it was said. */
  readonly strange: readonly string[];
  /** A text stands elsewhere than with others, or where its time of acceptance does not put it. */
  readonly disordered: readonly string[];
  /** Members see different states, or do not know where they stand. */
  readonly divided: readonly string[];
  /** Members show another title than the founder, though the one that counts was told. */
  readonly misnamed: readonly string[];
  /** Entries of the log that somebody's timeline tells otherwise than the founder's. */
  readonly entries: readonly string[];
  /** Something did not open. */
  readonly undecryptable: readonly string[];
  /** A text that is neither accepted nor failed, or failed without a reason to. */
  readonly unsaid: readonly string[];
  /** What a client said was done is not in the log, or what is in the log was refused. */
  readonly undone: readonly string[];
  /** The relay's clock and the log's numbers say different things. */
  readonly clocks: readonly string[];
}

/** Everything a verdict is about. */
export interface Observed {
  readonly accounts: ReadonlyMap<AccountId, Person>;
  /** Of everybody; the first one is the founder's, who saw all of the log. */
  readonly views: readonly [View, ...View[]];
  readonly sayings: ReadonlyMap<MessageId, Saying>;
  readonly deeds: readonly Deed[];
  readonly passages: ReadonlyMap<MessageId, Passage>;
  /** The relay's times of entries, as they passed on the wire. */
  readonly acceptances: ReadonlyMap<number, number>;
}

/** Judges the end of a run. */
export function judge(observed: Observed): Findings {
  const { views, accounts, deeds } = observed;
  const [founder] = views;
  const log = [...founder.entries].sort((one, other) => one.seq - other.seq);
  const memberships = new Memberships(log);
  const judging = { ...observed, memberships };
  const written = { log, memberships, accounts };
  const untold = untoldTitles(deeds, written);
  return {
    missing: views.flatMap((view) => missingOf(judging, view)),
    leaked: views.flatMap((view) => leakedTo(judging, view)),
    strange: views.flatMap((view) => strangeOf(judging, view)),
    disordered: disorderOf(judging),
    divided: views.flatMap((view) => divisionOf(judging, view)),
    misnamed: isNameless(written) ? [] : views.flatMap((view) => misnamedOf(judging, view, untold)),
    entries: views.flatMap((view) => entriesUnlike(founder, view)),
    undecryptable: views.flatMap(({ person, closed }) => closed.map((reason) => `${nameOf(person)}: ${reason}`)),
    unsaid: views.flatMap((view) => unsaidOf(judging, view)),
    undone: deedsUnlike(deeds, written),
    clocks: clocksOf(judging, log),
  };
}

/** Whether nothing is wrong. */
export function isClean(findings: Findings): boolean {
  return Object.values(findings).every((list: readonly string[]) => list.length === 0);
}

/** Findings in a line each. */
export function inLines(findings: Findings): readonly string[] {
  return Object.entries(findings).flatMap(([name, list]: [string, readonly string[]]) =>
    list.map((one) => `${name}: ${one}`),
  );
}

interface Judging extends Observed {
  readonly memberships: Memberships;
}

function missingOf({ sayings, passages, memberships }: Judging, { person, account, texts, failed }: View): string[] {
  const shown = new Set(texts.map(({ id }) => id));
  // Whose client ended before the answer came asks again by sending again, which nobody may who was removed meanwhile.
  const isUnheard = ({ id, by, outcome }: Saying) =>
    by === person && outcome.state === "open" && failed.includes(id) && memberships.wasOut(account);
  return [...sayings.values()].flatMap((saying) => {
    const passage = passages.get(saying.id);
    if (passage?.acceptedMs === undefined || shown.has(saying.id) || isUnheard(saying)) return [];
    const isOwed =
      memberships.bySeq(account, passage) === "owed" && memberships.byClock(account, passage.acceptedMs) === "owed";
    return isOwed ? [`${spell(saying)} with ${nameOf(person)}`] : [];
  });
}

function leakedTo({ sayings, passages, memberships }: Judging, { person, account, texts }: View): string[] {
  return texts.flatMap(({ id }) => {
    const saying = sayings.get(id);
    const passage = passages.get(id);
    // What its author shows as accepted without any passage was said to nobody.
    if (saying === undefined || passage === undefined || saying.by === person) return [];
    const { acceptedMs } = passage;
    const isLate = acceptedMs !== undefined && memberships.byClock(account, acceptedMs) === "unseen";
    return isLate || memberships.bySeq(account, passage) === "unseen" ? [`${spell(saying)} to ${nameOf(person)}`] : [];
  });
}

function strangeOf({ sayings, accounts }: Judging, { person, texts }: View): string[] {
  const seen = new Set<MessageId>();
  return texts.flatMap(({ id, text, from }) => {
    const saying = sayings.get(id);
    if (saying === undefined) return [`a text that nobody said, with ${nameOf(person)}`];
    const isAgain = seen.has(id);
    seen.add(id);
    if (isAgain) return [`${spell(saying)} twice with ${nameOf(person)}`];
    const isTrue = text === `#${saying.number}` && accounts.get(from) === saying.by;
    return isTrue ? [] : [`${spell(saying)} as "${text}" of another with ${nameOf(person)}`];
  });
}

/** One place for each text, on all devices and in every list. */
function disorderOf({ views, sayings, passages }: Judging): string[] {
  const places = new Map<MessageId, string>();
  const lines: string[] = [];
  for (const { person, texts } of views) {
    for (const [index, { id, order }] of texts.entries()) {
      const [before, passage, place] = [texts[index - 1], passages.get(id), places.get(id)];
      if (before !== undefined && before.order >= order)
        lines.push(`${spell(sayings.get(id))} behind ${spell(sayings.get(before.id))} with ${nameOf(person)}`);
      if (place === undefined) places.set(id, order);
      else if (place !== order)
        lines.push(`${spell(sayings.get(id))} at ${order} with ${nameOf(person)}, else at ${place}`);
      const acceptedMs = Number.parseInt(order.split(".")[0] ?? "", 36);
      if (passage?.acceptedMs !== undefined && passage.acceptedMs !== acceptedMs)
        lines.push(
          `${spell(sayings.get(id))} at ${acceptedMs} with ${nameOf(person)}, accepted at ${passage.acceptedMs}`,
        );
    }
  }
  return lines;
}

/** Who is in the group sees what the founder sees; who is not knows it. */
function divisionOf({ views: [founder], memberships }: Judging, view: View): string[] {
  const { person, account, standing, state } = view;
  const place = placesIn(founder).get(account);
  // Who declined where the log could not be read with the invitation any more has put it away on its own side only.
  if (place === "invited" && standing === "declined") return [];
  if (place === "invited") return [`${nameOf(person)} is invited still, and takes itself for ${standing}`];
  if (!standingsFor(place, memberships.isFormer(account)).includes(standing))
    return [`${nameOf(person)} is ${place ?? "out"} and takes itself for ${standing}`];
  // Who waits has read the log as it was then, and is told of nothing more before it is let in.
  if (place !== "member" || state === founder.state) return [];
  return [`${nameOf(person)} sees ${state}, the founder ${founder.state}`];
}

/** Titles are told in messages: of one that was not told to everybody any more, some show it and others the one before. */
function misnamedOf({ views: [founder] }: Judging, view: View, untold: ReadonlySet<string>): string[] {
  const { person, account, title } = view;
  const mayDiffer = [title, founder.title].some((one) => one !== undefined && untold.has(one));
  if (placesIn(founder).get(account) !== "member" || title === founder.title || mayDiffer) return [];
  return [`${nameOf(person)} sees "${title}", the founder "${founder.title}"`];
}

/** What somebody may take itself for. Who was in the group can look at it still, also if it was asked back and declined. */
function standingsFor(place: string | undefined, isFormer: boolean): readonly View["standing"][] {
  if (place === "member") return ["joined"];
  if (place === "waiting") return ["waiting"];
  return isFormer ? ["left", "declined"] : ["left", "declined", "none"];
}

function placesIn({ state }: View): ReadonlyMap<string, string> {
  const { members }: { members: [string, string, string][] } = JSON.parse(state ?? '{"members":[]}');
  return new Map(members.map(([account, standing]) => [account, standing]));
}

/** Who came late, or was away while entries were deleted, tells fewer; nobody tells others. */
function entriesUnlike(founder: View, { person, entries }: View): string[] {
  const told = new Map(founder.entries.map((entry) => [entry.order, lineOf(entry)]));
  const seen = new Set<string>();
  return entries.flatMap((entry) => {
    const { order, seq } = entry;
    const line = lineOf(entry);
    const isAgain = seen.has(order);
    seen.add(order);
    if (isAgain) return [`entry ${seq} twice with ${nameOf(person)}`];
    return told.get(order) === line ? [] : [`entry ${seq} with ${nameOf(person)}: ${line}, else ${told.get(order)}`];
  });
}

/** Titles stand in items only of who was told of them in a message, which may come later or not at all. */
function lineOf({ from, change }: View["entries"][number]): string {
  if (change.kind !== "settings") return JSON.stringify([from, change]);
  const { title: _title, ...changed } = change.changed;
  return JSON.stringify([from, { ...change, changed }]);
}

function unsaidOf({ sayings, memberships, views: [founder] }: Judging, { person, account, pending }: View): string[] {
  // Where only admins wrote for a while, or it waited to be let in, it had no voice.
  const wasSilent = founder.entries.some(
    ({ change }) =>
      (change.kind === "settings" && change.changed.write === "admins") ||
      (change.kind === "waiting" && change.account === account),
  );
  // Out of the group: for good, for a while, or since its invitation was taken back, before it joined by another.
  const wasOut =
    memberships.wasOut(account) ||
    founder.entries.some(({ change }) => change.kind === "invitationEnded" && change.account === account);
  const mine = [...sayings.values()].filter(({ by }) => by === person);
  const left = new Set(pending);
  return mine.flatMap((saying) => {
    if (left.has(saying.id)) return [`${spell(saying)} is still on its way`];
    const { outcome } = saying;
    if (outcome.state !== "failed") return [];
    const isExcused = (outcome.code === "groupDenied" && wasSilent) || (outcome.code === "groupLeft" && wasOut);
    return isExcused ? [] : [`${spell(saying)}: ${outcome.code}`];
  });
}

/** What the wire and the timelines say of times, and what numbers and times say of the same message. */
function clocksOf(
  { sayings, passages, acceptances, memberships, views }: Judging,
  log: readonly ShownEntry[],
): string[] {
  const entries = log.flatMap(({ seq, acceptedMs }) => {
    const onWire = acceptances.get(seq);
    return onWire === undefined || onWire === acceptedMs
      ? []
      : [`entry ${seq} at ${acceptedMs}, on the wire ${onWire}`];
  });
  const messages = [...sayings.values()].flatMap((saying) => {
    const passage = passages.get(saying.id);
    if (passage?.acceptedMs === undefined) return [];
    const { acceptedMs } = passage;
    return views.flatMap(({ account, person }) => {
      const claims = [memberships.bySeq(account, passage), memberships.byClock(account, acceptedMs)];
      const isSplit = claims.includes("owed") && claims.includes("unseen");
      const tries = passage.tries.map(({ revision, outcome }) => `${revision} ${outcome}`).join(", ");
      return isSplit
        ? [`${spell(saying)} for ${nameOf(person)}: ${claims.join(" by number, ")} by clock (${tries})`]
        : [];
    });
  });
  return [...entries, ...messages];
}

function spell(saying: Saying | undefined): string {
  return saying === undefined ? "?" : `#${saying.number} (${nameOf(saying.by)}, event ${saying.at})`;
}
