/** Wires everything that arrives: what opens it, who takes it, and what is owed for it. */

import type { ConversationState } from "../conversations/conversations.js";
import type { Telling } from "../conversations/incoming.js";
import { Acknowledgements } from "../inbox/acknowledgements.js";
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
  Ground,
  InboxRoom,
  LinkRoom,
  OutboxRoom,
  SessionsRoom,
} from "./parts.js";

/** The room of the inbox. */
export function wireInbox(
  before: Ground & LinkRoom & SessionsRoom & OutboxRoom & DevicesRoom & ConsentRoom & ConversationsRoom,
): InboxRoom {
  const { platform, store, engine, account, rootPin, locks, counters, peers, conversations, handles } = before;
  const { relay, sessions, former, identityChanges, keptSends, outbox, accountState, arrivals, confirmations } = before;
  const { ownDevices, firstState, sender } = before;
  const { hooks, later } = before;
  const { clock, log } = platform;
  const { arrived, failed } = hooks;

  const receipts = new Receipts({
    ...{ store, clock, failed },
    confirm: async (peer, targets, paid) => confirmations.delivered(await conversations.of(peer), targets, paid),
  });
  const repairs = new Repairs({
    ...{ store, account, peers, clock, counters, conversations, locks, failed, sessions, outbox },
    isOnline: () => relay.device.state === "ready",
  });
  const resends = new Resends({ account, counters, keptSends, outbox });
  const acknowledgements = new Acknowledgements((upTo) => relay.device.acknowledge(upTo, []));

  const tell = (state: ConversationState, telling: Telling) => {
    if (telling.type === "receipt") handles.delivered(state.timeline.id, telling.detail.messageId, telling.detail);
    state.tell(telling);
  };
  const waiting = new Waiting({ store, clock });
  const taking = {
    ...{ store, account, peers, locks, conversations, arrivals, repairs, resends, waiting, counters, clock },
    ...{ firstState, tell, arrived },
  };
  const inbox = new Inbox({
    ...{ store, account, peers, engine, locks, identityChanges, acknowledgements, counters, log, failed },
    former,
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
      ...taking,
      accountState,
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
  return { receipts, repairs, acknowledgements, inbox };
}
