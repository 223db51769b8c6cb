/** Wires this account's devices: who they are, and what they tell each other. */

import { decodeContent, encodeEvidence } from "@sotto/protocol";
import { AccountState } from "../devices/account-state.js";
import { Devices } from "../devices/devices.js";
import { FirstState } from "../devices/first-state.js";
import { KeyHandover } from "../devices/key-handover.js";
import { OwnDevices } from "../devices/own-devices.js";
import { SentSync } from "../devices/sent-sync.js";
import type { DevicesRoom, FrankingRoom, Ground, GroupsRoom, LinkRoom, OutboxRoom, SessionsRoom } from "./parts.js";

/** The room of the devices. */
export function wireDevices(
  before: Ground & LinkRoom & SessionsRoom & FrankingRoom & GroupsRoom & OutboxRoom,
): DevicesRoom {
  const { platform, options, store, account, peers, roles, locks, engine, relay, former } = before;
  const { outbox, keptSends, evidence, groupLogs, hooks, later } = before;
  const { clock, random, cipher } = platform;
  const { failed } = hooks;

  const ownDevices = new OwnDevices({
    ...{ store, account, peers, locks, former, failed },
    nowMs: () => relay.nowMs(),
    async serve({ device, registrationId, addedMs }) {
      // Before the word that everything was told: until then, mail of groups it never heard of is kept.
      await groupLogs.serve(device);
      await accountState.serve(device);
      await later().registerOrders.serve(device);
      await later().history.joined(device, registrationId);
      await sentSync.serve(device, addedMs);
    },
    onChanged() {
      later().history.wake();
      firstState.heard(ownDevices.others.length);
      hooks.devicesChanged();
    },
  });
  const others = () => ownDevices.others;
  const firstState = new FirstState({
    ...{ store, account, clock, outbox, failed },
    addedMs: () => ownDevices.addedMs,
    told: () => later().access.told(),
  });
  const sentSync = new SentSync({
    ...{ store, account, outbox, keptSends, others },
    async evidenceOf(body) {
      const { conversation, sender, messageId } = decodeContent(body);
      const kept = await evidence.of(conversation, sender, messageId);
      return kept && encodeEvidence(kept.evidence);
    },
  });
  const keyHandover = new KeyHandover({ store, account, peers, outbox, keptSends, nowMs: () => relay.nowMs() });
  const accountState = new AccountState({
    ...{ store, account, peers, roles, locks, outbox, others },
    arrivals: { moved: (before, after) => later().arrivals.moved(before, after) },
    accessMerged({ profileKey }) {
      void later().access.apply();
      if (profileKey === "other") keyHandover.adopted().catch(failed);
      groupLogs.wake();
    },
  });
  const devices = new Devices({
    ...{ store, account, engine, cipher, clock, random, address: options.relay, relay: relay.device },
    rotate: () => later().access.rotate(),
    noted: () => ownDevices.settled(),
    removed: (device) => ownDevices.removed(device),
    wishHistory: (registrationId) => later().history.wish(registrationId),
  });
  return { ownDevices, firstState, sentSync, accountState, keyHandover, devices };
}
