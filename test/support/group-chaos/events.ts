/** What can happen to a group's people. An event names people by number, so that a schedule can be read and replayed. */

import type { GroupRole } from "@sotto/protocol";

/** Somebody of the schedule; 0 founds the group, always owns it and never leaves it. */
export type Person = number;

/** Settings as a schedule draws them; what is left out stays. Titles and timers of one schedule are never the same twice. */
export interface DrawnSettings {
  readonly title?: string;
  readonly timerMs?: number;
  readonly whoInvites?: "members" | "admins";
  readonly whoWrites?: "members" | "admins";
  readonly approval?: "off" | "on";
}

/** A change of the group by one of its people. */
export type Act =
  | { readonly kind: "invite"; readonly by: Person; readonly whom: Person; readonly answer: "accept" | "decline" }
  | { readonly kind: "remove"; readonly by: Person; readonly whom: Person }
  | { readonly kind: "admit"; readonly by: Person; readonly whom: Person }
  | { readonly kind: "role"; readonly by: Person; readonly whom: Person; readonly role: GroupRole }
  | { readonly kind: "update"; readonly by: Person; readonly settings: DrawnSettings }
  | { readonly kind: "leave"; readonly by: Person };

/** One event. */
export type GroupEvent =
  | { readonly kind: "send"; readonly by: Person; readonly texts: number }
  | { readonly kind: "act"; readonly act: Act }
  /** Both at once. */
  | { readonly kind: "clash"; readonly one: Act; readonly other: Act }
  | { readonly kind: "close"; readonly who: Person }
  /** The process ends without a word. */
  | { readonly kind: "crash"; readonly who: Person }
  | { readonly kind: "open"; readonly who: Person }
  | { readonly kind: "cut"; readonly who: Person }
  | { readonly kind: "rejoin"; readonly who: Person }
  /** The relay is killed while these speak, and started again behind what follows. */
  | { readonly kind: "kill"; readonly speaking: readonly Person[] };

/** An event in one line. */
export function inWords(event: GroupEvent): string {
  switch (event.kind) {
    case "act":
      return actInWords(event.act);
    case "clash":
      return `at once: ${actInWords(event.one)} | ${actInWords(event.other)}`;
    case "send":
      return `${nameOf(event.by)} says ${event.texts}`;
    case "kill":
      return `the relay is killed, ${event.speaking.map(nameOf).join(" ")} speak`;
    default:
      return `${event.kind} ${nameOf(event.who)}`;
  }
}

/** A change in one line. */
export function actInWords({ kind, by, ...rest }: Act): string {
  const details = Object.entries(rest).map(([name, value]) =>
    name === "whom" ? nameOf(Number(value)) : typeof value === "object" ? JSON.stringify(value) : String(value),
  );
  return [nameOf(by), kind, ...details].join(" ");
}

/** The host's name for somebody, which is also the name of its folder. */
export function nameOf(person: Person): string {
  return `p${person}`;
}
