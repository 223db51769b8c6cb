/** Wires history for a new device, and what makes a restored copy safe again. */

import { HistoryExport } from "../history/export.js";
import { History } from "../history/history.js";
import { HistoryImport } from "../history/import.js";
import { MissedWords } from "../history/missed-words.js";
import { Recovery } from "../history/recovery.js";
import type {
  DevicesRoom,
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
  before: Ground & LinkRoom & SessionsRoom & GroupsRoom & OutboxRoom & DevicesRoom & InboxRoom,
): HistoryRoom {
  const { platform, store, account, locks, peers, conversations, hooks } = before;
  const { relay, former, senderKeys, outbox, keptSends, ownDevices, inbox } = before;
  const { clock, random } = platform;
  const { arrived, failed, restoring, gap, transfer } = hooks;
  const me = account.id;

  const words = new MissedWords({ store, me, clock, peers, conversations, outbox, keptSends });
  const recovery = new Recovery({
    ...{ store, account, clock, random, conversations, former, senderKeys, words, relay, inbox, restoring, gap },
  });
  const history = new History({
    ...{ store, me, clock, random, outbox, failed, transfer },
    exporter: new HistoryExport(store),
    importer: new HistoryImport({ store, me, conversations, peers, locks, arrived }),
    isOwn: (device) => ownDevices.others.includes(device),
  });
  return { recovery, history };
}
