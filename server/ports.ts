/**
 * What the relay's rules need of the world: storage, bus, sockets, time, chance, keys, log. Each port ships with a
 * contract suite in `test/contract/`, and every adapter passes it; a cluster adapter must fit without touching the rules.
 */

import type { AccountId, AccountRole, ConversationId, DeviceId, FirstContactPolicy } from "@sotto/protocol";

declare const brand: unique symbol;

/**
 * Names one device's queue: account, device and registration id, so that a re-registered device never reads the mail of
 * its predecessor. Built by `mailboxId`.
 */
export type MailboxId = string & { readonly [brand]: "MailboxId" };

/** The mailbox of a registered device. */
export function mailboxId(account: AccountId, device: DeviceId, registrationId: number): MailboxId {
  return `${account}.${device}.${registrationId}` as MailboxId;
}

// ── Storage ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a positive answer of the store survives: `synced-1` power loss of this machine, `synced-2-of-3` loss of any one of three. */
export type Guarantee = "synced-1" | "synced-2-of-3" | "none";

/**
 * Why a store call failed. `unknown`: it may or may not have happened; retry with the same id or revision.
 * `unavailable`: it did not happen. `fatal`: the store must be reopened; a LevelDB relay stops its process.
 */
export class StoreError extends Error {
  override readonly name = "StoreError";

