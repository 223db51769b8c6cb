/** Wires everything that leaves: the outbox, what it keeps for repairs, and what the end of a row sets off. */

import { Grants } from "../consent/grants.js";
import { KeptSends } from "../outbox/kept-sends.js";
import { Outbox, type OutboxParts } from "../outbox/outbox.js";
import { settle } from "../outbox/settling.js";
import type { StoreChange } from "../ports.js";
import type { FrankingRoom, Ground, GroupsRoom, LinkRoom, OutboxRoom, SessionsRoom } from "./parts.js";

/** The room of the outbox. */
export function wireOutbox(before: Ground & LinkRoom & SessionsRoom & FrankingRoom & GroupsRoom): OutboxRoom {
  const { platform, options, store, account, peers, locks, counters, conversations, handles, later } = before;
  const { sessions, relay, franker, groupLogs, fellows, groupDispatch } = before;
  const { clock, random } = platform;
  const { failed } = before.hooks;
  const keptSends = new KeptSends({ store, clock, failed });
  const grants = new Grants({
    hook: options.grant,
    signal: options.signal,
    userIdOf: async (peer) => (await peers.get(peer)).userId,
  });

  const settled: OutboxParts["settled"] = async (row, outcome) => {
    const { sentSync, consent, registerOrders } = later();
    const settling = { conversations, handles, locks, sentSync };
    if (outcome.kind === "accepted") return settle(settling, row, outcome);
    if (row.type === "registers") return registerOrders.givenUp(row, outcome);
    await consent.givenUp(row, outcome.error, (takenBack) => {
      const commit = (changes: readonly StoreChange[]) => outcome.commit([...changes, ...takenBack]);
      return settle(settling, row, { ...outcome, commit });
    });
  };

  const outbox = new Outbox({
    ...{ store, account, peers, sessions, relay, locks, clock, random, counters, keptSends, grants, failed },
    ...{ franker, fellows, groupDispatch, logs: groupLogs },
    accountState: { filled: (body) => later().accountState.filled(body) },
    registerOrders: { filled: (body) => later().registerOrders.filled(body) },
    askTime: () => relay.askTime(),
    isStateAwaited: () => later().firstState.isAwaited,
    handedOut: () => later().access.handedOut(),
    settled,
  });
  return { keptSends, grants, outbox };
}
