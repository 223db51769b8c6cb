/** Wires what an app says: messages, confirmations of messages, typing. */

import { Author } from "../conversations/author.js";
import { Confirmations } from "../conversations/confirmations.js";
import { Sender } from "../conversations/sender.js";
import { Typing } from "../conversations/typing.js";
import { Disappearing } from "../disappearing/disappearing.js";
import { RelayTime } from "../disappearing/relay-time.js";
import { Removal } from "../disappearing/removal.js";
import { EvidenceUpkeep } from "../franking/evidence-upkeep.js";
import { membership } from "../groups/membership.js";
import { Statements } from "../groups/statements.js";
import type {
  ConsentRoom,
  ConversationsRoom,
  DevicesRoom,
  FrankingRoom,
  Ground,
  GroupsRoom,
  LinkRoom,
  OutboxRoom,
  SessionsRoom,
} from "./parts.js";

/** The room of the conversations. */
export function wireConversations(
  before: Ground & LinkRoom & SessionsRoom & FrankingRoom & GroupsRoom & OutboxRoom & DevicesRoom & ConsentRoom,
): ConversationsRoom {
  const { platform, store, account, peers, locks, conversations, handles, hooks } = before;
  const { relay, shown, sessions, seen, evidence, groupLogs, keptSends, outbox, firstState, sentSync, consent } =
    before;
  const { clock, random } = platform;
  const { arrived, failed } = hooks;
  const author = new Author({ store, account, clock, random, seen });
  const sender = new Sender({
    ...{ store, account, peers, consent, outbox, author, handles, locks, clock, arrived, failed },
    known: () => firstState.known(),
    groupStanding: (group) => membership(groupLogs.get(group), account.id),
  });
  const time = new RelayTime({
    ...{ store, clock },
    isOnline: () => relay.device.state === "ready",
    offsetMs: () => relay.device.serverTimeOffsetMs,
  });
  const removal = new Removal({ store, outbox, keptSends, handles, evidence });
  const disappearing = new Disappearing({ store, clock, time, conversations, locks, removal, failed });
  const evidenceUpkeep = new EvidenceUpkeep({ clock, evidence, nowMs: () => disappearing.nowMs(), failed });
  const statements = new Statements({
    ...{ store, account, shown, conversations, author, outbox, logs: groupLogs, changed: hooks.groupChanged },
  });
  const confirmations = new Confirmations({
    ...{ store, account, peers, outbox, author, sentSync, locks },
    nowMs: () => disappearing.nowMs(),
    revisionOf: (group) => groupLogs.get(group)?.state.seq ?? 0,
  });
  const typing = new Typing({ store, peers, sessions, relay, author, clock, random, failed });
  return { disappearing, evidenceUpkeep, statements, sender, confirmations, typing };
}
