/** Commands about who is in a group, and what they may do there. */

import { type GroupRole, groupRoles, type Whom } from "@sotto/sdk/node";
import { type CommandParts, type Commands, plain } from "./command.js";
import { nameOf, shownName } from "./names.js";
import { type GroupRoom, titleOf } from "./room.js";
import { namesIn } from "./words.js";

/** So many characters of an account's id are enough to mean it. */
const ENOUGH_OF_ID = 4;

/** What inviting works with. */
type Inviting = Pick<CommandParts<GroupRoom>, "room" | "say">;

/** Somebody a command is about, and what they are called. */
interface Meant {
  readonly whom: Whom;
  readonly name: string;
}

/** Whoever in the group is called like that on the screen, or has an id that begins so; anybody else by the host's name. */
async function meantBy({ room, names }: CommandParts<GroupRoom>, called: string): Promise<Meant> {
  const members = await room.conversation.members();
  const named = members.filter((member) => [nameOf(member), shownName(member)].includes(called));
  const meant =
    named.length === 0 && called.length >= ENOUGH_OF_ID
      ? members.filter(({ accountId }) => accountId.startsWith(called))
      : named;
  const [one, ...others] = meant;
  if (one === undefined || others.length > 0) return { whom: { userId: called }, name: called };
  return { whom: { accountId: one.accountId }, name: names.of(one.accountId) };
}

/** Invites people, and says of each what came of it. */
async function invite({ room, say }: Inviting, names: readonly string[]): Promise<void> {
  for (const userId of names) {
    try {
      await room.conversation.invite({ userId });
      say([`${userId} was invited. Nobody writes to them in this group before they join.`]);
    } catch (error) {
      say([`${userId} was not invited.`, plain(error)]);
    }
  }
}

/** Invites those who are not in the group yet. */
export async function inviteMissing({ room, say }: Inviting, names: readonly string[]): Promise<void> {
  const there = new Set((await room.conversation.members()).map(({ userId }) => userId));
  await invite(
    { room, say },
    names.filter((name) => !there.has(name)),
  );
}

function isRole(text: string): text is GroupRole {
  return (groupRoles as readonly string[]).includes(text);
}

/** The commands by name. */
export const groupCommands: Commands<GroupRoom> = {
  members: async ({ client, names, room: { conversation }, say }) => {
    await conversation.refresh();
    const members = await conversation.members();
    say([
      `${titleOf(conversation)}:`,
      ...members.map((member) => {
        const { accountId, standing, role } = member;
        const name = accountId === client.accountId ? `${names.of(accountId)} (you)` : shownName(member);
        return `  ${accountId.slice(0, 8)}  ${standing === "member" ? role : standing}  ${name}`;
      }),
    ]);
  },
  invite: async (parts, argument) => {
    const invited = namesIn(argument);
    if (invited.length === 0) return parts.say(["/invite takes names, with commas between them."]);
    await invite(parts, invited);
  },
  remove: async (parts, called) => {
    if (called === "") return parts.say(["/remove takes a name, as /members shows it."]);
    const { whom, name } = await meantBy(parts, called);
    await parts.room.conversation.remove(whom);
    parts.say([`${name} reads nothing that is said from now on.`]);
  },
  admit: async (parts, called) => {
    if (called === "") return parts.say(["/admit takes the name of somebody who waits, as /members shows it."]);
    // Who waits has no voice to say so: it stands in the group's log.
    await parts.room.conversation.refresh();
    const { whom, name } = await meantBy(parts, called);
    await parts.room.conversation.admit(whom);
    parts.say([`${name} is in, and reads what is said from now on.`]);
  },
  role: async (parts, argument) => {
    const [, called = "", role = ""] = /^(.*\S)\s+(\S+)$/s.exec(argument) ?? [];
    if (!isRole(role)) return parts.say([`/role takes a name and one of ${groupRoles.join(", ")}.`]);
    const { whom, name } = await meantBy(parts, called);
    await parts.room.conversation.setRole(whom, role);
    parts.say([`${name} is ${role} now.`]);
  },
  leave: async ({ room: { conversation }, say }) => {
    await conversation.leave();
    say(["You left. What was said stays here; /groups, /open TITLE and /to NAME lead on."]);
  },
};
