/**
 * A registered device without the SDK: real keys, real sessions, and no rule that keeps it from sending what it likes.
 * What an honest client does is one call; every step of it can be done otherwise.
 */

import { randomBytes, sign } from "node:crypto";
import {
  type AccountId,
  authenticationText,
  type DeviceId,
  deriveDeliveryKey,
  encodePayload,
  type Frame,
  type FrameToClient,
  type Payload,
  PROTOCOL_VERSION,
} from "@sotto/protocol";
import { FrameSocket } from "./frame-socket.js";
import { isFranked, RawFranks } from "./raw-franks.js";
import { type NewKeys, registration } from "./registration.js";
import type { DeviceAddress, SignalSide, Wrapping } from "./signal-side.js";

/** One device, named as envelopes name it. */
export interface PeerDevice extends DeviceAddress {
  readonly registrationId: number;
}

/** What a send may say otherwise than an honest, identified, stored one. */
export interface SendOver {
  readonly messageId?: Uint8Array;
  readonly storage?: "stored" | "ephemeral";
  readonly deliveryKey?: Uint8Array;
  readonly purpose?: "message" | "repair";
  readonly commitment?: Uint8Array;
  /** What the host says in the sender's favour. */
  readonly grant?: string;
}

/** The commitments of what was franked, by its ciphertext: they travel beside it. */
const commitments = new WeakMap<Uint8Array, Uint8Array>();

/** The commitment that travels beside a ciphertext; a random one beside what was not franked. */
export function commitmentOf(ciphertext: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(commitments.get(ciphertext) ?? randomBytes(32));
}

/** 16 random bytes: the id of a send. */
export function newMessageId(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(randomBytes(16));
}

interface Registered {
  readonly url: string;
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly keys: NewKeys;
}

/** The first device of a new account. */
export class RawDevice implements PeerDevice {
  private certified: Promise<Uint8Array> | undefined;
  /** Its tokens. */
  readonly franks: RawFranks;

  private constructor(
    private readonly own: Registered,
    /** Its present connection. */
    public socket: FrameSocket,
  ) {
    const { account, device, keys } = own;
    const { publicKey, privateKey } = keys.signal.identity;
    this.franks = new RawFranks({
      speaker: { account, device },
      identityKey: publicKey.serialize(),
      identityPrivate: privateKey.serialize(),
      signByIdentity: (text) => privateKey.sign(Uint8Array.from(text)),
      ask: (request) => this.socket.ask(request),
    });
  }

  /** Registers a user at a relay in development mode, or with the host's token. */
  static async register(url: string, user: string | { readonly token: string }): Promise<RawDevice> {
    const socket = await FrameSocket.open(url);
    const { frame, keys } = registration(await socket.until("challenge"), user);
    socket.send(frame);
    const { account, device } = await socket.until("welcome");
    if (account === undefined || device === undefined) throw new Error("the welcome named nobody");
    return new RawDevice({ url, account, device, keys }, socket);
  }

  get account(): AccountId {
    return this.own.account;
  }

  get device(): DeviceId {
    return this.own.device;
  }

  get registrationId(): number {
    return this.own.keys.signal.registrationId;
  }

  /** Its keys and sessions. */
  get signal(): SignalSide {
    return this.own.keys.signal;
  }

  /** From it others derive the key to write to this account sealed. */
  get profileKey(): Uint8Array {
    return this.own.keys.profileKey;
  }

  /** The key that lets others write to this account sealed. */
  get deliveryKey(): Uint8Array {
    return deriveDeliveryKey(this.profileKey);
  }

  /** Makes another connection of this device, which displaces the former. */
  async connect(url = this.own.url): Promise<FrameSocket> {
    this.socket = await FrameSocket.open(url);
    const challenge = await this.socket.until("challenge");
    this.socket.send(this.proof(challenge));
    await this.socket.until("welcome");
    return this.socket;
  }

  /** The answer to a challenge. */
  proof(challenge: Frame<"challenge">): Frame<"authenticate"> {
    const { account, device, keys } = this.own;
    const { authenticationKey } = keys;
    const signature = new Uint8Array(sign(null, authenticationText(challenge, account, device), authenticationKey));
    return { type: "authenticate", version: PROTOCOL_VERSION, account, device, signature };
  }

  /** The certificate the relay gives this device; asked for once. */
  certificate(): Promise<Uint8Array> {
    this.certified ??= this.socket.ask({ type: "fetchCertificate" }).then((answer) => {
      if (answer.type !== "certificate") throw new Error(`expected a certificate, not ${answer.type}`);
      return answer.certificate;
    });
    return this.certified;
  }

  /** Fetches the first device of an account and starts a session with it. */
  async meet(account: AccountId): Promise<PeerDevice> {
    const answer = await this.socket.ask({ type: "fetchBundles", account, devices: [] });
    if (answer.type !== "bundles") throw new Error(`expected bundles, not ${answer.type}`);
    await this.signal.startSession(this, answer, 0);
    const [bundle] = answer.devices;
    if (bundle === undefined) throw new Error("an account without a device");
    return { account, device: bundle.device, registrationId: bundle.registrationId };
  }

  /**
   * The ciphertext of a payload for a device, under this device's own certificate unless told otherwise. A content is franked,
   * as an honest client does, unless it bears a frank already.
   */
  async seal(peer: PeerDevice, payload: Payload, over: Partial<Wrapping> = {}): Promise<Uint8Array> {
    const certificate = over.certificate ?? (await this.certificate());
    const isBare = payload.type === "content" && payload.frank === undefined && isFranked(payload.content);
    if (!isBare) return this.signal.encrypt(this, peer, encodePayload(payload), { ...over, certificate });
    const { frank, commitment } = await this.franks.frank(payload.content, { kind: "account", account: peer.account });
    return this.sealFranked(peer, { ...payload, frank }, commitment, { ...over, certificate });
  }

  /** The ciphertext of a payload as it is, and the commitment that `deliver` sends beside it. */
  async sealFranked(
    peer: PeerDevice,
    payload: Payload,
    commitment: Uint8Array,
    over: Partial<Wrapping> = {},
  ): Promise<Uint8Array> {
    const certificate = over.certificate ?? (await this.certificate());
    const sealed = await this.signal.encrypt(this, peer, encodePayload(payload), { ...over, certificate });
    commitments.set(sealed, commitment);
    return sealed;
  }

  /** Sends one ciphertext to a device and answers what the relay says. */
  deliver(peer: PeerDevice, body: Uint8Array, over: SendOver = {}): Promise<FrameToClient> {
    const { account, device, registrationId } = peer;
    const { deliveryKey, grant, messageId = newMessageId(), purpose = "message", storage = "stored" } = over;
    const recipients = [
      { account, deliveryKey, grant, scope: "all", envelopes: [{ device, registrationId, body }] },
    ] as const;
    return this.socket.ask({
      type: "send",
      messageId,
      storage,
      commitment: storage === "stored" ? (over.commitment ?? commitmentOf(body)) : undefined,
      urgency: "normal",
      purpose,
      wantBundles: "no",
      recipients,
    });
  }

  /** Waits for the next envelope, acknowledges it and opens it. Checks nothing. */
  async receive(): Promise<Payload> {
    const { cursor, body } = await this.socket.until("deliver");
    if (cursor > 0) this.socket.send({ type: "acknowledge", upTo: cursor, also: [] });
    return this.signal.open(this, body);
  }

  /** Closes its connection. */
  close(): Promise<void> {
    return this.socket.close();
  }
}
