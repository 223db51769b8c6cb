/** Wires everything that arrives: what opens it, who takes it, and what is owed for it. */

import type { ConversationId } from "@sotto/protocol";
import type { Thread } from "../conversations/conversations.js";
import type { Telling } from "../conversations/incoming.js";
import { handedOver } from "../franking/handed-over.js";
import type { GroupSnapshot } from "../groups/log/group-logs.js";
import { Acknowledgements } from "../inbox/acknowledgements.js";
import { GroupContents } from "../inbox/group-contents.js";
import { GroupMail } from "../inbox/group-mail.js";
import { GroupVerdicts } from "../inbox/group-verdict.js";
import { HeldMail } from "../inbox/held-mail.js";
import { Inbox } from "../inbox/inbox.js";
import { OwnMail } from "../inbox/own-mail.js";
import { PeerMail } from "../inbox/peer-mail.js";
import { Receipts } from "../inbox/receipts.js";
import { Repairs } from "../inbox/repairs.js";
import { Resends } from "../inbox/resends.js";
import { UnopenedMail } from "../inbox/unopened-mail.js";
import { Waiting } from "../inbox/waiting.js";
import type {
  ConsentRoom,
  ConversationsRoom,
  DevicesRoom,
  FrankingRoom,
  Ground,
  GroupsRoom,
  InboxRoom,
  LinkRoom,
  OutboxRoom,
  RegistersRoom,
  SessionsRoom,
} from "./parts.js";

/** The room of the inbox. */
export function wireInbox(
  before: Ground &
    LinkRoom &
    SessionsRoom &
    FrankingRoom &
    GroupsRoom &
    OutboxRoom &
    DevicesRoom &
    RegistersRoom &
    ConsentRoom &
    ConversationsRoom,
): InboxRoom {
  const { platform, store, engine, account, rootPin, locks, counters, peers, roles, conversations, handles } = before;
  const { relay, sessions, former, identityChanges, keptSends, outbox, accountState, arrivals, confirmations } = before;
  const { ownDevices, firstState, sentSync, sender, groupLogs, senderKeys, fellows, invited } = before;
  const { registers, registerOrders, realm, checking, evidence, seen, statements, hooks, later } = before;
  const { clock, log } = platform;
  const { arrived, failed } = hooks;

  const receipts = new Receipts({
    ...{ store, clock, failed },
    confirm: async (peer, targets, paid) => confirmations.delivered(await conversations.of(peer), targets, paid),
  });
  const repairs = new Repairs({
    ...{ store, account, peers, clock, counters, conversations, locks, failed, outbox, groupLogs },
    open: async (peer, devices, group) =>
      sessions.open(peer, devices, group === undefined ? undefined : await fellows.of(group, peer)),
    isOnline: () => relay.device.state === "ready",
  });
  const resends = new Resends({ account, counters, keptSends, outbox, logs: groupLogs, senderKeys });
  const acknowledgements = new Acknowledgements((upTo) => relay.device.acknowledge(upTo, []));

  const tell = (thread: Thread, telling: Telling) => {
    if (telling.type === "receipt") handles.delivered(thread.timeline.id, telling.detail.messageId, telling.detail);
    thread.tell(telling);
  };
  const waiting = new Waiting({ store, clock });
  const verdicts = new GroupVerdicts({ account, logs: groupLogs, invited });
  const taking = {
    ...{ store, account, peers, locks, conversations, arrivals, repairs, resends, waiting, counters, clock },
    ...{ firstState, groupLogs, invited, verdicts, tell, arrived, checking, evidence, seen, statements },
  };
  const held = new HeldMail(store);
  const contents = new GroupContents({ ...taking, held, repair: () => repairs.wake() });
  const groupMail = new GroupMail({ ...taking, logs: groupLogs, senderKeys, contents, held, failed });
  /** Another device's word is not followed by the log's: what that would have brought is made good. */
  const groupMoved = async (group: ConversationId, before: GroupSnapshot | undefined) => {
    const after = groupLogs.get(group);
    if (before !== undefined && after !== undefined) {
      const forgotten = await senderKeys.forget({ before, after, applied: [] });
      await store.commit(forgotten.build());
    }
    groupMail.wake(group);
    hooks.groupChanged(group);
  };
  const inbox = new Inbox({
    ...{ store, account, peers, roles, engine, locks, identityChanges, acknowledgements, counters, log, failed },
    ...{ former, senderKeys, groupMail, checking, clock },
    isOwnDevice: (device, acceptedMs) => ownDevices.isHeard(device, acceptedMs),
    roots: rootPin.roots,
    nowMs: () => relay.nowMs(),
    peerMail: new PeerMail({
      ...taking,
      receipts,
      proven: (state, id) => sender.proven(state, id),
      recovery: { answerMissed: (peer, atMs) => later().recovery.answerMissed(peer, atMs) },
    }),
    ownMail: new OwnMail({
      ...{ ...taking, accountState, registers, registerOrders, sentSync, failed, invitedToo: hooks.invited },
      ownEvidence: (said, encoded) =>
        handedOver({ realm: realm.isKnown ? realm.id : undefined, nowMs: relay.nowMs() }, said, encoded),
      groupMoved(group, before) {
        groupMoved(group, before).catch(failed);
      },
      history: {
        take: (body, device) => later().history.take(body, device),
        acknowledged: (body, device) => later().history.acknowledged(body, device),
        missed: (device, atMs) => later().history.missed(device, atMs),
      },
    }),
    unopenedMail: new UnopenedMail(taking),
    gap(missed) {
      later().recovery.skipped();
      hooks.gap(missed);
    },
  });
  return { receipts, repairs, acknowledgements, held, groupMail, inbox };
}
