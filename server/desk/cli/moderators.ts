/** `sotto-desk moderators …`: who works here. */

import { type Team, teams } from "@sotto/protocol";
import { urlHost } from "../../main-parts/open-socket.js";
import type { Terminal } from "../../ops/cli/terminal.js";
import { OperatorError } from "../../ops/operator-error.js";
import type { ModeratorRole } from "../api.js";
import { invitationLink } from "../invitation.js";
import type { DeskSettings } from "../settings.js";
import { needDesk, OPERATOR, withDesk } from "./at-the-desk.js";

const roles = ["moderator", "lead", "auditor"] as const satisfies readonly ModeratorRole[];

/** Somebody to invite, as it was typed. */
export interface Typed {
  readonly name: string;
  readonly role: string;
  readonly teams: readonly string[];
}

/** Where the console of these settings is. */
function consoleUrl({ publicUrl, host, port }: DeskSettings): string {
  return publicUrl ?? `http://${urlHost(host)}:${port}`;
}

/** Invites somebody and prints the link. @throws OperatorError for a role or team that there is not. */
export async function addModerator(settings: DeskSettings, typed: Typed, terminal: Terminal): Promise<void> {
  const role = roles.find((one) => one === typed.role);
  if (role === undefined) throw new OperatorError(`A role is one of ${roles.join(", ")}.`, 2);
  const given = [...new Set(typed.teams)].map(teamOf);
  if (role !== "auditor" && given.length === 0) {
    throw new OperatorError(`Say --team: one or several of ${teams.join(", ")}.`, 2);
  }
  const { code } = await withDesk(settings, (desk) => desk.inviteByOperator({ name: typed.name, role, teams: given }));
  terminal.write(
    `${typed.name} can begin here, once and within a week:\n  ${invitationLink(consoleUrl(settings), code)}\n`,
  );
}

function teamOf(name: string): Team {
  const team = teams.find((one) => one === name);
  if (team === undefined) throw new OperatorError(`A team is one of ${teams.join(", ")}.`, 2);
  return team;
}

/** Prints everybody. */
export async function listModerators(settings: DeskSettings, terminal: Terminal): Promise<void> {
  needDesk(settings.dataDir);
  const people = await withDesk(settings, (desk) => desk.moderators(OPERATOR));
  if (people.length === 0) terminal.write("Nobody works here yet; sotto-desk moderators add invites somebody.\n");
  for (const { id, name, role, teams: given, left } of people) {
    terminal.write(
      `${id}  ${role.padEnd(9)}  ${given.join(",") || "-"}  ${printable(name)}${left ? "  (left)" : ""}\n`,
    );
  }
}

/** A name without what a terminal would take for a command. */
function printable(name: string): string {
  return name.replace(/\p{C}/gu, "?");
}
