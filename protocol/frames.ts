/**
 * The one table of frames. A row is the TypeScript type, the bounded check of raw bytes and the row of PROTOCOL.md.
 *
 * On the wire a frame is the msgpack array `[tag, field, field, …]` in the order of its row. Requests carry an `id` the
 * client chooses, unique among its unanswered ones; the answer repeats it. Tags are never reused.
 */

import { sealedAttachmentSize } from "./attachment/format.js";
import { COMMITMENT_BYTES, STAMP_BYTES } from "./frank/stamp.js";
import { limits } from "./limits.js";
import {
  accountId,
  bytes,
  choice,
  conversationId,
  deviceId,
  type Fields,
  list,
  type ObjectOf,
  optional,
  record,
  text,
  timeMs,
  uint,
} from "./schema/field.js";

/** The version this table describes. A relay and a client of different versions do not talk. */
export const PROTOCOL_VERSION = 1;

/** Who sends a frame. */
export type Direction = "toRelay" | "toClient";

/** On which connections a frame is taken: before the greeting ended, as a device, anonymously, or as the desk. */
export type Stage = "greeting" | "device" | "anonymous" | "desk";

/** One row of the table. */
export interface FrameRow<F extends Fields = Fields> {
  readonly tag: number;
  readonly direction: Direction;
  readonly stages: readonly Stage[];
  readonly doc: string;
  readonly fields: F;
}

const toRelay = <const F extends Fields>(tag: number, stages: readonly Stage[], doc: string, fields: F) =>
  ({ tag, direction: "toRelay", stages, doc, fields }) as const satisfies FrameRow<F>;
const toClient = <const F extends Fields>(tag: number, stages: readonly Stage[], doc: string, fields: F) =>
  ({ tag, direction: "toClient", stages, doc, fields }) as const satisfies FrameRow<F>;

const U32 = 0xffff_ffff;
/** A request's number, chosen by the client. */
const id = uint(U32);
/** The id of a prekey; libsignal keeps them in 24 bits. */
const prekeyId = uint(0xff_ffff, 1);
/** libsignal's registration id: tells a re-registered device from its predecessor. */
const registrationId = uint(0x3fff, 1);
/** A Montgomery public key with libsignal's type byte 05. */
const curveKey = bytes(33);
/** A Kyber-1024 public key with libsignal's type byte 08. */
const kyberKey = bytes(1569);
/** An XEdDSA signature. */
const signature = bytes(64);
const cursor = uint(Number.MAX_SAFE_INTEGER);
const deliveryKey = bytes(16);
const messageId = bytes(16);

const signedPrekey = record({ id: prekeyId, key: curveKey, signature });
const kyberPrekey = record({ id: prekeyId, key: kyberKey, signature });
const oneTimePrekey = record({ id: prekeyId, key: curveKey });
const { value: MAX_ONE_TIME } = limits.oneTimePrekeys;
const { value: MAX_DEVICES } = limits.devicesPerAccount;

/** Bytes of an access tag: the proof, for one account and one send, of who knows that account's delivery key hash. */
export const ACCESS_TAG_BYTES = 8;

const envelope = record({
  device: deviceId,
  registrationId,
  body: bytes(1, limits.ciphertextBytes.value),
});
const deviceList = list(deviceId, MAX_DEVICES);

/** Who may make first contact, from the loosest to the strictest; an account's choice and a community's floor. */
export const firstContactPolicies = ["everyone", "grant", "contacts", "nobody"] as const;
const firstContact = choice(...firstContactPolicies);

