/** The groups an app holds, put together from a client's parts. */

import { type ConversationId, type GroupState, SottoError } from "@sotto/protocol";
import type { ClientParts } from "../compose/parts.js";
import { People, type Whom } from "../consent/people.js";
import { Group, type GroupParts } from "../groups/group.js";
import { Groups } from "../groups/groups.js";
import { standingOf } from "../groups/state/permissions.js";
import { Notes } from "../registers/notes.js";

/** Groups of a started client. */
export function openGroups(parts: ClientParts): Groups {
  const { account, conversations, sender, platform, peers, roles, groupLogs: logs } = parts;
  const { consent, registers, confirmations, reports, shown } = parts;
  const people = new People(parts);
  const inviting = async (id: ConversationId, whom: Whom): ReturnType<GroupParts["inviting"]> => {
    const invited = await people.reachable(whom);
    // As far as this device has read; they may have left since.
    const isIn = (state: GroupState | undefined) => state !== undefined && standingOf(state, invited) !== "none";
    if (invited === account.id || (isIn(logs.get(id)?.state) && isIn((await logs.sync(id)).state))) {
      throw new SottoError("invalidArgument", { detail: "they are in the group, wait for an admin or are invited" });
    }
    const { relation } = await peers.get(invited);
    await consent.inviting(invited);
    const failed = async () => {
      if (relation === "none") await consent.notInvited(invited);
    };
    return { account: invited, failed };
  };
  return new Groups({
    logs,
    async make(id) {
      const thread = await conversations.group(id);
      const accountOf: GroupParts["accountOf"] = (whom) => people.accountOf(whom);
      return new Group({
        ...{ me: account.id, thread, sender, log: platform.log, peers, roles, logs, shown, accountOf, confirmations },
        reports,
        notes: new Notes({ thread, registers }),
        inviting: (whom) => inviting(id, whom),
      });
    },
  });
}
