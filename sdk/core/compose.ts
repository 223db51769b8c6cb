/** Puts a registered client's parts together. The only file of the core that knows them all. */

import { type AccountId, type Frame, SottoError } from "@sotto/protocol";
import { Certificates } from "./account/certificates.js";
import type { OwnAccount } from "./account/own-account.js";
import { Prekeys } from "./account/prekeys.js";
import { Access } from "./consent/access.js";
import { Arrivals } from "./consent/arrivals.js";
import { Consent } from "./consent/consent.js";
import { Grants } from "./consent/grants.js";
import type { Refused } from "./consent/judge.js";
import { type ConversationState, Conversations } from "./conversations/conversations.js";
import { Handles } from "./conversations/handles.js";
import type { Telling } from "./conversations/incoming.js";
import { Sender } from "./conversations/sender.js";
import { Typing } from "./conversations/typing.js";
import { Counters } from "./counters.js";
import { AccountState } from "./devices/account-state.js";
import { Devices } from "./devices/devices.js";
import { KeyHandover } from "./devices/key-handover.js";
import { OwnDevices } from "./devices/own-devices.js";
import { SentSync } from "./devices/sent-sync.js";
import { isFatal } from "./fatal.js";
import { HistoryExport } from "./history/export.js";
import { FormerSessions } from "./history/former-sessions.js";
import { History, type TransferProgress } from "./history/history.js";
import { HistoryImport } from "./history/import.js";
import { MissedWords } from "./history/missed-words.js";
import { Recovery } from "./history/recovery.js";
import { Acknowledgements } from "./inbox/acknowledgements.js";
import { Inbox } from "./inbox/inbox.js";
import { OwnMail } from "./inbox/own-mail.js";
import { PeerMail } from "./inbox/peer-mail.js";
import { Receipts } from "./inbox/receipts.js";
import { Repairs } from "./inbox/repairs.js";
import { UnopenedMail } from "./inbox/unopened-mail.js";
import { Waiting } from "./inbox/waiting.js";
import { KeyedLock } from "./keyed-lock.js";
import type { LinkState } from "./link/relay-link.js";
import type { CheckedOptions } from "./options.js";
import { KeptSends } from "./outbox/kept-sends.js";
import { Outbox } from "./outbox/outbox.js";
import { settle } from "./outbox/settling.js";
import type { Engine, Platform, StoreChange } from "./ports.js";
import { Relay } from "./relay.js";
import { IdentityChanges } from "./sessions/identity-changes.js";
import { Peers } from "./sessions/peers.js";
import { Sessions } from "./sessions/sessions.js";
import type { SealedStore } from "./storage/sealed-store.js";
import type { RootPin } from "./trust/root-pin.js";
import { Trust } from "./trust/trust.js";

/** What a client is made from. */
export interface Ingredients {
  readonly platform: Platform;
  readonly options: CheckedOptions;
  readonly store: SealedStore;
  readonly engine: Engine;
  readonly account: OwnAccount;
  readonly rootPin: RootPin;
}

/** What the parts tell the client. */
export interface ClientHooks {
  arrived(state: ConversationState, sequence: number): void;
  keyChanged(account: AccountId): void;
  gap(missed: number): void;
  /** History came or went. */
  transfer(progress: TransferProgress): void;
  /** State may have been lost and is repaired before anything is sent. */
  restoring(): void;
  mailboxFull(): void;
  /** Somebody asks, and it is durable. */
  asked(account: AccountId): void;
  /** Somebody is a contact now, by their word or that of another device of this account. */
  contact(account: AccountId): void;
  /** Requests came or went. */
  requestsChanged(): void;
  /** Something of somebody who may not say it was dropped. */
  refused(account: AccountId, what: Refused): void;
  devicesChanged(): void;
  deviceLimit(): void;
  linkChanged(state: LinkState, reason: SottoError | undefined): void;
  /** A part failed in a way after which the client must end. */
  failed(error: unknown): void;
}

/** A client's parts. */
export interface ClientParts extends Ingredients {
  readonly locks: KeyedLock;
  readonly counters: Counters;
  readonly peers: Peers;
  readonly conversations: Conversations;
  readonly handles: Handles;
  readonly relay: Relay;
  readonly sessions: Sessions;
  readonly outbox: Outbox;
  readonly keptSends: KeptSends;
  readonly sender: Sender;
  readonly typing: Typing;
  readonly trust: Trust;
  readonly receipts: Receipts;
  readonly repairs: Repairs;
  readonly inbox: Inbox;
  readonly devices: Devices;
  readonly accountState: AccountState;
  readonly arrivals: Arrivals;
  readonly consent: Consent;
  readonly access: Access;
  readonly grants: Grants;
  readonly history: History;
  readonly recovery: Recovery;
}

