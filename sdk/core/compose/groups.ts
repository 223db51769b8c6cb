/** Wires groups: their logs, who is written to in them, and what a change of one means in the other rooms. */

import { groupItems } from "../conversations/group-items.js";
import { type GroupChanged, GroupLogs } from "../groups/log/group-logs.js";
import { Distributions } from "../groups/sending/distributions.js";
import { Fellows } from "../groups/sending/fellows.js";
import { GroupDispatch } from "../groups/sending/group-dispatch.js";
import { KeySharing } from "../groups/sending/key-sharing.js";
import { SenderKeys } from "../groups/sending/sender-keys.js";
import { both, type Plan } from "../inbox/plan.js";
import type { FrankingRoom, Ground, GroupsRoom, LinkRoom, SessionsRoom } from "./parts.js";

/** The room of the groups. */
export function wireGroups(before: Ground & LinkRoom & SessionsRoom & FrankingRoom): GroupsRoom {
  const { platform, store, account, peers, engine, locks, counters, conversations, shown, hooks, later } = before;
  const { relay, sessions, certificates, franker } = before;
  const { clock, random, cipher, deviceKeys } = platform;
  const { failed } = hooks;
  const nowMs = () => relay.nowMs();

  const consequences = async (changed: GroupChanged): Promise<Plan> => {
    const { id: group } = changed.after;
    const announced = () => {
      later().groupMail.wake(group);
      // Who was no member yet when something of theirs did not open may be asked now.
      later().repairs.wake();
      hooks.groupChanged(group);
    };
    return both(
      await groupItems({ store, conversations, clock }, changed),
      await senderKeys.forget(changed),
      await later().statements.after(changed),
      { build: () => [], after: [announced] },
    );
  };
  const groupLogs = new GroupLogs({
    ...{ store, account, locks, counters, clock, relay, shown, consequences, failed },
    crypto: { engine, cipher, deviceKeys, random },
    outbox: {
      queue: (order) => later().outbox.queue(order),
      vacancy: (count) => later().outbox.vacancy(count),
      get room() {
        return later().outbox.room;
      },
    },
    others: () => later().ownDevices.others,
    maxAccounts: () => relay.groupAccounts(),
    isKeyOut: () => later().access.handedOut() !== undefined,
    async identityOf(other) {
      const known = (await peers.get(other)).identityKey;
      if (known !== undefined) return known;
      await sessions.open(other, []);
      const { identityKey } = await peers.get(other);
      if (identityKey === undefined) throw new Error("a session without an identity");
      return identityKey;
    },
    fork: ({ group }) => hooks.forked(group),
    logGap: ({ group, revision }) => hooks.logGap(group, missing(groupLogs, group, revision)),
  });
  const distributions = new Distributions({ store, account, peers, engine, certificates, random, nowMs });
  const senderKeys = new SenderKeys({ store, account, peers, engine, distributions, clock, counters });
  const fellows = new Fellows({ account, peers, logs: groupLogs, clock });
  const sharing = new KeySharing({
    ...{ store, relay, sessions, fellows, distributions, random, clock, counters },
    keptSends: { keep: (row, accepted) => later().keptSends.keep(row, accepted) },
  });
  const groupDispatch = new GroupDispatch({
    ...{ account, fellows, sessions, distributions, sharing, relay, locks, clock, counters, franker },
    logs: groupLogs,
  });
  return { groupLogs, senderKeys, fellows, groupDispatch };
}

/** How many entries are known to be there and not shown. */
function missing(logs: GroupLogs, group: Parameters<GroupLogs["get"]>[0], revision: number): number {
  return Math.max(0, revision - (logs.get(group)?.state.seq ?? 0));
}
