/** Compares what all devices show in the end with what they must show. */

import type { MessageId } from "@sotto/protocol";

import type { Biography, Ledger, Saying } from "./ledger.js";
import { Oracle } from "./oracle.js";
import type { Shown, View } from "./view.js";

/** What a run's end looked like. Every list is empty if all is well; numbers name texts as `#n`. */
export interface Findings {
  /** An accepted text is not on a device that must have it. */
  readonly missing: readonly string[];
  /** A text is twice on a device, or nobody said it. */
  readonly strange: readonly string[];
  /** Two devices show two texts in different order. */
  readonly disordered: readonly string[];
  /** Two devices show different words, reactions or deletion of one text. */
  readonly different: readonly string[];
  /** Something did not open, and its sender could have said it again. */
  readonly undecryptable: readonly string[];
  /** Something that must show as read does not. */
  readonly unread: readonly string[];
  /** A saying was refused though nobody's identity was new. */
  readonly refused: readonly string[];
}

/** One device's end. */
export interface End {
  readonly device: Biography;
  readonly view: View;
}

/** What may be refused once somebody began anew: until the other side answered, they are strangers. */
const REFUSED_AFTER_RESET: ReadonlySet<string> = new Set(["requestPending", "textOnly", "notAllowed"]);

/** Judges the ends of all live devices. */
export function judge(ledger: Ledger, ends: readonly End[]): Findings {
  learnOutcomes(ledger, ends);
  const oracle = new Oracle(ledger);
  const texts = [...ledger.sayings.values()].filter(({ kind }) => kind === "text");
  return {
    missing: ends.flatMap((end) => missingOf(oracle, texts, end)),
    strange: ends.flatMap((end) => strangeOf(ledger, end)),
    disordered: pairsOf(ends).flatMap(([one, two]) => disorderOf(ledger, oracle, one, two)),
    different: texts.flatMap((text) => differencesOf(oracle, text, ends)),
    undecryptable: ends.flatMap(({ device, view }) =>
      oracle.mayStayClosed(device) ? [] : view.closed.map((reason) => `${device.name}: ${reason}`),
    ),
    unread: ends.flatMap((end) => unreadOf(ledger, oracle, end)),
    refused: refusedOf(ledger),
  };
}

/** Whether nothing is wrong. */
export function isClean(findings: Findings): boolean {
  return Object.values(findings).every((list: readonly string[]) => list.length === 0);
}

/** Findings in a few lines each. */
export function inLines(findings: Findings, most = 12): readonly string[] {
  return Object.entries(findings).flatMap(([name, list]: [string, readonly string[]]) => [
    ...list.slice(0, most).map((one) => `${name}: ${one}`),
    ...(list.length > most ? [`${name}: ${list.length - most} more`] : []),
  ]);
}

/** A device that crashed did not say what became of its sayings; in the end it shows it. */
function learnOutcomes(ledger: Ledger, ends: readonly End[]): void {
  for (const { device, view } of ends) {
    for (const { id, direction, status } of view.messages) {
      const saying = ledger.sayings.get(id);
      // What was deleted may never have left.
      if (status === "deleted") continue;
      const isKnown = saying === undefined || saying.author !== device.name || saying.outcome.state !== "open";
      if (!isKnown && direction === "sent") saying.outcome = { state: "accepted" };
    }
  }
}

function missingOf(oracle: Oracle, texts: readonly Saying[], { device, view }: End): readonly string[] {
  const shown = new Set(view.messages.map(({ id }) => id));
  return texts
    .filter((text) => !shown.has(text.id) && oracle.mustHave(text, device))
    .map((text) => `${nameOf(text)} on ${device.name}`);
}

function strangeOf(ledger: Ledger, { device, view }: End): readonly string[] {
  const seen = new Set<MessageId>();
  const strange: string[] = [];
  for (const { id } of view.messages) {
    const saying = ledger.sayings.get(id);
    if (saying === undefined) strange.push(`a text that nobody said on ${device.name}`);
    else if (seen.has(id)) strange.push(`${nameOf(saying)} twice on ${device.name}`);
    seen.add(id);
  }
  return strange;
}

