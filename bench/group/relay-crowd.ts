/** The members of one group at a relay, who writes to them, and the frames both ways of writing take. */

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import {
  accessTag,
  accountIdToBytes,
  type ConversationId,
  encodeFrame,
  type FrameToRelay,
  frames,
  groupCreateText,
  groupSendText,
  hashDeliveryKey,
  PROTOCOL_VERSION,
  parseConversationId,
  toHex,
} from "@sotto/protocol";
import type { Place, Receiver, Recipient } from "../load/dialect.js";
import { type BenchSocket, frameOf } from "../load/socket.js";
import { describe, greet, read, sottoDialect } from "../load/sotto-dialect.js";

/** What the bodies of a message of 200 bytes end in: ephemeral key, sealed sender certificate, padded content. */
export const SHARED_BYTES = 958;
/** What is before it, other for each account. */
export const HEAD_BYTES = 49;
const SENT_VERSION = 0x23;
const RECEIVED_VERSION = 0x22;

/** One writer's anonymous connection. */
class Writer {
  private missing = 0;
  private settle: { resolve(): void; reject(cause: Error): void } | undefined;
  private socket: BenchSocket | undefined;

  static async open(place: Place): Promise<Writer> {
    const writer = new Writer();
    const { socket } = await greet(place, () => ({ type: "anonymous", version: PROTOCOL_VERSION }), {
      message(payload) {
        if (payload[1] === frames.accepted.tag || payload[1] === frames.groupAppended.tag) writer.answered();
        else writer.settle?.reject(new Error(describe(payload)));
      },
      closed: (reason) => writer.settle?.reject(new Error(reason)),
    });
    writer.socket = socket;
    return writer;
  }

  /** Says all of it at once; resolves when as many frames were answered with yes. */
  say(all: readonly FrameToRelay[]): Promise<void> {
    this.missing = all.length;
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      for (const frame of all) this.socket?.send(frameOf(encodeFrame(frame)).frame);
    });
  }

  private answered(): void {
    this.missing -= 1;
    if (this.missing === 0) this.settle?.resolve();
  }

  async end(): Promise<void> {
    await this.socket?.end();
  }
}

/** A member's connection. It acknowledges what came, once a turn of the event loop. */
class Reader {
  delivered = 0;
  private cursor = 0;
  private receiver: Receiver | undefined;
  private isOwing = false;

  /** Connects; resolves when the relay has said all that was waiting. */
  static open(place: Place, member: Recipient, heard: () => void): Promise<Reader> {
    const reader = new Reader();
    return new Promise((resolve, reject) => {
      const opening = sottoDialect(place).openReceiver(member, {
        delivered(cursor) {
          reader.delivered += 1;
          reader.cursor = cursor;
          reader.owe();
          heard();
        },
        queueEmpty: () => void opening.then(() => resolve(reader)),
        failed: (reason) => reject(new Error(reason)),
      });
      opening.then((receiver) => {
        reader.receiver = receiver;
      }, reject);
    });
  }

  /** Says what it still has to, and waits until the relay has closed behind that. */
  async end(): Promise<void> {
    this.receiver?.acknowledge(this.cursor);
    await this.receiver?.socket.end();
  }

  private owe(): void {
    if (this.isOwing) return;
    this.isOwing = true;
    setImmediate(() => {
      this.isOwing = false;
      this.receiver?.acknowledge(this.cursor);
    });
  }
}

/** A group whose members have registered at a relay, one device each. */
export class Crowd {
  private readonly group: ConversationId = parseConversationId(toHex(randomBytes(16)));
  private readonly access = generateKeyPairSync("ed25519");
  private readonly shared = randomBytes(SHARED_BYTES);
  private readonly members: readonly (ReturnType<typeof read> & { readonly hash: Uint8Array })[];
  private readers: readonly Reader[] = [];
  private heard: (() => void) | undefined;
  private lastId = 0;

  private constructor(
    private readonly place: Place,
    private readonly recipients: readonly Recipient[],
    private writers: readonly Writer[],
  ) {
    this.members = recipients.map((recipient) => {
      const member = read(recipient);
      return { ...member, hash: hashDeliveryKey(member.deliveryKey) };
    });
  }

