/** Wires history for a new device, and what makes a restored copy safe again. */

import { handedOver } from "../franking/handed-over.js";
import { HistoryExport } from "../history/export.js";
import { History } from "../history/history.js";
import { HistoryImport } from "../history/import.js";
import { MissedWords } from "../history/missed-words.js";
import { Recovery } from "../history/recovery.js";
import type {
  ConversationsRoom,
  DevicesRoom,
  FrankingRoom,
  Ground,
  GroupsRoom,
  HistoryRoom,
  InboxRoom,
  LinkRoom,
  OutboxRoom,
  SessionsRoom,
} from "./parts.js";

/** The room of history. */
export function wireHistory(
  before: Ground &
    LinkRoom &
    SessionsRoom &
    FrankingRoom &
    GroupsRoom &
    OutboxRoom &
    DevicesRoom &
    ConversationsRoom &
    InboxRoom,
): HistoryRoom {
  const { platform, store, account, locks, peers, conversations, hooks } = before;
  const { relay, realm, evidence, former, senderKeys, outbox, keptSends, ownDevices, inbox, disappearing } = before;
  const { clock, random } = platform;
  const { arrived, failed, restoring, gap, transfer } = hooks;
  const me = account.id;

  const words = new MissedWords({ store, me, clock, peers, conversations, outbox, keptSends });
  const recovery = new Recovery({
    ...{ store, account, clock, random, conversations, former, senderKeys, words, relay, inbox, restoring, gap },
  });
  const exporter = new HistoryExport(store, evidence);
  const history = new History({
    ...{ store, me, clock, random, outbox, failed, transfer },
    exporter,
    // What is over goes to no other device.
    still: (work) => disappearing.still(work),
    importer: new HistoryImport({
      ...{ store, me, conversations, peers, locks, evidence, arrived },
      handedOver: (said, encoded) =>
        handedOver({ realm: realm.isKnown ? realm.id : undefined, nowMs: relay.nowMs() }, said, encoded),
    }),
    isOwn: (device) => ownDevices.others.includes(device),
  });
  return { recovery, history };
}
