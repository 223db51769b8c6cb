/** Compares what clients said they did to a group with what its log says was done. */

import type { AccountId } from "@sotto/protocol";
import { nameOf, type Person } from "./events.js";
import { type Deed, deedInWords } from "./ledger.js";
import type { Memberships } from "./memberships.js";
import type { ShownEntry } from "./view.js";

/** Nobody knows whether it came about: the answer was lost, or the client ended. */
const UNSURE: ReadonlySet<string> = new Set(["offline", "timeout", "busy"]);
/** The group, or another who was faster, said no. Anything else is no answer to a change of a group. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...["groupDenied", "groupLeft", "invitationGone", "invalidArgument"],
  // Who invited a stranger may not invite it again before it is a contact: the relay takes one request.
  "requestPending",
]);

const FAREWELLS: ReadonlySet<string> = new Set(["left", "removed"]);

/** What the deeds are compared with. */
export interface Written {
  readonly log: readonly ShownEntry[];
  readonly memberships: Memberships;
  readonly accounts: ReadonlyMap<AccountId, Person>;
}

/**
 * Titles that may never have been told: who changes a title says so in a message, which nobody takes any more of who was removed
 * before it left. Those who were told show them, and the others do not.
 */
export function untoldTitles(deeds: readonly Deed[], { memberships, accounts }: Written): ReadonlySet<string> {
  const leavers = new Set([...accounts].flatMap(([account, person]) => (memberships.wasOut(account) ? [person] : [])));
  return new Set(
    deeds.flatMap(({ act }) =>
      act.kind === "update" && act.settings.title !== undefined && leavers.has(act.by) ? [act.settings.title] : [],
    ),
  );
}

/** Whether who gave the group its name left without a word: everybody shows the latest one they were told then. */
export function isNameless({ log, memberships }: Pick<Written, "log" | "memberships">): boolean {
  const last = log.filter(({ change }) => change.kind === "settings").at(-1);
  return last !== undefined && isSilentUpdate(last.change) && memberships.wasOut(last.from);
}

/** Lines for what was done and is not there, what is there and was refused, and refusals of no known kind. */
export function deedsUnlike(deeds: readonly Deed[], { log, accounts }: Omit<Written, "memberships">): string[] {
  // Every update of a run is one of the title: an entry that shows none is evidence of one that the founder was not told.
  const silent = new Set(log.flatMap(({ from, change }) => (isSilentUpdate(change) ? [accounts.get(from)] : [])));
  const isUntold = ({ act }: Deed) => act.kind === "update" && silent.has(act.by);
  const spared = new Set(deeds.filter(isUntold).flatMap(effectOf));
  // With who goes, the invitations go that it made: nobody took those back.
  const farewells = new Set(log.flatMap(({ seq, change }) => (FAREWELLS.has(change.kind) ? [seq] : [])));
  const own = log.filter(({ seq, change }) => change.kind !== "invitationEnded" || !farewells.has(seq));
  const written = counted(own.flatMap((entry) => effectsOf(entry, accounts)));
  const done = counted(deeds.filter(({ outcome }) => outcome.state === "done").flatMap(effectOf));
  const unsure = counted(deeds.filter(isUnsure).flatMap(effectOf));
  const known = new Set([...written.keys(), ...done.keys()]);
  const counts = [...known].flatMap((effect) => {
    const [there, said] = [written.get(effect) ?? 0, done.get(effect) ?? 0];
    // Who declines what was taken back has nothing more to say.
    const isSpared = effect.endsWith(" decline") || spared.has(effect);
    if (there < said && !isSpared)
      return [`${effect}: ${said} times by the clients' word, ${there} times by the log's`];
    const most = said + (unsure.get(effect) ?? 0);
    return there > most ? [`${effect}: ${there} times by the log, at most ${most} times by the clients' word`] : [];
  });
  const codes = deeds.flatMap((deed) => {
    const { outcome } = deed;
    const isKnown = outcome.state !== "failed" || UNSURE.has(outcome.code) || REFUSALS.has(outcome.code);
    return isKnown ? [] : [deedInWords(deed)];
  });
  return [...counts, ...codes];
}

function isUnsure({ outcome }: Deed): boolean {
  return outcome.state === "open" || (outcome.state === "failed" && UNSURE.has(outcome.code));
}

/** What a deed leaves in the log, if it is done. */
function effectOf({ act }: Deed): string[] {
  switch (act.kind) {
    case "invite":
    case "remove":
    case "admit":
      return [`${nameOf(act.by)} ${act.kind} ${nameOf(act.whom)}`];
    case "role":
      return [`${nameOf(act.by)} role ${nameOf(act.whom)} ${act.role}`];
    case "update":
      return [`${nameOf(act.by)} update ${act.settings.title}`];
    default:
      return [`${nameOf(act.by)} ${act.kind}`];
  }
}

/** What an entry is evidence of, in the same words. */
function effectsOf({ from, change }: ShownEntry, accounts: ReadonlyMap<AccountId, Person>): string[] {
  const name = (account: AccountId) => nameOf(accounts.get(account) ?? -1);
  switch (change.kind) {
    case "invited":
      return [`${name(change.by)} invite ${name(change.account)}`];
    case "waiting":
      return [`${name(change.account)} accept`];
    case "joined":
      return change.account === from ? [`${name(from)} accept`] : [`${name(from)} admit ${name(change.account)}`];
    case "invitationEnded":
      if (change.how === "declined") return [`${name(change.account)} decline`];
      if (change.how === "withdrawn") return [`${name(change.account)} leave`];
      return [`${name(from)} remove ${name(change.account)}`];
    case "left":
      return [`${name(change.account)} leave`];
    case "removed":
      return [`${name(from)} remove ${name(change.account)}`];
    case "role":
      return [`${name(from)} role ${name(change.account)} ${change.to}`];
    case "settings":
      return change.changed.title === undefined ? [] : [`${name(from)} update ${change.changed.title}`];
    default:
      return [];
  }
}

function isSilentUpdate(change: ShownEntry["change"]): boolean {
  return change.kind === "settings" && change.changed.title === undefined;
}

function counted(all: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}
