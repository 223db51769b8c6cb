/** What a client consists of, room by room, in the order in which `compose.ts` wires them. */

import type { Certificates } from "../account/certificates.js";
import type { OwnAccount } from "../account/own-account.js";
import type { Prekeys } from "../account/prekeys.js";
import type { Attachments } from "../attachments/attachments.js";
import type { Uploads } from "../attachments/uploads.js";
import type { Access } from "../consent/access.js";
import type { Arrivals } from "../consent/arrivals.js";
import type { Consent } from "../consent/consent.js";
import type { Grants } from "../consent/grants.js";
import type { Introductions } from "../consent/introductions.js";
import type { Names } from "../consent/names.js";
import type { Confirmations } from "../conversations/confirmations.js";
import type { Conversations } from "../conversations/conversations.js";
import type { Handles } from "../conversations/handles.js";
import type { Seen } from "../conversations/seen.js";
import type { Sender } from "../conversations/sender.js";
import type { Typing } from "../conversations/typing.js";
import type { Counters } from "../counters.js";
import type { AccountState } from "../devices/account-state.js";
import type { Devices } from "../devices/devices.js";
import type { FirstState } from "../devices/first-state.js";
import type { KeyHandover } from "../devices/key-handover.js";
import type { OwnDevices } from "../devices/own-devices.js";
import type { SentSync } from "../devices/sent-sync.js";
import type { Disappearing } from "../disappearing/disappearing.js";
import type { Checking } from "../franking/checking.js";
import type { DeskAsks } from "../franking/desk-asks.js";
import type { EvidenceRows } from "../franking/evidence.js";
import type { EvidenceUpkeep } from "../franking/evidence-upkeep.js";
import type { Franker } from "../franking/franker.js";
import type { Realm } from "../franking/realm.js";
import type { RelayCheck } from "../franking/relay-check.js";
import type { Rosters } from "../franking/rosters.js";
import type { Tokens } from "../franking/tokens.js";
import type { Invited } from "../groups/invited.js";
import type { GroupLogs } from "../groups/log/group-logs.js";
import type { Fellows } from "../groups/sending/fellows.js";
import type { GroupDispatch } from "../groups/sending/group-dispatch.js";
import type { SenderKeys } from "../groups/sending/sender-keys.js";
import type { Shown } from "../groups/shown.js";
import type { Statements } from "../groups/statements.js";
import type { History } from "../history/history.js";
import type { Recovery } from "../history/recovery.js";
import type { Acknowledgements } from "../inbox/acknowledgements.js";
import type { GroupMail } from "../inbox/group-mail.js";
import type { HeldMail } from "../inbox/held-mail.js";
import type { Inbox } from "../inbox/inbox.js";
import type { Receipts } from "../inbox/receipts.js";
import type { Repairs } from "../inbox/repairs.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { CheckedOptions } from "../options.js";
import type { KeptSends } from "../outbox/kept-sends.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Engine, Platform } from "../ports.js";
import type { Labels } from "../registers/labels.js";
import type { QuickReplies } from "../registers/quick-replies.js";
import type { RegisterOrders } from "../registers/register-orders.js";
import type { Registers } from "../registers/registers.js";
import type { Relay } from "../relay.js";
import type { DeskNotes } from "../reports/desk-notes.js";
import type { Moderation } from "../reports/moderation.js";
import type { Reports } from "../reports/reports.js";
import type { ReportSending } from "../reports/sending.js";
import type { SearchIndex } from "../search/search-index.js";
import type { FormerSessions } from "../sessions/former-sessions.js";
import type { IdentityChanges } from "../sessions/identity-changes.js";
import type { Peers } from "../sessions/peers.js";
import type { Roles } from "../sessions/roles.js";
import type { Sessions } from "../sessions/sessions.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { RootPin } from "../trust/root-pin.js";
import type { Trust } from "../trust/trust.js";
import type { ClientHooks } from "./hooks.js";

/** What a client is made from. */
export interface Ingredients {
  readonly platform: Platform;
  readonly options: CheckedOptions;
  readonly store: SealedStore;
  readonly engine: Engine;
  readonly account: OwnAccount;
  readonly rootPin: RootPin;
}

