/** Puts a registered client's parts together. The only file of the core that knows them all. */

import { type AccountId, decodeContent, type Frame, SottoError } from "@sotto/protocol";
import { Certificates } from "./account/certificates.js";
import type { OwnAccount } from "./account/own-account.js";
import { Prekeys } from "./account/prekeys.js";
import { movesOn } from "./conversations/content-writer.js";
import { type ConversationState, Conversations } from "./conversations/conversations.js";
import { Handles } from "./conversations/handles.js";
import { cursorOf } from "./conversations/items.js";
import { Sender } from "./conversations/sender.js";
import { Typing } from "./conversations/typing.js";
import { Counters } from "./counters.js";
import { isFatal } from "./fatal.js";
import { Acknowledgements } from "./inbox/acknowledgements.js";
import { Inbox } from "./inbox/inbox.js";
import { Receipts } from "./inbox/receipts.js";
import { Repairs } from "./inbox/repairs.js";
import { KeyedLock } from "./keyed-lock.js";
import type { LinkState } from "./link/relay-link.js";
import type { CheckedOptions } from "./options.js";
import { KeptSends } from "./outbox/kept-sends.js";
import { Outbox, type Settled } from "./outbox/outbox.js";
import type { Engine, Platform } from "./ports.js";
import { Relay } from "./relay.js";
import type { Row } from "./rows.js";
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
  mailboxFull(): void;
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
}

/** Composes the parts and loads what an earlier run left. Nothing is connected yet. */
export async function compose(ingredients: Ingredients, hooks: ClientHooks): Promise<ClientParts> {
  const { platform, options, store, engine, account, rootPin } = ingredients;
  const { clock, random, log, dial, deviceKeys } = platform;
  const { failed, arrived } = hooks;
  const locks = new KeyedLock();
  const counters = new Counters();
  const peers = new Peers(store);
  const conversations = new Conversations(store, account);
  const handles = new Handles();
  const prekeys = new Prekeys({ store, account, engine, clock });

  const relay = new Relay({
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
    onReady(welcome) {
      acknowledgements.connected();
      keepKeysUp(welcome);
      outbox.wake();
      repairs.wake();
    },
    onPush(frame) {
      if (frame.type === "deliver") inbox.deliver(frame);
      else if (frame.type === "keysLow") keepKeysUp(frame);
      else if (frame.type === "mailboxFull") hooks.mailboxFull();
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

  const certificates = new Certificates(store, relay);
  const identityChanges = new IdentityChanges({ store, conversations, clock, keyChanged: hooks.keyChanged });
  const sessions = new Sessions({ store, account, peers, engine, relay, certificates, locks, identityChanges });
  const keptSends = new KeptSends({ store, clock, failed });
  const outbox = new Outbox({
    ...{ store, account, peers, sessions, relay, locks, clock, random, counters, keptSends, failed },
    settled: (row, outcome) => settle({ conversations, handles, locks }, row, outcome),
  });
  const sender = new Sender({ store, account, outbox, handles, locks, clock, random, arrived, failed });
  const typing = new Typing({ store, account, peers, sessions, relay, sender, clock, random, failed });
  const receipts = new Receipts({
    store,
    clock,
    failed,
    confirm: async (peer, targets, paid) => sender.confirm(await conversations.of(peer), targets, paid),
  });
  const repairs = new Repairs({
    ...{ store, clock, counters, conversations, locks, failed, sessions, keptSends },
    room: () => outbox.room,
    queue(word) {
      const { recipient, type } = word;
      return type === "resend"
        ? outbox.queue({ recipient, type, envelopes: [word.envelope], content: word.content })
        : outbox.queue({ recipient, type, envelopes: word.envelopes });
    },
    isOnline: () => relay.device.state === "ready",
  });
  const acknowledgements = new Acknowledgements((upTo) => relay.device.acknowledge(upTo, []));
  const inbox = new Inbox({
    ...{
      store,
      account,
      peers,
      engine,
      locks,
      identityChanges,
      conversations,
      receipts,
      repairs,
      counters,
      clock,
      log,
    },
    acknowledgements,
    roots: rootPin.roots,
    nowMs: () => relay.nowMs(),
    tell(state, telling) {
      if (telling.type === "receipt") handles.delivered(state.timeline.id, telling.detail.messageId, telling.detail);
      state.tell(telling);
    },
    arrived,
    gap: hooks.gap,
    failed,
  });
  const trust = new Trust({ store, account, peers, engine, locks });

  await Promise.all([outbox.load(), receipts.load(), inbox.load()]);
  receipts.wake();
  store.failed.then(failed, failed);
  return {
    ...ingredients,
    ...{ locks, counters, peers, conversations, handles, relay, sessions, outbox, sender, typing, trust },
    ...{ receipts, repairs, inbox, keptSends },
  };
}

/** Ends the parts in an order that loses nothing: what was said is durable before the store closes. */
export async function closeParts(parts: ClientParts): Promise<void> {
  await parts.sender.settled();
  parts.relay.close();
  parts.outbox.close();
  parts.keptSends.close();
  parts.receipts.close();
  parts.repairs.close();
  await parts.inbox.settled();
  parts.handles.close(new SottoError("closed"));
  parts.conversations.close();
  await parts.store.close();
}

/** Moves an item's status on when its outbox row was accepted or given up, in the same commit. */
async function settle(
  { conversations, handles, locks }: Pick<ClientParts, "conversations" | "handles" | "locks">,
  row: Row<"outbox">,
  { kind, atMs, error, commit }: Settled,
): Promise<void> {
  const { sequence } = row;
  if (sequence === undefined) return commit([]);
  const state = await conversations.of(row.recipient);
  const { timeline } = state;
  const { durable } = await locks.run(Conversations.lockKey(state), async () => {
    const item = await timeline.row(sequence);
    // A receipt may have come before the relay's answer: then the item is further than that already.
    const isBehind = item !== undefined && (kind === "failed" || movesOn(item.status, kind));
    const changes = isBehind ? [timeline.replace(sequence, { ...item, status: kind, failure: error?.code })] : [];
    return { durable: commit(changes) };
  });
  await durable;
  const { messageId } = decodeContent(row.content);
  if (kind === "accepted") handles.accepted(timeline.id, messageId, { atMs });
  else handles.failed(timeline.id, messageId, error ?? new SottoError("expired"));
  state.tell({ type: "changed", detail: { cursor: cursorOf(sequence) } });
}