  constructor(
    readonly kind: "unknown" | "unavailable" | "fatal",
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Everything durable. */
export interface Store {
  readonly mail: Mailboxes;
  readonly directory: Directory;
  readonly table: Table;
  readonly logs: Logs;
  /**
   * Opens the engine, checks that its durability settings keep the guarantee, and migrates older formats.
   *
   * @throws StoreError `fatal` if it cannot be opened or was written by a newer version.
   */
  open(): Promise<{ readonly guarantee: Guarantee }>;
  /** Commits what is queued, then closes. Idempotent. */
  close(): Promise<void>;
  /** Settles, with the reason, when the store failed for good; the composition root then stops the process. */
  readonly failed: Promise<StoreError>;
}

/**
 * One envelope to append. `body` is ciphertext and is copied or written before `append` returns to the event loop. Of a
 * request with a shared end it is only the beginning.
 */
export interface AppendRow {
  readonly mailbox: MailboxId;
  readonly body: Uint8Array;
}

/** One send, which is stored whole or not at all. */
export interface AppendRequest {
  /** The 16 bytes that make the send idempotent. */
  readonly messageId: Uint8Array;
  /** 32 bytes that tell a repeat from another send under the same id, and are remembered as long as that; zeros unless given. */
  readonly mark?: Uint8Array | undefined;
  /** The relay's clock at acceptance. */
  readonly acceptedMs: number;
  /**
   * The end that the bodies of all rows have in common. It is stored once, and goes with the last envelope that ends in it;
   * whatever crashes, no earlier and no later. Copied or written as bodies are.
   */
  readonly shared?: Uint8Array | undefined;
  readonly rows: readonly AppendRow[];
  /** Account revisions the caller decided by; if one has moved on, nothing is stored and the answer is `changed`. */
  readonly guards: readonly { readonly account: AccountId; readonly revision: number }[];
  /** The entry a group's log must be at; if it is elsewhere, nothing is stored and the answer is `moved`. */
  readonly logGuard?: { readonly group: ConversationId; readonly seq: number } | undefined;
  /** The most a mailbox may hold, this request's rows included. */
  readonly quota: { readonly envelopes: number; readonly bytes: number };
}

/**
 * What became of a send. `stored` and `repeated` mean that it is on stable storage; `reused`, that another send is, which had
 * its id before.
 */
export type AppendOutcome =
  | { readonly kind: "stored"; readonly cursors: readonly number[] }
  | { readonly kind: "repeated"; readonly acceptedMs: number }
  | { readonly kind: "reused"; readonly acceptedMs: number }
  | { readonly kind: "full"; readonly mailboxes: readonly MailboxId[] }
  | { readonly kind: "noMailbox"; readonly mailboxes: readonly MailboxId[] }
  | { readonly kind: "changed" }
  /** `seq` is where the log is; 0 if there is none. */
  | { readonly kind: "moved"; readonly seq: number };

/** One stored envelope. `body` is whole, however it is stored. */
export interface StoredEnvelope {
  /** Its position in its mailbox: from 1, rising by exactly one. Never compared across mailboxes. */
  readonly cursor: number;
  readonly messageId: Uint8Array;
  readonly acceptedMs: number;
  readonly body: Uint8Array;
}

/** The queues of all devices. Mutations of one mailbox take effect in the order of the calls. */
export interface Mailboxes {
  /**
   * Stores every row of a send, or none.
   *
   * Resolves after the batch is on stable storage. A repeat of a `messageId` within `DEDUPE_MS` (7 days) answers
   * `repeated` with the first time (`reused`, if the mark is another one), also when the first is still being written (then it waits for it). Once a cursor
   * was readable, no lower one newly appears. `assigned` may be called, at most once, while the commit is under way: a
   * relay may push then and answer later. Calls for one mailbox keep its order: after a send that was not announced so,
   * none is until that one is stored. `taken` is called, at most once, when only the disk is waited for: the outcome will
   * be `stored`, `repeated` or `reused`.
   */
  append(
    request: AppendRequest,
    assigned?: (cursors: readonly number[]) => void,
    taken?: () => void,
  ): Promise<AppendOutcome>;
  /**
   * Committed envelopes with cursor > `after`, ascending: at most `count`, and at most `bytes` of bodies but at least
   * one if there is any. `head` is the highest cursor ever committed; nothing is missing up to it iff `!more`.
   */
  read(
    mailbox: MailboxId,
    after: number,
    max: { readonly count: number; readonly bytes: number },
  ): Promise<{ readonly items: readonly StoredEnvelope[]; readonly more: boolean; readonly head: number }>;
  /**
   * Deletes everything up to `upTo` and the cursors in `also`. Idempotent and monotonic: a lower `upTo` or an unknown
   * cursor changes nothing. Resolves when the deletion is durable.
   */
  acknowledge(mailbox: MailboxId, upTo: number, also: readonly number[]): Promise<void>;
  /** The highest committed cursor of each mailbox; one that does not exist is absent. */
  heads(mailboxes: readonly MailboxId[]): Promise<ReadonlyMap<MailboxId, number>>;
  /** Creates an empty mailbox; false if it exists. */
  create(mailbox: MailboxId): Promise<boolean>;
  /** Deletes a mailbox, its mail and its prekeys. Idempotent. */
  drop(mailbox: MailboxId): Promise<void>;
  /** Deletes envelopes accepted before `beforeMs` and forgotten dedupe rows, in bounded batches; answers how many envelopes went. */
  expire(beforeMs: number, signal: AbortSignalLike): Promise<number>;
}

/** The two kinds of one-time prekey. */
export type PrekeyKind = "curve" | "kyber";

/** Account documents and one-time prekeys. */
export interface Directory {
  /** The account's document and revision, never a stale one on the node that wrote it. */
  account(account: AccountId): Promise<{ readonly revision: number; readonly document: Uint8Array } | undefined>;
  /**
   * Writes an account's document if its revision is still the one given (`undefined` = must not exist); a document of
   * `undefined` deletes it. Exactly one of several concurrent callers with the same revision wins. Revisions of one
   * account never repeat, also across deletion.
   */
  compareAndSet(
    account: AccountId,
    revision: number | undefined,
    document: Uint8Array | undefined,
  ): Promise<{ readonly won: boolean; readonly revision: number | undefined }>;
  /**
   * Appends one-time keys. Ids of one mailbox and kind only ever rise: an id not above the highest ever added is
   * ignored, so that a key once taken can never come back. Keys beyond `max` held are ignored. Answers how many are held.
   */
  addPrekeys(
    mailbox: MailboxId,
    kind: PrekeyKind,
    keys: readonly { readonly id: number; readonly key: Uint8Array }[],
    max: number,
  ): Promise<number>;
  /** Takes the oldest one-time key for ever: whatever crashes, no key is returned twice. `undefined` if none is left. */
  takePrekey(
    mailbox: MailboxId,
    kind: PrekeyKind,
  ): Promise<{ readonly id: number; readonly key: Uint8Array; readonly left: number } | undefined>;
  /** How many one-time keys of a kind are held. */
  countPrekeys(mailbox: MailboxId, kind: PrekeyKind): Promise<number>;
  /** The highest id of a kind ever added, taken and discarded keys included; 0 if there was none. */
  highestPrekey(mailbox: MailboxId, kind: PrekeyKind): Promise<number>;
  /**
   * Deletes the one-time keys with an id below `below`; ids ever added stay remembered. Idempotent; once it resolved,
   * none of them is taken any more, whatever crashes.
   */
  discardPrekeys(mailbox: MailboxId, kind: PrekeyKind, below: number): Promise<void>;
}

/** Small rows with compare-and-set, by bucket and key (user to account, strangers' first contacts, spent grants). */
export interface Table {
  get(bucket: string, key: string): Promise<{ readonly revision: number; readonly value: Uint8Array } | undefined>;
  /** As `Directory.compareAndSet`. An expired row counts as absent. */
  compareAndSet(
    bucket: string,
    key: string,
    revision: number | undefined,
    value: Uint8Array | undefined,
    ttlMs?: number,
  ): Promise<{ readonly won: boolean; readonly revision: number | undefined }>;
  /** True for exactly one caller until the entry expires. */
  spendOnce(bucket: string, key: string, ttlMs: number): Promise<boolean>;
}

/** One entry of a group's log. Numbers rise by one from 1. */
export interface LogEntry {
  readonly seq: number;
  /** The relay's clock when it was appended; never less than the entry before it. */
  readonly acceptedMs: number;
  readonly entry: Uint8Array;
}

/** The head of a log: its last number, and a document of the rules' own that changes with it. */
export interface LogHead {
  readonly seq: number;
  readonly document: Uint8Array;
  /** Bytes and number of the entries that are stored. */
  readonly bytes: number;
  readonly entries: number;
}

/** The append-only logs of groups. Mutations of one log take effect in the order of the calls. */
export interface Logs {
  /** The head of a log, never a stale one on the node that wrote it; `undefined` if there is none. */
  head(group: ConversationId): Promise<LogHead | undefined>;
  /**
   * Appends an entry behind number `expectedSeq`, 0 for a new log, and replaces the document, in one commit. Exactly one of
   * several concurrent callers with the same number wins. Resolves once it is on stable storage; `moved` says where the log
   * is instead (0 = there is none).
   */
  append(append: {
    readonly group: ConversationId;
    readonly expectedSeq: number;
    readonly acceptedMs: number;
    readonly entry: Uint8Array;
    readonly document: Uint8Array;
  }): Promise<
    { readonly kind: "appended"; readonly acceptedMs: number } | { readonly kind: "moved"; readonly seq: number }
  >;
  /** Committed entries with `after` < number <= `upTo`, ascending, at most `count`, and at most `bytes` but at least one. Deleted ones are left out. */
  read(
    group: ConversationId,
    range: { readonly after: number; readonly upTo: number },
    max: { readonly count: number; readonly bytes: number },
  ): Promise<readonly LogEntry[]>;
  /** The checkpoint that was left last; `undefined` if none was. */
  checkpoint(group: ConversationId): Promise<{ readonly seq: number; readonly body: Uint8Array } | undefined>;
  /**
   * Replaces the checkpoint and the document, and deletes entries below number `deleteBelow` but those in `keep`, in one
   * commit. The log must be at `expectedSeq` still; false if it is not, and nothing changed.
   */
  putCheckpoint(put: {
    readonly group: ConversationId;
    readonly expectedSeq: number;
    readonly seq: number;
    readonly body: Uint8Array;
    readonly document: Uint8Array;
    readonly deleteBelow: number;
    readonly keep: readonly number[];
  }): Promise<boolean>;
  /** Deletes a log that nothing was appended to since `beforeMs`, in bounded batches; answers how many went. */
  expire(beforeMs: number, signal: AbortSignalLike): Promise<number>;
}

// ── Blobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Names a blob: 32 hex digits, so that no name is a path. Built by `parseBlobId`. */
export type BlobId = string & { readonly [brand]: "BlobId" };

/** The blob of this name; `undefined` if it is none: anything but 32 lower-case hex digits. */
export function parseBlobId(name: string): BlobId | undefined {
  return /^[0-9a-f]{32}$/.test(name) ? (name as BlobId) : undefined;
}

/** What is known of a blob. It is complete, and may be read, when `offset` is `lengthBytes`. */
export interface BlobState {
  readonly lengthBytes: number;
  /** Bytes that are on stable storage, and survive whatever crashes. */
  readonly offset: number;
  readonly expiresMs: number;
}

/** Takes the bytes of one append. */
export interface BlobAppend {
  /** Resolves when the next bytes may come; what was written may be lost until `commit`. @throws BlobError full, or `corrupt` beyond the length. */
  write(bytes: Uint8Array): Promise<void>;
  /** Puts everything written on stable storage, also if the peer went before the end. Answers the offset. Ends the append. Idempotent. */
  commit(): Promise<number>;
  /** Ends the append, and keeps no more of it than is durable already. Idempotent. */
  discard(): Promise<void>;
}

/**
 * Why a blob call failed: `full` = there is no room; `corrupt` = what is stored is not what was written, and nothing of it
 * is handed out; `unavailable` = the storage does not answer now.
 */
export class BlobError extends Error {
  override readonly name = "BlobError";

  constructor(
    readonly kind: "full" | "corrupt" | "unavailable",
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Ciphertext blobs: what is uploaded piece by piece, and read in ranges once it is whole. Of gigabytes, in constant memory. */
export interface Blobs {
  /** Opens the storage, and finds out what is durable of every unfinished blob. @throws BlobError unavailable. */
  open(): Promise<void>;
  /**
   * Begins an empty blob, durably. `unfinishedMs` is when it is deleted unless it is complete by then.
   *
   * @throws BlobError full if the storage would hold more than it may with all that was begun.
   */
  create(
    id: BlobId,
    blob: { readonly lengthBytes: number; readonly expiresMs: number; readonly unfinishedMs: number },
  ): Promise<"created" | "exists">;
  /** `undefined` if there is none. One that is corrupt counts as none. */
  find(id: BlobId): Promise<BlobState | undefined>;
  /**
   * Begins to append behind `offset`. `moved` says where it is instead; `busy`: another append is under way; `undefined`: there
   * is none.
   */
  append(
    id: BlobId,
    offset: number,
  ): Promise<
    | { readonly kind: "append"; readonly append: BlobAppend }
    | { readonly kind: "moved"; readonly offset: number }
    | { readonly kind: "busy" }
    | undefined
  >;
  /**
   * The bytes from `from` to before `to` of a complete blob, in pieces. Each was compared with what was written before it is
   * handed out. A reader that was begun before a deletion may go on or throw. @throws BlobError corrupt, unavailable.
   */
  read(id: BlobId, range: { readonly from: number; readonly to: number }): AsyncIterable<Uint8Array>;
  /** Deletes a blob, durably, whatever its state. Idempotent. */
  delete(id: BlobId): Promise<void>;
  /** Deletes what expired, unfinished ones whose time ran out, and files that belong to no blob; answers how many blobs went. */
  expire(nowMs: number, signal: AbortSignalLike): Promise<number>;
  /** Bytes held and promised, and the most there may be. */
  usage(): { readonly bytes: number; readonly maxBytes: number };
  /** Ends appends as `commit` does, then closes. Idempotent. */
  close(): Promise<void>;
}

// ── Bus ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A word to whoever holds a device's connection. Lost without harm, except that an ephemeral envelope is then gone. */
export type Notice =
  | { readonly kind: "mail"; readonly envelope: StoredEnvelope }
  | {
      readonly kind: "ephemeral";
      readonly messageId: Uint8Array;
      readonly acceptedMs: number;
      readonly body: Uint8Array;
    }
  | { readonly kind: "keysLow"; readonly oneTimeCount: number; readonly kyberCount: number }
  | { readonly kind: "mailboxFull" }
  /** The devices of the account are others now; which, the document says. */
  | { readonly kind: "devicesChanged" }
  | { readonly kind: "deviceLimit" }
  /** The desk has something for the account. */
  | { readonly kind: "deskNotes" }
  /** The realm document is another one now. */
  | { readonly kind: "realmChanged" }
  | { readonly kind: "displaced" }
  | { readonly kind: "revoked" };

/** Wakes connections, here or on another node. At most once, unordered between senders, carries no truth. */
export interface Bus {
  /** Hands a notice to the device's present holder. True if one was there on this node. */
  publish(mailbox: MailboxId, notice: Notice): boolean;
  /** Makes the caller the device's holder; the former one gets `displaced`. Latest wins, across nodes. */
  attach(mailbox: MailboxId, listener: (notice: Notice) => void): Promise<{ detach(): void }>;
  /** Called after notices may have been lost; holders then compare `heads`. Answers a function that unsubscribes. */
  onGap(listener: () => void): () => void;
}

// ── Transport ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One socket as the rules see it. Every method is safe after the close and then does nothing. */
export interface Connection {
  /** The peer's address, for limiters only; never logged. */
  readonly remoteAddress: string;
  /** Bytes accepted by `send` and not yet taken by the peer. */
  readonly bufferedBytes: number;
  /**
   * Queues one binary message, whose bytes must not change afterwards. A socket that then has more than
   * `maxBufferedBytes` waiting is closed with 4413.
   */
  send(message: Uint8Array): void;
  /** Runs several sends so that they leave in as few packets as possible. */
  cork(sends: () => void): void;
  /**
   * Sends a close frame with one of `closeCodes`, then ends the socket; what waits leaves first, for at most 16 s without
   * progress. Idempotent. The handler hears nothing more but `closed`, which comes after this call has returned.
   */
  close(code: number, reason: string): void;
}

/** What the rules do with one socket. One that throws is logged and closes the socket with 4500. */
export interface ConnectionHandler {
  /**
   * A whole binary message; text closes the socket with 1003. The bytes are the handler's to keep, but share a block of
   * memory with others: copy a part that is to stay for long, and never hand out its `buffer`.
   */
  message(message: Uint8Array): void;
  /** `bufferedBytes` is back at zero after it was above it. */
  drained(): void;
  /** The socket is gone; called exactly once. */
  closed(): void;
}

/** The headers the rules may ask for; a transport hands over no others. */
export const requestHeaders = [
  "authorization",
  "content-type",
  "if-range",
  "range",
  "tus-resumable",
  "upload-defer-length",
  "upload-length",
  "upload-metadata",
  "upload-offset",
] as const;
/** A header the rules may ask for. */
export type RequestHeader = (typeof requestHeaders)[number];

/** One HTTP request. */
export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly remoteAddress: string;
  /** What came in these headers; never logged. One that was not sent, or is empty, is absent. */
  readonly headers: Readonly<Partial<Record<RequestHeader, string>>>;
  /** Only on the paths of `ListenOptions.bodies`, and only if one was announced. */
  readonly body?: HttpBody | undefined;
}

/**
 * The body of a request: its pieces, once, in order. The peer is not read on while nobody takes them. Throws when the peer
 * goes, sends next to nothing for `BODY_STALL_MS`, or ends short of the length. Left alone or broken off, the connection
 * ends behind the answer. Pieces are the taker's to keep.
 */
export interface HttpBody extends AsyncIterable<Uint8Array> {
  /** What `Content-Length` says. */
  readonly lengthBytes: number;
}

/** A body that is made while it is sent: exactly `lengthBytes` in all. The next piece is asked for when the peer took the last. */
export interface HttpStream {
  readonly lengthBytes: number;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/**
 * An answer. The transport adds the length, and sends no body to HEAD. Of a stream that throws the connection is cut, so
 * that nobody takes what came for the whole; where the peer goes, takes next to nothing for `BODY_STALL_MS` or asked by
 * HEAD, the iterator's `return` is called.
 */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | HttpStream;
}

/** What a transport calls. */
export interface TransportHandlers {
  /** A socket opened on the WebSocket path and may be sent to at once; `undefined` refuses it, and it is closed with 4503. */
  connected(connection: Connection): ConnectionHandler | undefined;
  /**
   * Every HTTP request but those the transport answers itself: bodies it does not take (400, 411, 413, 503), preflights,
   * and refused upgrades (404 on another path, 403 to a foreign origin, 400 to a malformed one, 503 when full or draining).
   * One that throws is logged and answered 500; 408 if what it throws is the failure of the body.
   */
  request(request: HttpRequest): Promise<HttpResponse> | HttpResponse;
}

/** Where and how to listen. Bounds hold for every socket. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** The path of the WebSocket, `/v1`. */
  readonly path: string;
  /** A longer message closes the socket with 1009; one longer by more than 64 KiB may end it without a close frame. */
  readonly maxMessageBytes: number;
  /** A socket with more unsent bytes is closed with 4413: its peer does not read. */
  readonly maxBufferedBytes: number;
  /** WebSockets at a time; about as many sockets again may be in the middle of a handshake or request, for 10 s each. */
  readonly maxConnections: number;
  /** Whether the last entry of `X-Forwarded-For` names the peer: only behind a proxy that adds it. */
  readonly peerAddress: "socket" | "forwarded";
  /** Origins a browser page may come from, for HTTP answers and WebSocket upgrades; `*` = any. */
  readonly allowedOrigins: readonly string[];
  /**
   * Paths that begin so take request bodies of up to so many bytes, with a `Content-Length` (else 411; 413 above it), and
   * the methods of tus besides GET and HEAD. Everywhere else a body is answered 413.
   */
  readonly bodies: readonly { readonly prefix: string; readonly maxBytes: number }[];
}

/** A bound port. */
export interface Listening {
  readonly port: number;
  /** Takes no new connections and refuses upgrades with 503; open WebSockets go on. Idempotent. */
  stopAccepting(): void;
  /** Closes every socket with 4503 and the port. Idempotent. */
  close(): Promise<void>;
}

/** A socket server: uWebSockets.js, or node:http with ws. */
export interface Transport {
  readonly name: string;
  /** Binds the port. @throws Error if it cannot be had. */
  listen(options: ListenOptions, handlers: TransportHandlers): Promise<Listening>;
}

// ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Checks and makes signatures. Pure and synchronous. */
export interface Signatures {
  /** XEdDSA by a 33-byte curve key. False for a malformed key or signature. */
  verifyIdentity(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** Ed25519 by a 32-byte key. False for a malformed key or signature. */
  verifyDevice(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** Whether bytes are a curve key of type 05 that parses. */
  isCurveKey(publicKey: Uint8Array): boolean;
  /** Whether bytes are a Kyber-1024 key of type 08 that parses. */
  isKyberKey(publicKey: Uint8Array): boolean;
  /** A sender certificate under the relay's certificate key. */
  issueCertificate(subject: {
    readonly account: AccountId;
    readonly device: DeviceId;
    readonly identityKey: Uint8Array;
    readonly role: AccountRole;
    readonly expiresMs: number;
  }): Uint8Array;
  /** The relay's root public key, 33 bytes. */
  readonly root: Uint8Array;
  /** Whether the protocol's `hashDeliveryKey` of a key is this hash; takes as long whatever the answer. */
  isDeliveryKey(deliveryKey: Uint8Array, hash: Uint8Array): boolean;
  /** Whether the protocol's `accessTag` for this hash begins at `offset` of `tags`; takes as long whatever the answer. */
  isAccessTag(
    of: { readonly messageId: Uint8Array; readonly account: AccountId; readonly hash: Uint8Array },
    tags: Uint8Array,
    offset: number,
  ): boolean;
  /** SHA-256 of a message: of all there are here the fastest, for what strangers may make us hash. */
  readonly sha256: (message: Uint8Array) => Uint8Array;
  /** HMAC-SHA-256 under a secret of this relay, so that what lies on disk does not name a host's users. */
  keyedHash(label: string, text: string): string;
}

/** Checks the host's tokens. */
export interface HostTokens {
  /**
   * The user a token speaks for: issuer, subject, and what it is.
   *
   * @throws SottoError badToken if it is not signed by a configured key, expired, or not meant for this relay.
   */
  verify(token: string): Promise<CertifiedUser>;
}

/** A user as the host names it. */
export interface HostUser {
  readonly issuer: string;
  readonly subject: string;
}

/** A user, and what the host says it is. */
export interface CertifiedUser extends HostUser {
  readonly role: AccountRole;
}

/** The host's word that one of its users may write to another. */
export interface HostGrant {
  readonly from: HostUser;
  readonly to: HostUser;
  /** Why: `mutual_follow`, `connection`, `credit`, whatever the host calls it. */
  readonly basis: string;
  /** Where there is one, the grant is good for one first contact. */
  readonly nonce: string | undefined;
  /** When it is taken no longer, the leeway between clocks included; until then its nonce must be remembered. */
  readonly takenUntilMs: number;
}

/** Checks the host's grants. */
export interface HostGrants {
  /**
   * What a grant says. Whether it was used already is not looked at here.
   *
   * @throws SottoError badGrant if it is not signed by a configured key, expired, not meant for this relay, or on a basis
   * the community does not take.
   */
  verify(grant: string): Promise<HostGrant>;
}

// ── The rest ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The part of `AbortSignal` the rules use; Node's and the browser's fit. */
export interface AbortSignalLike {
  readonly aborted: boolean;
}

/** Time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that never goes back. */
  monotonic(): number;
  /** Calls back once after `delayMs`, unless cancelled. */
  after(delayMs: number, work: () => void): { cancel(): void };
}

/** The event loop. */
export interface EventLoop {
  /** Runs work once the events that are at hand have been taken, before any that come later. Unordered with timers. */
  afterEvents(work: () => void): void;
}

/** Chance. */
export interface Random {
  bytes(size: number): Uint8Array;
}

/** Structured lines. Fields never hold an account, device, address, key or user text. */
export interface Log {
  info(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  /** Somebody should look. */
  warn(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  /** Our bug. */
  error(event: string, cause: unknown, fields?: Readonly<Record<string, string | number | boolean>>): void;
}

/** Counters without identities. Names are rows of `ops/metrics.ts`. */
export interface Metrics {
  count(name: CounterName, label?: string, by?: number): void;
  /** Adds to a gauge; negative to take away. */
  gauge(name: GaugeName, by: number): void;
  observe(name: HistogramName, value: number): void;
}

/** Counters; the label, where one is named, takes few values. */
export type CounterName =
  | "framesReceived" // label: frame type
  | "failuresAnswered" // label: failure code
  | "envelopesAccepted"
  | "envelopesDelivered"
  | "envelopesAcknowledged"
  | "envelopesExpired"
  | "bytesAccepted"
  | "sendsRepeated"
  | "groupSendsAccepted"
  | "groupsCreated"
  | "groupEntriesAppended"
  | "groupCheckpoints"
  | "groupsExpired"
  | "uploads" // label: outcome
  | "downloads" // label: outcome
  | "uploadedBytes"
  | "downloadedBytes"
  | "blobsExpired"
  | "registrations" // label: mode
  | "deskAsks" // label: outcome
  | "reports" // label: outcome
  | "sanctions" // label: kind
  | "stamps"
  | "limited" // label: limiter row
  | "connectionsClosed"; // label: close code

/** Gauges. */
export type GaugeName =
  | "deviceConnections"
  | "anonymousConnections"
  | "greetingConnections"
  | "deskConnections"
  | "reportsWaiting"
  | "blobBytes";

/** Histograms, in seconds. */
export type HistogramName = "acceptSeconds";

// ── What the operator decides ────────────────────────────────────────────────────────────────────────────────────────

/** The rules' settings, typed and in range; the composition root fills them from the one table of settings. */
export interface RelayPolicy {
  /** `open` lets anybody register under any user id: development only. */
  readonly registration: "hostTokens" | "open";
  /** Devices an account may have. */
  readonly deviceLimit: number;
  /** What one mailbox may hold. */
  readonly mailboxQuota: { readonly envelopes: number; readonly bytes: number };
  /** How long unacknowledged mail is kept. */
  readonly envelopeTtlMs: number;
  /** How long a sender certificate is valid, at most 24 h. */
  readonly certificateTtlMs: number;
  /** `keysLow` is sent when a device has fewer one-time keys of a kind. */
  readonly keysLowAt: number;
  /** Every refusal of a send is answered this long after its arrival, whatever its reason. */
  readonly refusalDelayMs: number;
  /** Multiplies every limiter's bucket and refill; 1 in production, more in load tests. */
  readonly limiterScale: number;
  /** The community's floor: an account's own choice counts where it is stricter. */
  readonly firstContactFloor: FirstContactPolicy;
  /** The bases of grants the community takes; none = any. */
  readonly grantBases: readonly string[];
  /** Accounts a group may have, invited ones included. Clients keep to it; the relay refuses sends to more. */
  readonly groupAccounts: number;
  /** Devices one group send may name. */
  readonly groupRecipients: number;
  /** What a group's log may hold; a checkpoint makes room. */
  readonly groupLog: { readonly entries: number; readonly bytes: number };
  /** How long a group's log is kept that nobody appends to. */
  readonly groupTtlMs: number;
  /** Bytes of the largest attachment, before it is padded and sealed. */
  readonly attachmentBytes: number;
  /** Bytes of blobs an account may be granted, counted until they would have expired. */
  readonly attachmentQuotaBytes: number;
  /** How long a whole blob is kept. */
  readonly attachmentTtlMs: number;
  /** How long one that is not whole is kept. */
  readonly uploadTtlMs: number;
  /** The Ed25519 key of the desk; where there is none, nobody is one. */
  readonly deskKey?: Uint8Array | undefined;
  /** What may wait for the desk. */
  readonly reports: { readonly count: number; readonly bytes: number };
}
