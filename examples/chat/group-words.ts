/** What happened to a group, in words. */

import type { AccountId, GroupChange, GroupRole, Whoever } from "@sotto/sdk/node";
import { timerWords } from "./timer-words.js";
import { harmless } from "./words.js";

/** Roles, as one is given them. */
const ROLES: Readonly<Record<GroupRole, string>> = { member: "a member", admin: "an admin", owner: "an owner" };

/** Who may do something. */
const WHOEVER: Readonly<Record<Whoever, string>> = { members: "everybody", admins: "only admins" };

/** One line for a change; `undefined` while its author did not say, in a message that could be reported, how the group is called now. */
export function changeWords(change: GroupChange, nameOf: (account: AccountId) => string): string | undefined {
  switch (change.kind) {
    case "created":
      return `${nameOf(change.by)} made this group`;
    case "invited":
      return `${nameOf(change.by)} invited ${nameOf(change.account)}`;
    case "waiting":
      return `${nameOf(change.account)} accepted, and waits for an admin (/admit ${nameOf(change.account)})`;
    case "joined":
      return `${nameOf(change.account)} joined`;
    case "invitationEnded":
      return invitationEnded(change, nameOf);
    case "left":
      return `${nameOf(change.account)} left`;
    case "removed":
      return `${nameOf(change.by)} removed ${nameOf(change.account)}`;
    case "role":
      return `${nameOf(change.by)} made ${nameOf(change.account)} ${ROLES[change.to]}`;
    case "succession":
      return `${nameOf(change.account)} is ${ROLES.owner} now, because ${nameOf(change.after)} left`;
    case "settings":
      return settingsWords(nameOf(change.by), change.changed);
    case "ended":
      return "nobody is left in this group";
    default:
      return change satisfies never;
  }
}

function invitationEnded(
  { account, how, by }: Extract<GroupChange, { kind: "invitationEnded" }>,
  nameOf: (account: AccountId) => string,
): string {
  switch (how) {
    case "declined":
      return `${nameOf(account)} declined`;
    case "withdrawn":
      return `${nameOf(account)} does not wait any longer`;
    case "takenBack":
      return `${nameOf(by)} took the invitation of ${nameOf(account)} back`;
    case "refused":
      return `${nameOf(by)} did not let ${nameOf(account)} in`;
    default:
      return how satisfies never;
  }
}

function settingsWords(
  name: string,
  changed: Extract<GroupChange, { kind: "settings" }>["changed"],
): string | undefined {
  const { title, avatar, invite, write, edit, approval, timerMs } = changed;
  const words = [
    title === undefined ? [] : [title === "" ? "took the title away" : `called the group "${harmless(title)}"`],
    avatar === undefined ? [] : [avatar.length === 0 ? "took the picture away" : "set a picture"],
    write === undefined ? [] : [`lets ${WHOEVER[write]} write`],
    invite === undefined ? [] : [`lets ${WHOEVER[invite]} invite`],
    edit === undefined ? [] : [`lets ${WHOEVER[edit]} change title, picture and timer`],
    approval === undefined ? [] : [approval === "on" ? "has admins let people in" : "lets people in without an admin"],
    timerMs === undefined ? [] : [timerWords(timerMs === 0 ? undefined : timerMs)],
  ].flat();
  return words.length === 0 ? undefined : `${name} ${words.join(", ")}`;
}