/** Texts that both show and that stand in different places: the first of them, where each puts it. */
function disorderOf(ledger: Ledger, oracle: Oracle, one: End, two: End): readonly string[] {
  const isOwed = (id: MessageId) => {
    const said = ledger.sayings.get(id);
    return said !== undefined && oracle.mustHave(said, one.device) && oracle.mustHave(said, two.device);
  };
  const both = (mine: View, theirs: View) =>
    mine.messages.filter(({ id }) => shownOf(theirs, id) !== undefined && isOwed(id));
  const [left, right] = [both(one.view, two.view), both(two.view, one.view)];
  const isSame = left.every(({ id }, index) => id === right[index]?.id);
  if (isSame) return [];
  const moved = left.find(({ id, order }) => shownOf(two.view, id)?.order !== order) ?? left[0];
  if (moved === undefined) return [];
  const spell = ({ device, view }: End) => {
    const shown = shownOf(view, moved.id);
    return `${device.name} "${shown?.face}" at ${shown?.order}`;
  };
  return [`${nameOf(ledger.sayings.get(moved.id))}: ${spell(one)}, ${spell(two)}`];
}

function differencesOf(oracle: Oracle, text: Saying, ends: readonly End[]): readonly string[] {
  const faces = new Map<string, string[]>();
  for (const { device, view } of ends) {
    if (!oracle.mustHave(text, device) || !oracle.mustAgree(text, device)) continue;
    const face = shownOf(view, text.id)?.face;
    if (face !== undefined) faces.set(face, [...(faces.get(face) ?? []), device.name]);
  }
  if (faces.size < 2) return [];
  const spelled = [...faces].map(([face, names]) => `"${face}" on ${names.join(", ")}`);
  return [`${nameOf(text)}: ${spelled.join("; ")}`];
}

function unreadOf(ledger: Ledger, oracle: Oracle, { device, view }: End): readonly string[] {
  const mustBeRead = oracle.mustBeRead(device.side);
  return view.messages
    .filter(({ id, direction, status }) => direction === "received" && status === "received" && mustBeRead.has(id))
    .map(({ id }) => ledger.sayings.get(id))
    .filter((text) => text !== undefined && oracle.mustHave(text, device))
    .map((text) => `${nameOf(text)} on ${device.name}`);
}

/** What was said before a reset may be on its way when it happens; the last words of all come when everybody met again. */
function refusedOf(ledger: Ledger): readonly string[] {
  const lastAt = Math.max(...[...ledger.sayings.values()].map(({ at }) => at));
  return [...ledger.sayings.values()].flatMap((saying) => {
    const { outcome, at, kind } = saying;
    if (outcome.state !== "failed") return [];
    // What it changes was deleted while it was being said.
    if (kind !== "text" && outcome.code === "invalidArgument") return [];
    // What a device still had to say when it was revoked: nobody takes it any more.
    const isRevoked = ledger.biographies.get(saying.author)?.endedAt !== undefined;
    if (outcome.code === "badCredentials" && isRevoked) return [];
    const isExcused = ledger.resets.length > 0 && at < lastAt && REFUSED_AFTER_RESET.has(outcome.code);
    return isExcused ? [] : [`${nameOf(saying)}: ${outcome.code}`];
  });
}

const lookups = new WeakMap<View, ReadonlyMap<MessageId, Shown>>();

function shownOf(view: View, id: MessageId): Shown | undefined {
  const known = lookups.get(view) ?? new Map(view.messages.map((shown) => [shown.id, shown]));
  lookups.set(view, known);
  return known.get(id);
}

function pairsOf(ends: readonly End[]): readonly (readonly [End, End])[] {
  return ends.flatMap((one, index) => ends.slice(index + 1).map((two) => [one, two] as const));
}

function nameOf(saying: Saying | undefined): string {
  return saying === undefined ? "?" : `#${saying.number} (${saying.author}, event ${saying.at})`;
}
