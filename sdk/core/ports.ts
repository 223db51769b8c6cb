/**
 * What the SDK's core needs of its platform: a crypto engine, a store, a socket, time and chance. Each port has a
 * contract suite in `test/contract/`; Node, browsers and React Native differ only in the adapters behind these.
 */

import type { AccountId, AccountRole, DeviceId, Sign } from "@sotto/protocol";

// ── The crypto engine ────────────────────────────────────────────────────────────────────────────────────────────────

/** One device of one account, as sessions are kept for it. */
export interface Address {
  readonly account: AccountId;
  readonly device: DeviceId;
}

/** This account's identity key pair: 33-byte public key of type 05, 32-byte private key. */
export interface IdentityKeys {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** A new prekey: the record to keep, and the public half to publish. */
export interface NewPrekey {
  readonly id: number;
  readonly record: Uint8Array;
  readonly key: Uint8Array;
}

/** A new prekey that the identity signed. */
export interface NewSignedPrekey extends NewPrekey {
  readonly signature: Uint8Array;
}

/** What the relay hands out of one device. */
export interface PrekeyBundle {
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
  readonly signedPrekey: { readonly id: number; readonly key: Uint8Array; readonly signature: Uint8Array };
  readonly kyberPrekey: { readonly id: number; readonly key: Uint8Array; readonly signature: Uint8Array };
  readonly oneTimePrekey?: { readonly id: number; readonly key: Uint8Array } | undefined;
}

/** Where the engine reads records. Each call of the engine reads through one of these and changes nothing itself. */
export interface EngineRecords {
  /** Own identity and registration id. */
  own(): { readonly identity: IdentityKeys; readonly registrationId: number; readonly address: Address };
  /** The identity key held for a peer's account; `undefined` before the first contact. */
  peerIdentity(account: AccountId): Promise<Uint8Array | undefined>;
  session(address: Address): Promise<Uint8Array | undefined>;
  curvePrekey(id: number): Promise<Uint8Array | undefined>;
  signedPrekey(id: number): Promise<Uint8Array | undefined>;
  kyberPrekey(id: number): Promise<{ readonly record: Uint8Array; readonly use: "oneTime" | "lastResort" } | undefined>;
  /** The sender key of a device for one of its distributions: an own one encrypts, another's opens. */
  senderKey(address: Address, distribution: Uint8Array): Promise<Uint8Array | undefined>;
  /** Whether this first message was opened before: the only guard against its replay once its session is gone. */
  lastResortUsed(use: LastResortUse): Promise<boolean>;
}

/** One use of a last-resort key, by key ids and the sender's base key. */
export interface LastResortUse {
  readonly kyberPrekeyId: number;
  readonly signedPrekeyId: number;
  readonly baseKey: Uint8Array;
}

/** One record the engine wants changed. The shell commits all changes of a call in one atomic batch, or none. */
export type EngineChange =
  | { readonly kind: "session"; readonly address: Address; readonly record: Uint8Array }
  | { readonly kind: "peerIdentity"; readonly account: AccountId; readonly key: Uint8Array }
  | {
      readonly kind: "senderKey";
      readonly address: Address;
      readonly distribution: Uint8Array;
      readonly record: Uint8Array;
    }
  | { readonly kind: "curvePrekeyUsed"; readonly id: number }
  | { readonly kind: "kyberPrekeyUsed"; readonly id: number }
  | ({ readonly kind: "lastResortUsed" } & LastResortUse);

/** Why the engine refused; it then changed nothing. `duplicate` = opened before: acknowledge it. */
export type EngineRefusalReason =
  | "invalidSealed" // the outer layer does not open, or the certificate is forged, expired or of another root
  | "selfSend"
  | "untrustedIdentity"
  | "noSession"
  | "noPrekey"
  | "noSenderKey"
  | "duplicate"
  | "invalidMessage"
  | "badSignature"
  | "malformed";

/** The engine's typed refusal. Callers never see a library's own exception. */
export class EngineRefusal extends Error {
  override readonly name = "EngineRefusal";

  constructor(
    readonly reason: EngineRefusalReason,
    options?: { readonly cause?: unknown; readonly missing?: readonly Address[] },
  ) {
    super(`the engine refused: ${reason}`, options);
    this.missing = options?.missing ?? [];
  }

