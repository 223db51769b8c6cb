/**
 * A member with a modified client: it took the store of an honest one, with all its keys, sessions and secrets, and does with
 * them what no rule allows. Built from the SDK's own parts, so that what it sends is right but for the lie.
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  type AccountId,
  type Audience,
  accessTag,
  authenticationText,
  type Content,
  type ConversationId,
  encodeContent,
  encodeGroupEntry,
  encodePayload,
  type FrameToClient,
  fromHex,
  type GroupBody,
  type GroupChange,
  type GroupStanding,
  type GroupState,
  groupAppendText,
  groupMessageId,
  groupSendText,
  type Payload,
  PROTOCOL_VERSION,
  type UnsignedGroupEntry,
} from "@sotto/protocol";
import { levelStore } from "@sotto/sdk/node";
import { OwnAccount } from "../../../sdk/core/account/own-account.js";
import { accessPair, type EpochSecret } from "../../../sdk/core/groups/log/group-keys.js";
import { GroupRows, type KeptGroup } from "../../../sdk/core/groups/log/group-rows.js";
import { LogReader } from "../../../sdk/core/groups/log/log-reader.js";
import { LogRequests } from "../../../sdk/core/groups/log/log-requests.js";
import type { LogPosition, Walker } from "../../../sdk/core/groups/log/log-walk.js";
import { OwnKeys } from "../../../sdk/core/groups/log/own-keys.js";
import { NONCE_BYTES, sealEntry } from "../../../sdk/core/groups/log/sealed-entries.js";
import { memberOf } from "../../../sdk/core/groups/state/permissions.js";
import type { Address, Engine, IdentityKeys } from "../../../sdk/core/ports.js";
import { decodeRow, keys } from "../../../sdk/core/rows.js";
import { CollectedRecords } from "../../../sdk/core/sessions/engine-records.js";
import { Peers } from "../../../sdk/core/sessions/peers.js";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { contentOf, FrameSocket, isFranked, newMessageId, RawFranks, type Said } from "../raw-client/index.js";
import type { World } from "../world.js";
import { asking } from "./asking.js";

/** What an entry says otherwise than an honest one. */
export interface EntryLies extends Partial<UnsignedGroupEntry> {
  /** Whose key signs it. */
  readonly identity?: IdentityKeys;
}

/** How something is sent otherwise than the newest log and the present key ask for. */
export interface SendLies {
  readonly distribution?: Uint8Array;
  readonly revision?: number;
  readonly messageId?: Uint8Array;
  readonly commitment?: Uint8Array | undefined;
}

interface Taken {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly engine: Engine;
  readonly socket: FrameSocket;
}

/** One device of a member, in one group. Its client is closed. */
export class RogueMember {
  /** What the entries that it read said, opened, in order. */
  readonly seen: Uint8Array[] = [];
  private position: LogPosition;
  private readonly peers: Peers;
  private readonly wrapKeys: readonly Uint8Array[];
  /** Its tokens, fetched over a connection of its own when first needed. */
  readonly franks: RawFranks;
  private deviceSocket: Promise<FrameSocket> | undefined;

  private constructor(
    private readonly taken: Taken,
    readonly group: ConversationId,
    kept: KeptGroup,
    url: string,
  ) {
    this.franks = new RawFranks({
      speaker: taken.account.address,
      identityKey: taken.account.identity.publicKey,
      identityPrivate: taken.account.identity.privateKey,
      signByIdentity: (text) => taken.engine.sign(taken.account.identity, text),
      ask: async (request) => {
        this.deviceSocket ??= this.authenticated(url);
        return (await this.deviceSocket).ask(request);
      },
    });
    this.position = kept;
    this.peers = new Peers(taken.store);
    this.wrapKeys = [...new OwnKeys(taken).kept(kept.wrapKeys)];
  }

