/** Wires what an app says: messages, confirmations of messages, typing. */

import { Author } from "../conversations/author.js";
import { Confirmations } from "../conversations/confirmations.js";
import { Sender } from "../conversations/sender.js";
import { Typing } from "../conversations/typing.js";
import { membership } from "../groups/membership.js";
import type {
  ConsentRoom,
  ConversationsRoom,
  DevicesRoom,
  Ground,
  GroupsRoom,
  LinkRoom,
  OutboxRoom,
  SessionsRoom,
} from "./parts.js";

/** The room of the conversations. */
export function wireConversations(
  before: Ground & LinkRoom & SessionsRoom & GroupsRoom & OutboxRoom & DevicesRoom & ConsentRoom,
): ConversationsRoom {
  const { platform, store, account, peers, locks, handles, hooks } = before;
  const { relay, sessions, groupLogs, outbox, firstState, sentSync, consent } = before;
  const { clock, random } = platform;
  const { arrived, failed } = hooks;
  const author = new Author({ store, account, clock, random });
  const sender = new Sender({
    ...{ store, account, peers, consent, outbox, author, handles, locks, clock, arrived, failed },
    known: () => firstState.known(),
    groupStanding: (group) => membership(groupLogs.get(group), account.id),
  });
  const confirmations = new Confirmations({
    ...{ store, peers, outbox, author, sentSync, locks },
    nowMs: () => relay.nowMs(),
  });
  const typing = new Typing({ store, peers, sessions, relay, author, clock, random, failed });
  return { sender, confirmations, typing };
}
