/** Wires what makes messages ones that can be reported: the realm, the desk, tokens, franks, and the evidence that is kept. */

import type { Verify } from "@sotto/protocol";
import { Seen } from "../conversations/seen.js";
import { Checking } from "../franking/checking.js";
import { DeskAsks } from "../franking/desk-asks.js";
import { EvidenceRows } from "../franking/evidence.js";
import { Franker } from "../franking/franker.js";
import { Realm } from "../franking/realm.js";
import { Rosters } from "../franking/rosters.js";
import { Tokens } from "../franking/tokens.js";
import type { FrankingRoom, Ground, LinkRoom } from "./parts.js";

/** The room of franking. */
export function wireFranking(before: Ground & LinkRoom): FrankingRoom {
  const { platform, options, store, account, engine, rootPin, counters, relay, hooks, later } = before;
  const { clock, random, log, deviceKeys } = platform;
  const { failed } = hooks;
  const verify: Verify = (key, message, signature) => deviceKeys.verify(key, message, signature);
  const nowMs = () => relay.nowMs();
  const speaker = { account: account.id, device: account.device };
  const { auth } = options;

  const realm = new Realm({
    ...{ pinned: options.realm, store, relay, clock, log, counters, verify, failed },
    isDevelopment: () => rootPin.isDevelopment,
    moved() {
      tokens.reconsider();
      later().outbox.wake();
      later().deskNotes.wake();
      later().inbox.wake();
      later().groupMail.start();
    },
  });
  const deskAsks = new DeskAsks({
    ...{ store, account, engine, realm, relay, random },
    hostToken: auth && (() => auth({ signal: options.signal })),
  });
  const tokens = new Tokens({
    ...{ store, speaker, realm, asks: deskAsks, deviceKeys, relay, clock, random, log, counters, failed },
    moved: () => later().outbox.wake(),
  });
  const rosters = new Rosters({
    realm: () => (realm.isKnown ? realm.id : undefined),
    membersAt: (group, revision) => later().groupLogs.membersAt(group, revision),
  });
  const evidence = new EvidenceRows(store);
  const checking = new Checking({
    ...{ realm, rosters, me: account.id, counters, verify, nowMs },
    askTime: () => relay.askTime(),
  });
  const franker = new Franker({
    ...{ store, speaker, realm, tokens, rosters, evidence, random, counters, nowMs },
  });
  const seen = new Seen(store, account.id);
  return { realm, deskAsks, tokens, rosters, evidence, checking, franker, seen };
}