  /** Takes over the store of a client, which is closed. */
  static async takeOver(world: World, name: string, group: ConversationId): Promise<RogueMember> {
    const store = await SealedStore.open(levelStore(join(world.folder, "clients", name)), nodePlatform);
    const account = await OwnAccount.load(store);
    const rows = new GroupRows(store);
    await rows.load();
    const kept = rows.get(group);
    if (account === undefined || kept?.state === undefined) throw new Error("this client is in no such group");
    const [engine, socket] = await Promise.all([nodePlatform.engine(), FrameSocket.anonymous(world.url)]);
    return new RogueMember({ store, account, engine, socket }, group, kept, world.url);
  }

  get address(): Address {
    return this.taken.account.address;
  }

  get identity(): IdentityKeys {
    return this.taken.account.identity;
  }

  get engine(): Engine {
    return this.taken.engine;
  }

  /** The log as far as it was read. */
  get state(): GroupState {
    const { state } = this.position;
    if (state === undefined) throw new Error("no state");
    return state;
  }

  /** What honest payloads would say of the log. */
  get standing(): GroupStanding {
    const { seq: revision, head } = this.state;
    return { id: this.group, revision, head };
  }

  /** The secret of the newest epoch it knows. */
  get secret(): EpochSecret {
    const [newest] = this.position.secrets;
    if (newest === undefined) throw new Error("no secret");
    return newest;
  }

  /** Reads the log to the end this member can read. */
  async read(): Promise<GroupState> {
    const reader = new LogReader(
      new LogRequests({
        crypto: nodePlatform,
        relay: { anonymous: asking(this.taken.socket), nowMs: () => Date.now() },
      }),
    );
    await reader.follow({
      walker: this.walker(),
      start: this.position,
      take: async ({ walked, position }) => {
        this.seen.push(...walked.flatMap(({ bytes }) => bytes ?? []));
        this.position = position;
      },
    });
    return this.state;
  }

  /** The bytes of an entry behind the newest one, sealed nowhere yet. */
  entry(change: GroupChange, { identity = this.identity, ...lies }: EntryLies = {}): Uint8Array<ArrayBuffer> {
    const { head: previous } = this.state;
    const unsigned = { group: this.group, previous, author: this.address.account, atMs: Date.now(), change, ...lies };
    return encodeGroupEntry(unsigned, (text) => this.engine.sign(identity, text));
  }

  /** Appends bytes as the next entry, sealed as they should be. */
  async append(entry: Uint8Array): Promise<FrameToClient> {
    await this.read();
    const place = { group: this.group, seq: this.state.seq + 1 };
    const nonce = nodePlatform.random.bytes(NONCE_BYTES);
    return this.appendSealed(sealEntry(nodePlatform, place, { secret: this.secret, entry, nonce }));
  }

  /** Appends bytes that are sealed already, or pretend to be. */
  async appendSealed(entry: Uint8Array): Promise<FrameToClient> {
    const { group, secret } = this;
    const expectedSeq = this.state.seq;
    const { privateKey } = accessPair(nodePlatform, secret.secret);
    const signature = nodePlatform.deviceKeys.sign(privateKey, groupAppendText({ group, expectedSeq, entry }));
    const answer = await this.taken.socket.ask({
      ...{ type: "appendGroup", group, expectedSeq, entry, next: undefined, signature },
    });
    await this.read();
    return answer;
  }

  /** An id that this member may give. */
  messageId(): Content["messageId"] {
    return groupMessageId({ group: this.group, sender: this.address.account }, randomBytes(8));
  }

  /** A content of this member in its group; `lies` replace header fields. */
  content(said: Said, lies: Partial<Content> = {}): Content {
    const { group: conversation } = this;
    const { revision } = this.standing;
    return contentOf(this.address, this.address.account, said, {
      ...{ conversation, messageId: this.messageId(), revision },
      ...lies,
    });
  }

  /** The payload of a content, honest but for `lies`. */
  payload(content: Content, lies: Partial<Extract<Payload, { readonly type: "content" }>> = {}): Payload {
    return { type: "content", content: encodeContent(content), group: this.standing, ...lies };
  }