  /** The devices that `encryptToGroup` has no session with. */
  readonly missing: readonly Address[];
}

/** An envelope whose outer layer opened and whose sender certificate is valid. Shows nothing; only `decrypt` takes it. */
export interface Unsealed {
  readonly sender: Address;
  /** The identity key the certificate names. */
  readonly senderIdentity: Uint8Array;
  /** What the certificate says the account is; a role that this version does not know is a bot's. */
  readonly role: AccountRole;
  readonly kind: "prekey" | "signal" | "senderKey";
  /** The 16-byte distribution id that a message under a sender key names; none of the other kinds. */
  readonly distribution?: Uint8Array | undefined;
  /** The 16-byte group id its sender put into the sealed layer, so that what does not open can be placed. */
  readonly group?: Uint8Array | undefined;
  /** The engine's own. */
  readonly inner: unknown;
}

/**
 * The Signal protocol behind one port. Pure: reads records, returns changes, opens no store, reads no clock. Calls that
 * touch one address are serialised by the shell.
 */
export interface Engine {
  readonly name: string;

  generateIdentity(): IdentityKeys;
  /** A registration id, 1..16383. */
  generateRegistrationId(): number;
  generateCurvePrekeys(ids: readonly number[]): readonly NewPrekey[];
  generateSignedPrekey(identity: IdentityKeys, id: number, nowMs: number): NewSignedPrekey;
  generateKyberPrekeys(identity: IdentityKeys, ids: readonly number[], nowMs: number): readonly NewSignedPrekey[];
  /** XEdDSA by the identity key. */
  sign(identity: IdentityKeys, message: Uint8Array): Uint8Array;
  /**
   * X25519 (RFC 7748 §6.1): the 32 bytes that two key pairs of the identity's form agree on. For ephemeral keys only.
   *
   * @throws EngineRefusal malformed for a key that is none, or a public key of low order, with which everybody agrees.
   */
  agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array;

