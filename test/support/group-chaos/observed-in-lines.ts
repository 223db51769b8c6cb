/** All that a run observed, for whoever looks into a failure. */

import { nameOf } from "./events.js";
import type { Observed } from "./verdict.js";

/** The log, the texts with their passage, and what everybody sees of both. */
export function observedInLines({ views, accounts, sayings, passages }: Observed): readonly string[] {
  const named = (text: string) =>
    [...accounts].reduce((line, [account, person]) => line.replaceAll(account, nameOf(person)), text);
  const [founder] = views;
  return [
    "the log:",
    ...founder.entries.map(
      ({ seq, acceptedMs, from, change }) =>
        `  ${seq} at ${acceptedMs} by ${named(from)}: ${named(JSON.stringify(change))}`,
    ),
    "the texts:",
    ...[...sayings.values()].map(({ id, number, by, at, outcome }) => {
      const { tries = [], acceptedMs } = passages.get(id) ?? {};
      const how = tries.map(({ revision, outcome }) => `${revision} ${outcome}`).join(", ");
      return `  #${number} by ${nameOf(by)}, event ${at}: ${JSON.stringify(outcome)}, tried at ${how}; accepted at ${acceptedMs}`;
    }),
    "what everybody sees:",
    ...views.flatMap(({ person, standing, title, state, texts, entries, pending, failed, closed }) => [
      `  ${nameOf(person)} ${standing} "${title}" ${named(state ?? "")}`,
      `    texts ${texts.map(({ text }) => text).join(" ")}; entries ${entries.map(({ seq }) => seq).join(" ")}`,
      `    ${pending.length} pending, ${failed.length} failed, closed: ${closed.join("; ")}`,
    ]),
  ];
}