  /** The distribution id of the key that the honest client used last in a group. */
  async distribution(group = this.group): Promise<Uint8Array> {
    const stored = await this.taken.store.get(keys.distribution(this.taken.store, group));
    if (stored === undefined) throw new Error("this member never said anything");
    return decodeRow("distribution", stored).distribution;
  }

  /** A sender key, a new one unless told otherwise, as it is handed to others. */
  async key(distribution: Uint8Array = newMessageId()): Promise<GroupBody<"senderKey">> {
    const records = this.records();
    const { message, changes } = await this.engine.distributeSenderKey(records, distribution);
    records.collect(changes);
    await this.taken.store.commit(records.takeChanges());
    return { distribution, message };
  }

  /** Padded bytes under the sender key for these members, as one multi-recipient message. */
  async sealToGroup(plaintext: Uint8Array, accounts: readonly AccountId[], lies: SendLies = {}): Promise<Uint8Array> {
    const distribution = lies.distribution ?? (await this.distribution());
    const records = this.records();
    const recipients = (await Promise.all(accounts.map((account) => this.devicesOf(account)))).flat();
    const { message, changes } = await this.engine.encryptToGroup(records, {
      ...{ distribution, recipients, plaintext, certificate: await this.certificate(), nowMs: Date.now() },
      group: fromHex(this.group),
    });
    records.collect(changes);
    await this.taken.store.commit(records.takeChanges());
    return message;
  }

  /** Sends a sealed message to members of the group, as a send to a group. */
  async sendSealed(
    message: Uint8Array,
    accounts: readonly AccountId[],
    { revision = this.state.seq, messageId = newMessageId(), commitment = randomBytes(32) }: SendLies = {},
  ): Promise<FrameToClient> {
    const { group } = this;
    const { privateKey } = accessPair(nodePlatform, this.secret.secret);
    const text = groupSendText({ group, revision, messageId, message });
    return this.taken.socket.ask({
      ...{ type: "sendGroup", messageId, storage: "stored", urgency: "normal", wantBundles: "no", group, revision },
      commitment: Uint8Array.from(commitment),
      signature: nodePlatform.deviceKeys.sign(privateKey, text),
      accessTags: Buffer.concat(accounts.map((account) => this.tagOf(messageId, account))),
      message,
    });
  }

  /** Says a payload to the other members under the sender key. */
  async say(payload: Payload | Uint8Array, lies: SendLies = {}): Promise<FrameToClient> {
    const others = this.others();
    if (payload instanceof Uint8Array) {
      return this.sendSealed(await this.sealToGroup(payload, others, lies), others, lies);
    }
    const franked = await this.frankedForAll(payload);
    const sending = { commitment: franked.commitment, ...lies };
    return this.sendSealed(await this.sealToGroup(encodePayload(franked.payload), others, lies), others, sending);
  }

  /** A payload for all members, franked as an honest client does, and the commitment to send beside it. */
  frankedForAll(payload: Payload): Promise<{ readonly payload: Payload; readonly commitment?: Uint8Array }> {
    const members = this.state.members.map(({ account }) => account);
    const { id: group, revision, head } = ("group" in payload ? payload.group : undefined) ?? this.standing;
    return this.franked(payload, () => this.franks.groupAudience({ group, revision, head }, members));
  }

  /** A content with its frank, as an honest client sends it, unless it bears one already; anything else as it is. */
  private async franked(
    payload: Payload,
    audience: () => Promise<Audience>,
  ): Promise<{ readonly payload: Payload; readonly commitment?: Uint8Array }> {
    const isBare = payload.type === "content" && payload.frank === undefined && isFranked(payload.content);
    if (!isBare) return { payload };
    const { frank, commitment } = await this.franks.frank(payload.content, await audience());
    return { payload: { ...payload, frank }, commitment };
  }