  /**
   * Starts a session with a peer's device from its bundle (PQXDH). A present session is archived.
   *
   * @throws EngineRefusal badSignature, malformed, or untrustedIdentity if the peer's identity differs from the one held.
   */
  startSession(
    records: EngineRecords,
    peer: Address,
    bundle: PrekeyBundle,
    nowMs: number,
  ): Promise<readonly EngineChange[]>;
  /** The registration id of the peer's device if a session can encrypt now; `undefined` if a bundle is needed first. */
  usableSession(session: Uint8Array | undefined, nowMs: number): number | undefined;
  /**
   * Encrypts padded bytes to one device and seals them under the sender certificate.
   *
   * The ciphertext may leave only after the changes are committed, else a crash reuses a message key.
   *
   * @throws EngineRefusal noSession or untrustedIdentity.
   */
  encrypt(
    records: EngineRecords,
    peer: Address,
    plaintext: Uint8Array,
    certificate: Uint8Array,
    nowMs: number,
  ): Promise<{
    readonly sealed: Uint8Array;
    readonly registrationId: number;
    readonly changes: readonly EngineChange[];
  }>;
  /**
   * Opens the outer layer and validates the sender certificate against the pinned roots.
   *
   * @throws EngineRefusal invalidSealed or selfSend.
   */
  unseal(records: EngineRecords, sealed: Uint8Array, roots: readonly Uint8Array[], nowMs: number): Promise<Unsealed>;
  /**
   * Decrypts what `unseal` returned.
   *
   * @throws EngineRefusal for everything that does not open; then nothing changed and the true message still opens.
   */
  decrypt(
    records: EngineRecords,
    unsealed: Unsealed,
  ): Promise<{ readonly plaintext: Uint8Array; readonly changes: readonly EngineChange[] }>;
  /**
   * The distribution message of this device's sender key under a 16-byte distribution id: a new key where there is none,
   * else the present one at its present iteration. It goes to devices through sessions only.
   */
  distributeSenderKey(
    records: EngineRecords,
    distribution: Uint8Array,
  ): Promise<{ readonly message: Uint8Array; readonly changes: readonly EngineChange[] }>;
  /**
   * Takes another device's distribution message.
   *
   * @throws EngineRefusal malformed, also if it is of another distribution than the one named.
   */
  takeSenderKey(
    records: EngineRecords,
    sender: Address,
    { distribution, message }: { readonly distribution: Uint8Array; readonly message: Uint8Array },
  ): Promise<readonly EngineChange[]>;
  /**
   * Encrypts padded bytes once under this device's sender key and seals them to many devices as one multi-recipient message
   * (PROTOCOL.md, multi-recipient messages). Every device needs a session, which this neither uses up nor changes. Where the
   * devices of each account stand together in `recipients`, the message names the accounts in that order.
   *
   * The message may leave only after the changes are committed. Calls for one distribution are serialised by the shell.
   *
   * @throws EngineRefusal noSenderKey, or noSession naming in `missing` whom there is no session with.
   */
  encryptToGroup(
    records: EngineRecords,
    encrypting: {
      readonly distribution: Uint8Array;
      readonly group: Uint8Array;
      readonly recipients: readonly Address[];
      readonly plaintext: Uint8Array;
      readonly certificate: Uint8Array;
      readonly nowMs: number;
    },
  ): Promise<{ readonly message: Uint8Array; readonly changes: readonly EngineChange[] }>;
  /** Whether an XEdDSA signature of `sign` is by this identity key. False for anything malformed. */
  verify(identityKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** The 33-byte public key of a 32-byte X25519 private key. */
  publicKeyOf(privateKey: Uint8Array): Uint8Array;
  /** Archives the current state of a session, so that the next encryption needs a fresh bundle. */
  archiveSession(session: Uint8Array): Uint8Array;
  /** The safety number of two accounts: 60 digits, the same on both sides, and bytes to scan. */
  safetyNumber(
    own: { readonly account: AccountId; readonly identityKey: Uint8Array },
    peer: { readonly account: AccountId; readonly identityKey: Uint8Array },
  ): { readonly digits: string; readonly scannable: Uint8Array };
  /** Whether scanned bytes belong to the same pair of identities. */
  compareScanned(mine: Uint8Array, scanned: Uint8Array): boolean;
}

// ── The store ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One change of a batch. */
export type StoreChange =
  | { readonly key: string; readonly value: Uint8Array }
  | { readonly key: string; readonly value: undefined };

/** A range of keys, in byte order of their ASCII characters. */
export interface StoreRange {
  /** Keys > `after`. */
  readonly after: string;
  /** Keys < `before`. */
  readonly before: string;
  readonly limit: number;
  readonly order: "ascending" | "descending";
}

/**
 * An ordered key-value store for one account: eight methods, so that an adapter is an afternoon. Keys are ASCII. The core
 * encrypts values before they get here.
 */
export interface Store {
  /**
   * Opens the store for this process alone. Idempotent.
   *
   * @throws storeInUse if another process has it; storeFailed if it cannot be opened.
   */
  open(): Promise<void>;
  get(key: string): Promise<Uint8Array | undefined>;
  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
  list(range: StoreRange): Promise<readonly { readonly key: string; readonly value: Uint8Array }[]>;
  /** Applies all changes or none, in order; resolves when they survive power loss. A failure is final: reopen. */
  write(changes: readonly StoreChange[]): Promise<void>;
  /** A word to people about where it lies, for errors. Holds no secret. */
  readonly location: string;
  /** Closes after what is being written. Idempotent. */
  close(): Promise<void>;
  /** Deletes everything. */
  clear(): Promise<void>;
}

/**
 * Turns stored, wrapped key material into the 32-byte store key. `wrap` is called once for a new store, `unwrap` at
 * every later opening.
 */
export interface StoreKeySource {
  /** Makes the row to keep beside the data, from a fresh store key. */
  wrap(storeKey: Uint8Array): Promise<Uint8Array>;
  /**
   * The store key.
   *
   * @throws wrongKey if passphrase or key do not fit; nothing was changed.
   */
  unwrap(wrapped: Uint8Array): Promise<Uint8Array>;
}

/** Where an account's data lies and how it is unlocked; made by `levelStore()` and its kin. */
export interface StoreChoice {
  readonly store: Store;
  readonly key: StoreKeySource;
}

/** Authenticated encryption of stored rows: AES-256-GCM, 12-byte nonce, 16-byte tag behind the ciphertext. */
export interface Cipher {
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array;
  /** `undefined` if the tag does not fit. */
  open(key: Uint8Array, nonce: Uint8Array, ciphertext: Uint8Array, associated: Uint8Array): Uint8Array | undefined;
}

/** Ed25519 keys that authenticate to the relay: this device, and who holds a group's secret. */
export interface DeviceKeys {
  /** A new pair, and what signs by it. */
  generate(): { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array; readonly sign: Sign };
  /** The pair of a 32-byte seed (RFC 8032 §5.1.5), for keys that several devices derive alike. */
  fromSeed(seed: Uint8Array): { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array };
  /** What signs by a key, for who signs again, or later: reading the key takes longer than signing. */
  signer(privateKey: Uint8Array): Sign;
  sign(privateKey: Uint8Array, message: Uint8Array): Uint8Array;
  /** Whether a signature is by this key. False for anything malformed. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

// ── The socket ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the core hears of a socket. `closed` is called exactly once, also when it never opened. */
export interface SocketEvents {
  opened(): void;
  message(bytes: Uint8Array): void;
  closed(code: number): void;
}

/** One WebSocket. */
export interface Socket {
  send(bytes: Uint8Array): void;
  /** Bytes not yet handed to the network. */
  readonly bufferedBytes: number;
  close(code: number): void;
}

/** Opens a WebSocket; never throws for what the network does. */
export type Dial = (url: string, events: SocketEvents) => Socket;

// ── Attachments ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** One AES-256-GCM key for many chunks, away from the main thread (WebCrypto). Tags of 16 bytes stand behind the ciphertext. */
export interface ChunkKey {
  seal(nonce: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array>;
  /** `undefined` if the tag does not fit. */
  open(nonce: Uint8Array, sealed: Uint8Array): Promise<Uint8Array | undefined>;
}

/** SHA-256 of what comes piece by piece. */
export interface Hashing {
  update(bytes: Uint8Array): void;
  /** The 32 bytes of what came until now; more may follow. */
  soFar(): Uint8Array;
  /** 32 bytes; nothing may follow. */
  digest(): Uint8Array;
}

/** One HTTP request to the relay. Redirects are not followed, and cookies are neither sent nor kept. */
export interface HttpAsk {
  readonly method: "GET" | "HEAD" | "POST" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  readonly signal?: AbortSignalLike | undefined;
}

/** Its answer. Whoever does not read the body to its end calls `cancel`. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. */
  header(name: string): string | undefined;
  /** The pieces, once, as they come: the relay is not read on while nobody takes them. Throws when the line is cut. */
  readonly body: AsyncIterable<Uint8Array>;
  cancel(): void;
}

/** Asks the relay by HTTP. Rejects for what the network does, and when the signal aborts. */
export type Http = (ask: HttpAsk) => Promise<HttpAnswer>;

/** Something to upload that can be read from any place, as often as is needed. */
export interface ReadableSource {
  readonly sizeBytes: number;
  readonly name?: string | undefined;
  readonly mime?: string | undefined;
  /** The same for the same content only, over restarts, as far as the platform knows: path, size and time of a file. */
  readonly identity?: string | undefined;
  /** The bytes from an offset on, in pieces of any size. */
  read(from: number): AsyncIterable<Uint8Array>;
}

/** What a picture is made into before it is sent. */
export interface PreparedImage {
  /** Without EXIF, location or other metadata, upright. */
  readonly bytes: Uint8Array;
  readonly mime: string;
  readonly width: number;
  readonly height: number;
  readonly blurhash: string;
  readonly thumbnail: {
    readonly bytes: Uint8Array;
    readonly mime: string;
    readonly width: number;
    readonly height: number;
  };
}

/** Looks into pictures and sounds on their sender's device. */
export interface MediaTools {
  /** @throws mediaUnreadable, mediaToolMissing. */
  image(bytes: Uint8Array): Promise<PreparedImage>;
  /** Duration and loudness (as many steps of 0 to 255 as asked for) of a sound. @throws mediaUnreadable, mediaToolMissing. */
  sound(bytes: Uint8Array, steps: number): Promise<{ readonly durationMs: number; readonly waveform: Uint8Array }>;
}

// ── The rest ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The part of `AbortSignal` the core uses. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once after `delayMs`, unless cancelled. Does not keep a process alive by itself. */
  after(delayMs: number, work: () => void): { cancel(): void };
}

/** Chance. */
export interface Random {
  bytes(size: number): Uint8Array<ArrayBuffer>;
}

/** One line for developers. Fields never hold plaintext, keys or identities. */
export type Log = (
  level: "info" | "warn" | "error",
  event: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void;

/** Everything a platform entry hands to the core. */
export interface Platform {
  readonly name: string;
  /** Loads the engine. @throws engineMissing if it is not installed. */
  engine(): Promise<Engine>;
  readonly cipher: Cipher;
  readonly deviceKeys: DeviceKeys;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Takes the 32 bytes of `deriveAttachmentKey`. */
  readonly chunkKey: (key: Uint8Array) => Promise<ChunkKey>;
  readonly sha256: () => Hashing;
  readonly http: Http;
  /** Opens a file by its path; absent where there are none. @throws sourceUnreadable. */
  readonly openFile?: ((path: string) => Promise<ReadableSource>) | undefined;
  /** Absent where nothing looks into media. */
  readonly media?: MediaTools | undefined;
}