  /** Registers members, opens connections for writers, and begins the group's log. */
  static async gather(port: number, size: { readonly members: number; readonly writers: number }): Promise<Crowd> {
    const place = { port, localAddress: "127.0.0.1" };
    const recipients = await sottoDialect(place).enrol(size.members, 0);
    const writers = await Promise.all(Array.from({ length: size.writers }, () => Writer.open(place)));
    const crowd = new Crowd(place, recipients, writers);
    await writers[0]?.say([crowd.createGroup()]);
    return crowd;
  }

  /** All members connect to a relay, which may be another process on the same data, and read what waits. */
  async comeOnline(port = this.place.port): Promise<void> {
    const heard = () => this.heard?.();
    const place = { ...this.place, port };
    this.readers = await Promise.all(this.recipients.map((member) => Reader.open(place, member, heard)));
  }

  /** Messages that members were delivered. */
  get delivered(): number {
    return this.readers.reduce((sum, { delivered }) => sum + delivered, 0);
  }

  /** Resolves when so many were delivered in all. */
  async untilDelivered(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.heard = () => {
        if (this.delivered >= count) resolve();
      };
      this.heard();
    });
    this.heard = undefined;
  }

  /** Every writer has one message under way at a time: one frame each to everybody, or as many frames as members. */
  async write(messages: number, how: "together" | "separately"): Promise<void> {
    let begun = 0;
    const lane = async (writer: Writer) => {
      while (begun++ < messages) await writer.say(how === "together" ? [this.toGroup()] : this.toEach());
    };
    await Promise.all(this.writers.map(lane));
  }

  /** Everybody leaves, and the relay has read all that was said. */
  async leave(): Promise<void> {
    const leaving = [...this.writers, ...this.readers];
    this.writers = [];
    this.readers = [];
    await Promise.all(leaving.map((one) => one.end()));
  }

  private createGroup(): FrameToRelay {
    const admin = generateKeyPairSync("ed25519");
    const signed = {
      group: this.group,
      accessKey: rawKey(this.access.publicKey),
      adminKey: rawKey(admin.publicKey),
      entry: randomBytes(500),
    };
    const text = groupCreateText(signed);
    const accessSignature = sign(null, text, this.access.privateKey);
    const adminSignature = sign(null, text, admin.privateKey);
    return { type: "createGroup", id: this.nextId(), ...signed, accessSignature, adminSignature };
  }

  /** One frame to everybody, as libsignal lays a multi-recipient message out, in random bytes. */
  private toGroup(): FrameToRelay {
    const messageId = randomBytes(16);
    const count = this.members.length;
    const named = this.members.map(({ account, device, registrationId }) =>
      Buffer.concat([
        Buffer.of(0),
        accountIdToBytes(account),
        Buffer.of(device, registrationId >> 8, registrationId & 0xff),
        randomBytes(HEAD_BYTES - 1),
      ]),
    );
    const countBytes = count < 0x80 ? [count] : [(count & 0x7f) | 0x80, count >> 7];
    const message = Buffer.concat([Buffer.of(SENT_VERSION, ...countBytes), ...named, this.shared]);
    const signed = { group: this.group, revision: 1, messageId, message };
    return {
      type: "sendGroup",
      id: this.nextId(),
      storage: "stored",
      commitment: randomBytes(32),
      urgency: "normal",
      wantBundles: "no",
      ...signed,
      signature: sign(null, groupSendText(signed), this.access.privateKey),
      accessTags: Buffer.concat(this.members.map(({ account, hash }) => accessTag(messageId, account, hash))),
    };
  }

  /** A frame to each with a body of the same size. */
  private toEach(): FrameToRelay[] {
    return this.members.map(({ account, device, registrationId, deliveryKey }) => {
      const body = Buffer.concat([Buffer.of(RECEIVED_VERSION), randomBytes(HEAD_BYTES - 1), this.shared]);
      return {
        type: "send",
        id: this.nextId(),
        messageId: randomBytes(16),
        storage: "stored",
        commitment: randomBytes(32),
        urgency: "normal",
        purpose: "message",
        wantBundles: "no",
        recipients: [{ account, deliveryKey, scope: "all", envelopes: [{ device, registrationId, body }] }],
      };
    });
  }

  private nextId(): number {
    this.lastId += 1;
    return this.lastId;
  }
}

function rawKey(key: KeyObject): Uint8Array {
  return key.export({ format: "der", type: "spki" }).subarray(-32);
}