/**
 * All parts, for a part that calls one wired after it. Everything else is handed over when it is made: each `later()` is
 * one arrow that points backwards.
 *
 * @throws if it is called while parts are still being made.
 */
export type Later = () => ClientParts;

/** What every room stands on. */
export interface Ground extends Ingredients {
  readonly hooks: ClientHooks;
  readonly later: Later;
  readonly locks: KeyedLock;
  readonly counters: Counters;
  readonly peers: Peers;
  readonly roles: Roles;
  readonly conversations: Conversations;
  readonly searchIndex: SearchIndex;
  readonly shown: Shown;
  readonly handles: Handles;
}

/** The connections to the relay, and the keys it holds for others. */
export interface LinkRoom {
  readonly prekeys: Prekeys;
  readonly relay: Relay;
}

/** What goes to the relay and comes from it in files. */
export interface AttachmentsRoom {
  readonly uploads: Uploads;
  readonly attachments: Attachments;
}

/** Encryption to accounts, and whose identity it trusts. */
export interface SessionsRoom {
  readonly certificates: Certificates;
  readonly former: FormerSessions;
  readonly identityChanges: IdentityChanges;
  readonly sessions: Sessions;
  readonly trust: Trust;
}

/** What makes messages ones that can be reported, and what is kept of those that are. */
export interface FrankingRoom {
  readonly realm: Realm;
  readonly deskAsks: DeskAsks;
  readonly tokens: Tokens;
  readonly rosters: Rosters;
  readonly evidence: EvidenceRows;
  readonly checking: Checking;
  readonly franker: Franker;
  readonly seen: Seen;
}

/** What this account reports, and what moderators write to it. */
export interface ReportsRoom {
  readonly reportSending: ReportSending;
  readonly deskNotes: DeskNotes;
  readonly reports: Reports;
  readonly moderation: Moderation;
  readonly relayCheck: RelayCheck;
}

/** The logs of groups, and who is written to in them. */
export interface GroupsRoom {
  readonly groupLogs: GroupLogs;
  readonly senderKeys: SenderKeys;
  readonly fellows: Fellows;
  readonly groupDispatch: GroupDispatch;
}

/** Everything that leaves. */
export interface OutboxRoom {
  readonly keptSends: KeptSends;
  readonly grants: Grants;
  readonly outbox: Outbox;
}

/** This account's devices, and what they tell each other. */
export interface DevicesRoom {
  readonly ownDevices: OwnDevices;
  readonly firstState: FirstState;
  readonly sentSync: SentSync;
  readonly accountState: AccountState;
  readonly keyHandover: KeyHandover;
  readonly devices: Devices;
}

/** What devices of this account note for themselves. */
export interface RegistersRoom {
  readonly registers: Registers;
  readonly registerOrders: RegisterOrders;
  readonly quickReplies: QuickReplies;
  readonly labels: Labels;
}

/** Who may write to whom. */
export interface ConsentRoom {
  readonly names: Names;
  readonly invited: Invited;
  readonly access: Access;
  readonly introductions: Introductions;
  readonly arrivals: Arrivals;
  readonly consent: Consent;
}

/** What an app says. */
export interface ConversationsRoom {
  readonly disappearing: Disappearing;
  readonly evidenceUpkeep: EvidenceUpkeep;
  readonly statements: Statements;
  readonly sender: Sender;
  readonly confirmations: Confirmations;
  readonly typing: Typing;
}

/** Everything that arrives. */
export interface InboxRoom {
  readonly receipts: Receipts;
  readonly repairs: Repairs;
  readonly acknowledgements: Acknowledgements;
  readonly held: HeldMail;
  readonly groupMail: GroupMail;
  readonly inbox: Inbox;
}

/** What a new device is given, and what a restored one lost. */
export interface HistoryRoom {
  readonly recovery: Recovery;
  readonly history: History;
}

/** A client's parts. */
export interface ClientParts
  extends Ground,
    LinkRoom,
    AttachmentsRoom,
    SessionsRoom,
    FrankingRoom,
    ReportsRoom,
    GroupsRoom,
    OutboxRoom,
    DevicesRoom,
    RegistersRoom,
    ConsentRoom,
    ConversationsRoom,
    InboxRoom,
    HistoryRoom {}