/** What an account is, by the host's word: the certificate of everything it sends says so. */
export const accountRoles = ["person", "bot"] as const;
/** What an account is, by the host's word. */
export type AccountRole = (typeof accountRoles)[number];
/** A device's name, sealed by the account's devices for each other; always of one length. */
const sealedName = bytes(limits.sealedNameBytes.value);
/** One device of an account, as its other devices need it to write to it. */
const ownDevice = record({ device: deviceId, registrationId, addedMs: timeMs });
/** One device of an account, as its owner sees it. `seenDay` counts days since 1970 and is no finer. */
const listedDevice = record({
  device: deviceId,
  registrationId,
  addedMs: timeMs,
  seenDay: uint(U32),
  name: optional(sealedName),
});
const listedDevices = list(listedDevice, MAX_DEVICES);
/** One device's published keys. */
const bundle = record({
  device: deviceId,
  registrationId,
  signedPrekey,
  kyberPrekey,
  oneTimePrekey: optional(oneTimePrekey),
});
/** An epoch's Ed25519 keys of a group, as the relay holds them: who holds `accessKey` may read and append, `adminKey` also what needs one. */
const groupAccessKey = bytes(32);
/** An Ed25519 signature by an epoch's access or admin key. */
const accessSignature = bytes(64);
const groupSeq = uint(U32);
const groupEntry = bytes(1, limits.groupEntryBytes.value);
const groupCheckpoint = bytes(1, limits.groupCheckpointBytes.value);
const { value: MAX_GROUP_ACCOUNTS } = limits.groupAccounts;
/** The bytes of the largest blob: chunks and tags of the largest attachment. */
const MAX_BLOB_BYTES = sealedAttachmentSize(limits.attachmentBytes.value);
/** Bytes of the token that allows one upload. */
const UPLOAD_TOKEN_BYTES = 16;
/** What a stored send is known by to the desk, which no one else can tell anything from (PROTOCOL.md, Franking). */
const commitment = bytes(COMMITMENT_BYTES);
const reportId = bytes(16);
const reportLayer = bytes(1, limits.reportLayerBytes.value);
const linkId = bytes(16);
const linkStep = choice("join", "challenge", "approve", "provision");