/** Composes the parts and loads what an earlier run left. Nothing is connected yet. */
export async function compose(ingredients: Ingredients, hooks: ClientHooks): Promise<ClientParts> {
  const { platform, options, store, engine, account, rootPin } = ingredients;
  const { clock, random, log, dial, deviceKeys, cipher } = platform;
  const { failed, arrived } = hooks;
  const locks = new KeyedLock();
  const counters = new Counters();
  const peers = new Peers(store);
  const conversations = new Conversations(store, account);
  const handles = new Handles();
  const prekeys = new Prekeys({ store, account, engine, clock });

  const relay: Relay = new Relay({
    url: options.relay,
    plaintext: options.plaintext,
    dial,
    clock,
    random,
    log,
    deviceKeys,
    checkRoot: rootPin.check,
    account: account.id,
    device: account.device,
    devicePrivate: account.current.devicePrivate,
    resume: () => recovery.takeResume(),
    beforeReady: (welcome) => recovery.beforeReady(welcome),
    onReady(welcome) {
      acknowledgements.connected();
      devices.heard();
      ownDevices.heard(welcome.devices);
      ownDevices.settled().then(() => history.wake(), failed);
      keepKeysUp(welcome);
      access.welcomed(welcome);
      outbox.wake();
      repairs.wake();
    },
    onPush(frame) {
      if (frame.type === "deliver") inbox.deliver(frame);
      else if (frame.type === "keysLow") keepKeysUp(frame);
      else if (frame.type === "mailboxFull") hooks.mailboxFull();
      else if (frame.type === "queueEmpty") {
        access.queueEmpty();
        recovery.queueEmpty().catch(failed);
      } else if (frame.type === "deviceLimit") hooks.deviceLimit();
      else if (frame.type === "devicesChanged") {
        devices.heard();
        ownDevices.heard(frame.devices);
      }
    },
    onState: (state, reason) => hooks.linkChanged(state, reason),
    onAnonymousReady: () => outbox.wake(),
  });
  const keepKeysUp = (seen: Frame<"welcome"> | Frame<"keysLow">) => {
    prekeys.keepUp(relay, seen).catch((error: unknown) => {
      // What the relay refused or lost is made up for at the next welcome.
      if (isFatal(error)) failed(error);
      else log("warn", "prekeys not published", { code: error instanceof SottoError ? error.code : "unknown" });
    });
  };

  const former = new FormerSessions({ store, engine, clock });
  const certificates = new Certificates(store, relay);
  const identityChanges = new IdentityChanges({ store, conversations, clock, keyChanged: hooks.keyChanged });
  const sessions = new Sessions({ store, account, peers, engine, relay, certificates, locks, identityChanges });
  const keptSends = new KeptSends({ store, clock, failed });
  const grants = new Grants({
    hook: options.grant,
    signal: options.signal,
    userIdOf: async (peer) => (await peers.get(peer)).userId,
  });
  const outbox: Outbox = new Outbox({
    ...{ store, account, peers, sessions, relay, locks, clock, random, counters, keptSends, failed },
    grants,
    accountState: { filled: (body) => accountState.filled(body) },
    handedOut: () => access.handedOut(),
    async settled(row, outcome) {
      const settling = { conversations, handles, locks, sentSync };
      if (outcome.kind === "accepted") return settle(settling, row, outcome);
      await consent.givenUp(row, outcome.error, (takenBack) => {
        const commit = (changes: readonly StoreChange[]) => outcome.commit([...changes, ...takenBack]);
        return settle(settling, row, { ...outcome, commit });
      });
    },
  });
  const others = () => ownDevices.others;
  const sentSync = new SentSync({ store, account, outbox, keptSends, others });
  const keyHandover = new KeyHandover({ store, account, peers, outbox, keptSends, nowMs: () => relay.nowMs() });
  const accountState: AccountState = new AccountState({
    ...{ store, account, peers, locks, outbox, others },
    arrivals: { moved: (before, after) => arrivals.moved(before, after) },
    accessMerged({ profileKey }) {
      void access.apply();
      if (profileKey === "other") keyHandover.adopted().catch(failed);
    },
  });
  const ownDevices: OwnDevices = new OwnDevices({
    ...{ store, account, peers, locks, failed },
    async serve({ device, addedMs }) {
      await accountState.serve(device);
      await sentSync.serve(device, addedMs);
    },
    onChanged() {
      history.wake();
      hooks.devicesChanged();
    },
  });
  const access: Access = new Access({
    ...{ store, account, random, clock, outbox, relay, failed },
    otherDevices: () => ownDevices.others.length,
    tellOwn: () => accountState.queue({ own: "own", contacts: [] }),
  });
  const introduce = (peer: AccountId) => {
    const { name } = account.current;
    if (name === undefined) return;
    conversations.of(peer).then((state) => sender.say(state, async () => ({ kind: "profile", name })), failed);
  };
  const isLowest = () => ownDevices.others.every((device) => device > account.device);
  const arrivals: Arrivals = new Arrivals({
    ...{ store, clock, counters },
    introduce: (peer) => isLowest() && introduce(peer),
    repair: () => repairs.wake(),
    requestsChanged: hooks.requestsChanged,
    asked: hooks.asked,
    contact: hooks.contact,
    refused: hooks.refused,
  });
  const consent: Consent = new Consent({
    ...{ store, account, peers, locks, clock, arrivals, conversations, outbox, access, introduce },
    owe: (content) => receipts.owe(content),
    owed: () => receipts.wake(),
    tellOwn: (contacts) => accountState.queue({ contacts }),
    repair: () => repairs.wake(),
    requestsChanged: hooks.requestsChanged,
  });
  const sender: Sender = new Sender({
    store,
    account,
    peers,
    consent,
    outbox,
    handles,
    locks,
    clock,
    random,
    arrived,
    failed,
  });
  const typing = new Typing({ store, peers, sessions, relay, sender, clock, random, failed });
  const receipts: Receipts = new Receipts({
    store,
    clock,
    failed,
    confirm: async (peer, targets, paid) => sender.confirm(await conversations.of(peer), targets, paid),
  });
  const repairs = new Repairs({
    ...{ store, account, peers, clock, counters, conversations, locks, failed, sessions, keptSends, outbox },
    isOnline: () => relay.device.state === "ready",
  });
  const acknowledgements = new Acknowledgements((upTo) => relay.device.acknowledge(upTo, []));
  const tell = (state: ConversationState, telling: Telling) => {
    if (telling.type === "receipt") handles.delivered(state.timeline.id, telling.detail.messageId, telling.detail);
    state.tell(telling);
  };
  const waiting = new Waiting({ store, clock });
  const taking = {
    store,
    account,
    peers,
    locks,
    conversations,
    arrivals,
    repairs,
    waiting,
    counters,
    clock,
    tell,
    arrived,
  };
  const inbox: Inbox = new Inbox({
    ...{ store, account, peers, engine, locks, identityChanges, acknowledgements, counters, log, failed },
    decrypt: (records, unsealed) => former.decrypt(records, unsealed),
    roots: rootPin.roots,
    nowMs: () => relay.nowMs(),
    peerMail: new PeerMail({
      ...taking,
      receipts,
      recovery: { answerMissed: (peer, atMs) => recovery.answerMissed(peer, atMs) },
    }),
    ownMail: new OwnMail({
      ...taking,
      accountState,
      history: {
        take: (body, device) => history.take(body, device),
        acknowledged: (body, device) => history.acknowledged(body, device),
        missed: (device, atMs) => history.missed(device, atMs),
      },
    }),
    unopenedMail: new UnopenedMail(taking),
    gap(missed) {
      recovery.skipped();
      hooks.gap(missed);
    },
  });
  const words = new MissedWords({ me: account.id, clock, peers, conversations, outbox, keptSends });
  const recovery: Recovery = new Recovery({
    ...{ store, account, clock, random, conversations, former, words, relay, inbox },
    restoring: hooks.restoring,
    gap: hooks.gap,
  });
  const history: History = new History({
    ...{ store, me: account.id, clock, random, outbox, failed },
    exporter: new HistoryExport(store),
    importer: new HistoryImport({ store, me: account.id, conversations, peers, locks, arrived }),
    isOwn: (device) => ownDevices.others.includes(device),
    transfer: hooks.transfer,
  });
  const trust = new Trust({ store, account, peers, engine, locks });
  const devices = new Devices({
    ...{ store, account, engine, cipher, clock, random, address: options.relay, relay: relay.device },
    rotate: () => access.rotate(),
    noted: () => ownDevices.settled(),
    sendHistory: (device) => void history.start(device, 0).catch(failed),
  });

  await Promise.all([former.load(), history.load(), recovery.load()]);
  await Promise.all([outbox.load(), receipts.load(), inbox.load(), ownDevices.load()]);
  receipts.wake();
  store.failed.then(failed, failed);
  return {
    ...ingredients,
    ...{ locks, counters, peers, conversations, handles, relay, sessions, outbox, sender, typing, trust },
    ...{ receipts, repairs, inbox, keptSends, devices, arrivals, consent, access, grants, accountState },
    ...{ history, recovery },
  };
}

/** Ends the parts in an order that loses nothing: what was said is durable before the store closes. */
export async function closeParts(parts: ClientParts): Promise<void> {
  await parts.sender.settled();
  parts.devices.close();
  parts.access.close();
  // What the relay delivers now comes again to the next client.
  parts.inbox.close();
  parts.history.close();
  parts.outbox.close();
  parts.keptSends.close();
  parts.receipts.close();
  parts.repairs.close();
  await parts.inbox.settled();
  // From here on nothing encrypts or decrypts, so this state is the newest there will be.
  await parts.locks.close();
  // Without a token the next client starts as after a crash; nothing else depends on it.
  await parts.recovery.park().catch(() => undefined);
  parts.relay.close();
  parts.handles.close(new SottoError("closed"));
  parts.conversations.close();
  await parts.store.close();
}
