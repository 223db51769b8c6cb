/** Commands that lead from one conversation to another, and invitations to new ones. */

import type { CommandParts, Commands } from "./command.js";
import { nameOf } from "./names.js";
import { directRoom, groupsCalled, invitedTo, titleOf } from "./room.js";

/** Shows invitations to groups as they come, until the signal aborts. */
export async function showInvitations(
  { client, asks, say }: Pick<CommandParts, "client" | "asks" | "say">,
  signal: AbortSignal,
): Promise<void> {
  for await (const invitation of client.invitations({ signal })) {
    asks.add({ kind: "invitation", invitation });
    const from = nameOf({ ...invitation.from, name: undefined });
    say([`${from} invites you to ${invitedTo(invitation)}.`, "/join or /decline."]);
  }
}

/** The commands by name. */
export const roomCommands: Commands = {
  join: async ({ asks, say, go }) => {
    const { invitation } = asks;
    if (invitation === undefined) return say(["There is no invitation that waits."]);
    const group = await asks.answer(invitation, () => invitation.accept());
    asks.settleRequestsOf(invitation.from.accountId);
    go({ kind: "group", conversation: group });
    say(
      group.standing === "waiting"
        ? [`You accepted. An admin of ${titleOf(group)} has to let you in.`]
        : [`You are in ${titleOf(group)}. What was said before is not shown. Next time: --group, or /open here.`],
    );
  },
  groups: async ({ client, say }) => {
    const groups = await client.groups.list();
    if (groups.length === 0) return say(["You are in no group. npm run chat -- --as YOU --group TITLE makes one."]);
    const lines = await Promise.all(
      groups.map(async (group) => {
        const members = (await group.members()).filter(({ standing }) => standing === "member");
        const mine = group.role ?? "waiting";
        return `  ${group.id.slice(0, 8)}  ${titleOf(group)}, ${members.length} in it, you: ${mine}`;
      }),
    );
    say([...lines, "/open TITLE goes there; where two have the same title, /open and the digits."]);
  },
  open: async ({ client, say, go }, called) => {
    const [group, ...more] = await groupsCalled(client, called);
    if (group === undefined) return say(["You are in no group of that title. /groups lists those there are."]);
    if (more.length > 0) return say(["Several are called like that. /groups shows the digits that tell them apart."]);
    go({ kind: "group", conversation: group });
  },
  to: async ({ client, say, go }, peer) => {
    if (peer === "") return say(["/to takes the name of the person to talk with."]);
    go(await directRoom(client, peer));
  },
};