/** Every frame, by name. */
export const frames = {
  // Greeting
  challenge: toClient(
    1,
    ["greeting"],
    "Opens every connection. `root` is the relay's root public key, `nonce` is what the client's answer signs.",
    {
      version: uint(U32),
      nonce: bytes(32),
      root: curveKey,
      serverTimeMs: timeMs,
      development: choice("off", "on"),
    },
  ),
  authenticate: toRelay(
    2,
    ["greeting"],
    "Proves a registered device: an Ed25519 signature by its authentication key over `authenticationText`. `resume` is the token of this device's last `park`, if it holds one.",
    {
      version: uint(U32),
      account: accountId,
      device: deviceId,
      signature: bytes(64),
      resume: optional(bytes(16)),
    },
  ),
  anonymous: toRelay(
    3,
    ["greeting"],
    "Makes this an anonymous connection: it carries sealed sends and key fetches and is bound to no account.",
    {
      version: uint(U32),
    },
  ),
  register: toRelay(
    4,
    ["greeting"],
    "Registers a device and makes this its connection. Exactly one of `token` (the host's) and `userId` (development mode only). `first` creates the account; `add` joins a device that holds the account's identity key, in the place of the device `replaces` if it is given; `reset` replaces identity and devices. `role` goes with a `userId` only: a token says itself what its user is.",
    {
      version: uint(U32),
      mode: choice("first", "add", "reset"),
      token: optional(text(limits.tokenBytes.value, 1)),
      userId: optional(text(limits.userIdBytes.value, 1)),
      role: optional(choice(...accountRoles)),
      identityKey: curveKey,
      authenticationKey: bytes(32),
      registrationId,
      deliveryKeyHash: bytes(32),
      signedPrekey,
      lastResortPrekey: kyberPrekey,
      name: optional(sealedName),
      replaces: optional(deviceId),
      identitySignature: signature,
      authenticationSignature: bytes(64),
    },
  ),
  welcome: toClient(
    5,
    ["device", "anonymous"],
    "Ends the greeting. On a device's connection it names the device, what the relay holds of its keys and of the account's access, the account's devices, and how far its mailbox and prekey ids ever came, for the drift check. `groupAccounts` and `groupRecipients` are the community's caps: accounts of a group, and devices one group send may name. `resumed` is `yes` if the token given was that of the last `park`, which is then spent.",
    {
      account: optional(accountId),
      device: optional(deviceId),
      keyDigest: optional(bytes(32)),
      accessDigest: optional(bytes(32)),
      oneTimeCount: uint(MAX_ONE_TIME),
      kyberCount: uint(MAX_ONE_TIME),
      highestPrekeyId: uint(0xff_ffff),
      head: cursor,
      resumed: choice("no", "yes"),
      devices: list(ownDevice, MAX_DEVICES),
      groupAccounts: uint(MAX_GROUP_ACCOUNTS),
      groupRecipients: uint(U32),
      serverTimeMs: timeMs,
    },
  ),
  refused: toClient(
    6,
    ["greeting"],
    "The greeting failed; the relay closes behind it. `devices` is filled for `deviceLimit` only.",
    {
      failure: uint(0xffff, 1),
      retryAfterMs: optional(timeMs),
      devices: listedDevices,
    },
  ),

  // Heartbeat and failures
  ping: toRelay(10, ["device", "anonymous", "desk"], "Heartbeat; answered by `pong`.", { id }),
  pong: toClient(11, ["device", "anonymous", "desk"], "Answers `ping`.", { id, serverTimeMs: timeMs }),
  failed: toClient(12, ["device", "anonymous", "desk"], "The request `id` failed; nothing of it took effect.", {
    id,
    failure: uint(0xffff, 1),
    retryAfterMs: optional(timeMs),
  }),
  done: toClient(13, ["device", "anonymous", "desk"], "The request `id` took effect and is on disk.", { id }),

  // Directory and keys
  resolve: toRelay(20, ["device"], "Asks for the account of a host user. Answered by `resolved`.", {
    id,
    userId: text(limits.userIdBytes.value, 1),
  }),
  resolved: toClient(
    21,
    ["device"],
    "The account of the user asked for, what it is by the host's word, and who may make first contact with it, the community's floor included. `bases` are the grounds of grants it takes; none listed = any.",
    {
      id,
      account: accountId,
      role: choice(...accountRoles),
      firstContact,
      bases: list(text(limits.basisBytes.value, 1), limits.bases.value),
    },
  ),
  fetchBundles: toRelay(
    22,
    ["device", "anonymous"],
    "Takes prekey bundles of an account: of the listed devices, or of all if the list is empty. Takes a one-time key of each kind where there is one. On an anonymous connection the delivery key, or the access tag of `fetchContext`, is required. Answered by `bundles`.",
    {
      id,
      account: accountId,
      devices: deviceList,
      deliveryKey: optional(deliveryKey),
      accessTag: optional(bytes(ACCESS_TAG_BYTES)),
    },
  ),
  bundles: toClient(
    23,
    ["device", "anonymous"],
    "The bundles asked for. `kyberPrekey` is the last-resort key when no one-time key is left.",
    {
      id,
      account: accountId,
      identityKey: curveKey,
      devices: list(bundle, MAX_DEVICES),
    },
  ),
  publishKeys: toRelay(
    24,
    ["device"],
    "Adds one-time keys, or replaces all there are, and replaces the signed and the last-resort key where given. Every signature is checked first. Answered by `published`.",
    {
      id,
      oneTime: choice("add", "replace"),
      signedPrekey: optional(signedPrekey),
      lastResortPrekey: optional(kyberPrekey),
      oneTimePrekeys: list(oneTimePrekey, MAX_ONE_TIME),
      kyberPrekeys: list(kyberPrekey, MAX_ONE_TIME),
    },
  ),
  published: toClient(25, ["device"], "What the relay now holds of this device's keys.", {
    id,
    keyDigest: bytes(32),
    oneTimeCount: uint(MAX_ONE_TIME),
    kyberCount: uint(MAX_ONE_TIME),
  }),
  keysLow: toClient(26, ["device"], "Few one-time keys are left; publish more.", {
    oneTimeCount: uint(MAX_ONE_TIME),
    kyberCount: uint(MAX_ONE_TIME),
  }),
  fetchCertificate: toRelay(27, ["device"], "Asks for a sender certificate. Answered by `certificate`.", { id }),
  certificate: toClient(
    28,
    ["device"],
    "A sender certificate for this device, signed under the root of the challenge.",
    {
      id,
      certificate: bytes(1, 1024),
      expiresMs: timeMs,
    },
  ),
  setAccess: toRelay(
    29,
    ["device"],
    "Sets who may write to this account: the hash of its delivery key, who may make first contact, and whom it refuses. Answered by `done`. A delivery key that is replaced is remembered as a former one.",
    {
      id,
      deliveryKeyHash: bytes(32),
      firstContact,
      blocked: list(accountId, limits.blockedAccounts.value),
    },
  ),

  // Devices
  listDevices: toRelay(30, ["device"], "Asks for the devices of this account. Answered by `deviceList`.", { id }),
  deviceList: toClient(31, ["device"], "The devices of this account, this one included.", {
    id,
    devices: listedDevices,
  }),
  revokeDevice: toRelay(
    32,
    ["device"],
    "Removes a device of this account, its mailbox and its keys, closes its connection, and replaces the delivery key it knew, in one step. Answered by `done`.",
    { id, device: deviceId, deliveryKeyHash: bytes(32) },
  ),
  nameDevice: toRelay(33, ["device"], "Sets this device's sealed name. Answered by `done`.", { id, name: sealedName }),
  devicesChanged: toClient(34, ["device"], "The devices of this account changed; these are they now.", {
    devices: list(ownDevice, MAX_DEVICES),
  }),
  deviceLimit: toClient(
    35,
    ["device"],
    "A device with this account's identity key was refused, because the account has as many as it may have.",
    {},
  ),
  park: toRelay(
    36,
    ["device"],
    "Leaves the hash of a token behind, the last thing a device does. One that comes back with the token is in the state it left; any other state is not known to be the newest. Answered by `done`.",
    { id, tokenHash: bytes(32) },
  ),

  // Linking
  openLink: toRelay(
    50,
    ["device"],
    "Opens a rendezvous for one new device of this account, for `linkTtlMs`. Answered by `done`.",
    { id, link: linkId },
  ),
  putLink: toRelay(
    51,
    ["device", "anonymous"],
    "Leaves one step of a link, sealed for the other side; each can be left once. `join` and `approve` come from the new device on an anonymous connection, `challenge` and `provision` from a device of the account that opened the link. Answered by `done`.",
    { id, link: linkId, step: linkStep, body: bytes(1, limits.linkBodyBytes.value) },
  ),
  takeLink: toRelay(52, ["device", "anonymous"], "Asks for a step the other side left. Answered by `linkBody`.", {
    id,
    link: linkId,
    step: linkStep,
  }),
  linkBody: toClient(53, ["device", "anonymous"], "The step asked for; nothing if it was not left yet.", {
    id,
    body: optional(bytes(1, limits.linkBodyBytes.value)),
  }),
  closeLink: toRelay(54, ["device"], "Ends a link of this account. Answered by `done`.", { id, link: linkId }),

  // Groups
  createGroup: toRelay(
    60,
    ["anonymous"],
    "Begins the log of a group with its first entry, number 1, and the keys of its first epoch. Each key signs `groupCreateText`. Idempotent for the same entry. Answered by `groupAppended`, or `failed` with groupExists.",
    {
      id,
      group: conversationId,
      accessKey: groupAccessKey,
      adminKey: groupAccessKey,
      entry: groupEntry,
      accessSignature,
      adminSignature: accessSignature,
    },
  ),
  appendGroup: toRelay(
    61,
    ["anonymous"],
    "Appends one sealed entry behind number `expectedSeq`; if the log is elsewhere, nothing is appended and the answer is `groupMoved`. `signature` is by the access or the admin key of the present epoch over `groupAppendText`; `next`, the keys of the next epoch, needs the admin key's. Idempotent for the same entry. Answered by `groupAppended` or `groupMoved`.",
    {
      id,
      group: conversationId,
      expectedSeq: groupSeq,
      entry: groupEntry,
      next: optional(record({ accessKey: groupAccessKey, adminKey: groupAccessKey })),
      signature: accessSignature,
    },
  ),
  groupAppended: toClient(62, ["anonymous"], "The entry is on disk, under this number.", {
    id,
    seq: groupSeq,
    acceptedMs: timeMs,
  }),
  groupMoved: toClient(63, ["anonymous"], "Nothing was stored: the group's log is at another number.", {
    id,
    seq: groupSeq,
  }),
  readGroup: toRelay(
    64,
    ["anonymous"],
    "Asks for the entries behind number `after`, with the newest checkpoint if `after` is 0 or lies before what is still kept. `signature` is by an epoch's access key over `groupReadText`, within five minutes of the relay's clock: the present epoch's reads everything, a former one's up to the entry that ended it. Answered by `groupEntries`.",
    { id, group: conversationId, after: groupSeq, atMs: timeMs, signature: accessSignature },
  ),
  groupEntries: toClient(
    65,
    ["anonymous"],
    "Entries in order, as many as fit; `head` is the last number there is for this reader. Where entries are missing before the first one, the checkpoint stands for them; entries that ended an epoch are kept.",
    {
      id,
      head: groupSeq,
      checkpoint: optional(record({ seq: groupSeq, body: groupCheckpoint })),
      entries: list(
        record({ seq: groupSeq, acceptedMs: timeMs, entry: groupEntry }),
        limits.groupEntriesPerFrame.value,
      ),
    },
  ),
  putCheckpoint: toRelay(
    66,
    ["anonymous"],
    "Leaves the sealed state of a group up to entry number `seq`, which is in the log and names its hash. Older entries may be deleted then. `signature` is by the present epoch's admin key over `groupCheckpointText`. Answered by `done`.",
    { id, group: conversationId, seq: groupSeq, body: groupCheckpoint, signature: accessSignature },
  ),

  // Mail
  send: toRelay(
    40,
    ["device", "anonymous"],
    "Sends envelopes to every device of the named accounts, all or none; of the sender's own account also to `listed` ones only. On an anonymous connection each account needs its delivery key, or the access tag that members of its groups can make. On a device's connection a former delivery key will do where the account's policy takes former contacts, and a send without one is an identified first contact: one message for each pair of accounts, and a few repairs. Idempotent on `messageId`. Ephemeral envelopes are never stored. `commitment` is there of what is stored and of nothing else; what bears no frank has a random one. Answered by `accepted`, `deviceMismatch` or `failed`.",
    {
      id,
      messageId,
      storage: choice("stored", "ephemeral"),
      commitment: optional(commitment),
      urgency: choice("normal", "urgent"),
      purpose: choice("message", "repair"),
      wantBundles: choice("no", "yes"),
      recipients: list(
        record({
          account: accountId,
          deliveryKey: optional(deliveryKey),
          accessTag: optional(bytes(ACCESS_TAG_BYTES)),
          grant: optional(text(limits.grantBytes.value, 1)),
          scope: choice("all", "listed"),
          envelopes: list(envelope, MAX_DEVICES),
        }),
        limits.accountsPerSend.value,
        1,
      ),
    },
  ),
  accepted: toClient(
    41,
    ["device", "anonymous"],
    "Every envelope of the request is on disk (or, if ephemeral, was handed on). A repeat gets the first time. `stamps` are the relay's on the commitment: one for each account of a `send`, in its order; one for the group of a `sendGroup`; none of what is ephemeral, nor of another send under an id that was used before.",
    {
      id,
      acceptedMs: timeMs,
      stamps: list(bytes(STAMP_BYTES), limits.accountsPerSend.value),
    },
  ),
  deviceMismatch: toClient(
    42,
    ["device", "anonymous"],
    "Nothing was stored: the device lists are wrong. One answer for all accounts of the request, with the bundles of missing and stale devices if the send wanted them, of at most `accountsPerSend` accounts. `denied` names accounts of a group send that its access tags are not good for, whatever the reason.",
    {
      id,
      accounts: list(
        record({ account: accountId, missing: deviceList, extra: deviceList, stale: deviceList }),
        MAX_GROUP_ACCOUNTS,
      ),
      denied: list(accountId, MAX_GROUP_ACCOUNTS),
      bundles: list(
        record({ account: accountId, identityKey: curveKey, devices: list(bundle, MAX_DEVICES) }),
        limits.accountsPerSend.value,
      ),
    },
  ),
  deliver: toClient(
    43,
    ["device"],
    "One envelope of the mailbox. Cursors rise, live by one, in a backlog with gaps where mail was acknowledged singly or expired; 0 marks an ephemeral envelope, which is not acknowledged. `commitment` and `stamp` are there of what was stored.",
    {
      cursor,
      messageId,
      acceptedMs: timeMs,
      commitment: optional(commitment),
      stamp: optional(bytes(STAMP_BYTES)),
      body: bytes(1, limits.ciphertextBytes.value),
    },
  ),
  acknowledge: toRelay(
    44,
    ["device"],
    "Deletes everything up to `upTo`, and the listed cursors beyond it. Sent only after the device's own durable commit. Not answered.",
    {
      upTo: cursor,
      also: list(cursor, limits.acksPerFrame.value),
    },
  ),
  queueEmpty: toClient(
    45,
    ["device"],
    "Everything stored before this connection began has been delivered; live from here.",
    {},
  ),
  sendGroup: toRelay(
    47,
    ["anonymous"],
    "Sends one message to all devices of a group's accounts, all or none, as a multi-recipient sealed message (PROTOCOL.md, multi-recipient messages), whose payload is stored once. `signature` is by the access key of the group's present epoch over `groupSendText`; if the log is not at `revision` any more, nothing is stored and the answer is `groupMoved`. `accessTags` holds one tag for each account, in the order of the message. `commitment` as in `send`. Idempotent on `messageId`. Answered by `accepted`, `deviceMismatch`, `groupMoved` or `failed`.",
    {
      id,
      messageId,
      storage: choice("stored", "ephemeral"),
      commitment: optional(commitment),
      urgency: choice("normal", "urgent"),
      wantBundles: choice("no", "yes"),
      group: conversationId,
      revision: groupSeq,
      signature: accessSignature,
      accessTags: bytes(ACCESS_TAG_BYTES, ACCESS_TAG_BYTES * MAX_GROUP_ACCOUNTS),
      message: bytes(1, limits.groupMessageBytes.value),
    },
  ),
  requestUpload: toRelay(
    70,
    ["device"],
    "Asks for leave to upload one blob of `bytes`, which count against the account's room. The token names nobody: the upload itself is made by HTTP, and does not say whose it is. Answered by `uploadGranted`.",
    { id, bytes: uint(MAX_BLOB_BYTES, 1) },
  ),
  uploadGranted: toClient(
    71,
    ["device"],
    "Leave to create one upload of as many bytes as were asked for, until `expiresMs`; the token goes into its `Authorization` header.",
    { id, token: bytes(UPLOAD_TOKEN_BYTES), expiresMs: timeMs },
  ),
  // Reports and the desk
  fetchRealm: toRelay(
    80,
    ["device"],
    "Asks what the relay serves of its realm, unless the hash of that is `known`. Answered by `realm`.",
    { id, known: optional(bytes(32)) },
  ),
  realm: toClient(
    81,
    ["device"],
    "The realm document; nothing if it is the one that is known. `available` says whether there is one, and whether the desk is there.",
    { id, document: optional(bytes(1, limits.realmBytes.value)), available: choice("no", "yes", "deskAway") },
  ),
  askDesk: toRelay(
    82,
    ["device"],
    "Asks the desk something; the relay adds which device asks. Answered by `deskAnswer`, or `failed` with busy while the desk is away.",
    { id, body: bytes(1, limits.deskAskBytes.value) },
  ),
  deskAnswer: toClient(83, ["device"], "What the desk answers.", {
    id,
    body: bytes(1, limits.deskAnswerBytes.value),
  }),
  submitReport: toRelay(
    84,
    ["device"],
    "Leaves a report for the desk: two sealed layers, kept until the desk has them. Idempotent on `report`. Answered by `done`.",
    { id, report: reportId, heads: reportLayer, words: reportLayer },
  ),
  deskNews: toClient(85, ["device"], "The desk has something new for this account, or of the realm.", {
    news: choice("notes", "realm"),
  }),
  deskAuthenticate: toRelay(
    90,
    ["greeting"],
    "Proves the desk: an Ed25519 signature over `deskText`, by the key the relay was given as its desk's. A newer connection of the desk displaces the older. Answered by `deskWelcome`.",
    { version: uint(U32), key: bytes(32), signature: bytes(64) },
  ),
  deskWelcome: toClient(91, ["desk"], "Ends the greeting of the desk.", { serverTimeMs: timeMs }),
  deskAsked: toClient(92, ["desk"], "A device asks the desk. Answered by `deskAnswered` with the same number.", {
    ask: uint(U32),
    account: accountId,
    device: deviceId,
    body: bytes(1, limits.deskAskBytes.value),
  }),
  deskAnswered: toRelay(93, ["desk"], "Answers `deskAsked`. Not answered itself.", {
    ask: uint(U32),
    body: bytes(1, limits.deskAnswerBytes.value),
  }),
  putRealm: toRelay(94, ["desk"], "Replaces the realm document, which devices are told of. Answered by `done`.", {
    id,
    document: bytes(1, limits.realmBytes.value),
  }),
  fetchStampKeys: toRelay(
    95,
    ["desk"],
    "Asks for the stamp keys of an epoch and later ones. Answered by `stampKeys`.",
    {
      id,
      from: uint(U32),
    },
  ),
  stampKeys: toClient(
    96,
    ["desk"],
    "The stamp keys the relay has made, ascending; it makes those of the present and the next epoch.",
    {
      id,
      keys: list(record({ epoch: uint(U32), key: bytes(32) }), 64),
    },
  ),
  fetchReports: toRelay(97, ["desk"], "Asks for reports behind a number. Answered by `reports`.", {
    id,
    after: cursor,
  }),
  reports: toClient(
    98,
    ["desk"],
    "Reports in order, as many as fit into a frame; `more` if there are others behind them.",
    {
      id,
      reports: list(
        record({
          seq: cursor,
          report: reportId,
          reporter: accountId,
          receivedMs: timeMs,
          heads: reportLayer,
          words: reportLayer,
        }),
        16,
      ),
      more: choice("no", "yes"),
    },
  ),
  acknowledgeReports: toRelay(
    99,
    ["desk"],
    "Deletes reports up to a number: the desk has them on disk. Answered by `done`.",
    {
      id,
      upTo: cursor,
    },
  ),
  reportsWaiting: toClient(100, ["desk"], "There are reports to fetch.", {}),
  enforce: toRelay(
    101,
    ["desk"],
    "Carries out a sanction (PROTOCOL.md, Desk), signed by the desk's key. Idempotent on its id. Answered by `done`.",
    { id, sanction: bytes(1, 1_024) },
  ),
  notify: toRelay(
    102,
    ["desk"],
    "Tells the devices of an account that are online that the desk has something for it. Answered by `done`.",
    {
      id,
      account: accountId,
    },
  ),
  mailboxFull: toClient(
    46,
    ["device"],
    "Mail for this device was refused because its mailbox is full. Nothing stored was dropped.",
    {},
  ),
} as const satisfies Record<string, FrameRow>;

/** Who may make first contact. */
export type FirstContactPolicy = (typeof firstContactPolicies)[number];

/** The name of a frame. */
export type FrameName = keyof typeof frames;

type FieldsOf<Name extends FrameName> = (typeof frames)[Name]["fields"];

/** A frame of one name, or of one of several: `type` and the row's fields. */
export type Frame<Name extends FrameName = FrameName> = {
  [N in Name]: { readonly type: N } & ObjectOf<FieldsOf<N>>;
}[Name];

type NamesTo<D extends Direction> = {
  [Name in FrameName]: (typeof frames)[Name]["direction"] extends D ? Name : never;
}[FrameName];

/** Frames a client sends. */
export type FrameToRelay = Frame<NamesTo<"toRelay">>;
/** Frames a relay sends. */
export type FrameToClient = Frame<NamesTo<"toClient">>;