  private async authenticated(url: string): Promise<FrameSocket> {
    const socket = await FrameSocket.open(url);
    const challenge = await socket.until("challenge");
    const { account, device } = this.address;
    const text = authenticationText(challenge, account, device);
    const signature = nodePlatform.deviceKeys.sign(this.taken.account.current.devicePrivate, text);
    socket.send({ type: "authenticate", version: PROTOCOL_VERSION, account, device, signature });
    await socket.until("welcome");
    return socket;
  }

  /** Says a payload to one account in sessions with its devices, showing what members of a group know of it. */
  async sayTo(account: AccountId, payload: Payload, messageId = newMessageId()): Promise<FrameToClient> {
    const franked = await this.franked(payload, () => Promise.resolve({ kind: "account", account }));
    const bodies: { readonly device: Address["device"]; readonly registrationId: number; readonly body: Uint8Array }[] =
      [];
    for (const peer of await this.devicesOf(account)) {
      const records = this.records();
      const certificate = await this.certificate();
      const { sealed, registrationId, changes } = await this.engine.encrypt(
        ...([records, peer, encodePayload(franked.payload), certificate, Date.now()] as const),
      );
      records.collect(changes);
      await this.taken.store.commit(records.takeChanges());
      bodies.push({ device: peer.device, registrationId, body: sealed });
    }
    return this.send(account, bodies, messageId, franked.commitment);
  }

  /** Puts a message that was sealed for one device of an account into that device's mailbox alone. */
  async deliver(account: AccountId, message: Uint8Array): Promise<FrameToClient> {
    const [peer] = await this.devicesOf(account);
    if (peer === undefined) throw new Error("no device");
    const session = await this.records().session(peer);
    const registrationId = this.engine.usableSession(session, Date.now());
    if (registrationId === undefined) throw new Error("no session");
    return this.send(account, [{ device: peer.device, registrationId, body: singleOf(message) }], newMessageId());
  }

  /** Gives the store back, for a client that is honest again. */
  async close(): Promise<void> {
    await Promise.all([this.taken.socket.close(), this.deviceSocket?.then((socket) => socket.close())]);
    await this.taken.store.close();
  }

  /** The other members, as the log was read. */
  others(): readonly AccountId[] {
    return this.state.members.map(({ account }) => account).filter((account) => account !== this.address.account);
  }

  private send(
    account: AccountId,
    envelopes: readonly {
      readonly device: Address["device"];
      readonly registrationId: number;
      readonly body: Uint8Array;
    }[],
    messageId: Uint8Array,
    commitment: Uint8Array = randomBytes(32),
  ): Promise<FrameToClient> {
    return this.taken.socket.ask({
      ...{ type: "send", messageId, storage: "stored", urgency: "normal", purpose: "message", wantBundles: "no" },
      commitment: Uint8Array.from(commitment),
      recipients: [{ account, accessTag: this.tagOf(messageId, account), scope: "all", envelopes }],
    });
  }

  private tagOf(messageId: Uint8Array, account: AccountId): Uint8Array {
    const member = memberOf(this.state, account);
    if (member === undefined) throw new Error("no member");
    return accessTag(messageId, account, member.deliveryKeyHash);
  }

  private async devicesOf(account: AccountId): Promise<readonly Address[]> {
    return (await this.peers.get(account)).devices.map((device) => ({ account, device }));
  }

  private async certificate(): Promise<Uint8Array> {
    const stored = await this.taken.store.get(keys.certificate);
    if (stored === undefined) throw new Error("no certificate");
    return decodeRow("certificate", stored).certificate;
  }

  private records(): CollectedRecords {
    return new CollectedRecords(this.taken.store, this.taken.account, this.peers);
  }

  private walker(): Walker {
    const { group, wrapKeys, engine } = this;
    return { crypto: { ...nodePlatform, engine }, group, me: this.address.account, wrapKeys };
  }
}

/** What a device is delivered of a message that names it alone (PROTOCOL.md 14.6). */
function singleOf(message: Uint8Array): Uint8Array {
  const HEAD = 1 + 1 + 1 + 16 + 1 + 2;
  return Uint8Array.of(0x22, ...message.subarray(HEAD));
}
