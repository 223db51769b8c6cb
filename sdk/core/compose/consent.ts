/** Wires who may write to whom: what the relay is told, how relations move, and what an app decides. */

import { Access } from "../consent/access.js";
import { Arrivals } from "../consent/arrivals.js";
import { Consent } from "../consent/consent.js";
import { Introductions } from "../consent/introductions.js";
import { Names } from "../consent/names.js";
import { Invited } from "../groups/invited.js";
import type { ConsentRoom, DevicesRoom, Ground, GroupsRoom, LinkRoom, OutboxRoom } from "./parts.js";

/** The room of consent. */
export function wireConsent(before: Ground & LinkRoom & GroupsRoom & OutboxRoom & DevicesRoom): ConsentRoom {
  const { platform, store, account, peers, locks, counters, conversations, shown, hooks, later } = before;
  const { relay, groupLogs, outbox, ownDevices, firstState, accountState } = before;
  const { clock, random } = platform;
  const { failed, requestsChanged, asked, contact, refused } = hooks;
  const repair = () => later().repairs.wake();

  const access = new Access({
    ...{ store, account, random, clock, outbox, relay, failed },
    otherDevices: () => ownDevices.others.length,
    tellOwn: () => accountState.queue({ own: "own", contacts: [] }),
    confirmed() {
      outbox.wake();
      groupLogs.wake();
    },
  });
  const names = new Names({ store, peers, locks, relay });
  const invited = new Invited({ store, account, clock, shown, logs: groupLogs, invited: hooks.invited });
  const introductions = new Introductions({
    ...{ account, clock, conversations, failed },
    others: () => ownDevices.others,
    say: (state, saying) => void later().sender.say(state, async () => saying),
  });
  const arrivals = new Arrivals({
    ...{ store, clock, counters, repair, requestsChanged, asked, contact, refused },
    introduce: (peer) => introductions.answered(peer),
  });
  const consent = new Consent({
    ...{ store, account, peers, locks, clock, arrivals, conversations, outbox, access },
    ...{ repair, requestsChanged },
    introduce: (peer) => introductions.made(peer),
    known: () => firstState.known(),
    owe: (content) => later().receipts.owe(content),
    owed: () => later().receipts.wake(),
    tellOwn: (contacts) => accountState.queue({ contacts }),
  });
  return { names, invited, access, introductions, arrivals, consent };
}
