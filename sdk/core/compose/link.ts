/** Wires the connections to the relay: what every greeting and every push sets off. */

import { type Frame, SottoError } from "@sotto/protocol";
import { Prekeys } from "../account/prekeys.js";
import { isFatal } from "../fatal.js";
import type { Push } from "../link/relay-link.js";
import { Relay } from "../relay.js";
import type { Ground, LinkRoom } from "./parts.js";

/** The room of the connections. Nothing is connected yet. */
export function wireLink(ground: Ground): LinkRoom {
  const { platform, options, store, engine, account, rootPin, hooks, later } = ground;
  const { clock, random, log, dial, deviceKeys } = platform;
  const { failed } = hooks;
  const prekeys = new Prekeys({ store, account, engine, clock });

  const keepKeysUp = (seen: Frame<"welcome"> | Frame<"keysLow">) => {
    prekeys.keepUp(relay, seen).catch((error: unknown) => {
      // What the relay refused or lost is made up for at the next welcome.
      if (isFatal(error)) failed(error);
      else log("warn", "prekeys not published", { code: error instanceof SottoError ? error.code : "unknown" });
    });
  };

  const greeted = (welcome: Frame<"welcome">) => {
    const { acknowledgements, devices, ownDevices, firstState, history, access, outbox, repairs, groupLogs } = later();
    const { realm, tokens, reportSending, deskNotes } = later();
    acknowledgements.connected();
    devices.heard();
    ownDevices.heard(welcome.devices);
    ownDevices.settled().then(() => {
      history.wake();
      // A list that lacks this device says nothing of the others.
      if (ownDevices.addedMs > 0) firstState.heard(ownDevices.others.length);
    }, failed);
    keepKeysUp(welcome);
    access.welcomed(welcome);
    realm.wake();
    tokens.reconsider();
    reportSending.wake();
    deskNotes.wake();
    outbox.wake();
    repairs.wake();
    groupLogs.wake();
  };

  /** A note may say that a mute is over, so both words are looked at. */
  const deskSays = ({ news }: Frame<"deskNews">) => {
    const { realm, tokens, deskNotes } = later();
    if (news === "realm") return realm.wake();
    deskNotes.wake();
    tokens.reconsider();
  };

  const pushed = (frame: Push) => {
    const { inbox, access, recovery, devices, ownDevices } = later();
    switch (frame.type) {
      case "deliver":
        return inbox.deliver(frame);
      case "keysLow":
        return keepKeysUp(frame);
      case "mailboxFull":
        return hooks.mailboxFull();
      case "queueEmpty":
        access.queueEmpty();
        recovery.queueEmpty().catch(failed);
        return;
      case "deviceLimit":
        return hooks.deviceLimit();
      case "deskNews":
        return deskSays(frame);
      case "devicesChanged":
        devices.heard();
        return ownDevices.heard(frame.devices);
    }
  };

  const relay = new Relay({
    ...{ dial, clock, random, log, deviceKeys },
    url: options.relay,
    plaintext: options.plaintext,
    checkRoot: rootPin.check,
    account: account.id,
    device: account.device,
    devicePrivate: account.current.devicePrivate,
    resume: () => later().recovery.takeResume(),
    beforeReady: (welcome) => later().recovery.beforeReady(welcome),
    onReady: greeted,
    onPush: pushed,
    onTime: (serverTimeMs) => later().disappearing.told(serverTimeMs),
    onState(state, reason) {
      hooks.linkChanged(state, reason);
      // What waits hears that nobody takes it any more.
      if (state === "ended") later().outbox.wake();
    },
    onAnonymousReady() {
      later().outbox.wake();
      later().groupLogs.wake();
    },
  });
  return { prekeys, relay };
}
