/** A group as its members hold it, with real keys, and the frames they say. */

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import {
  accessTag,
  type ConversationId,
  type Frame,
  groupAppendText,
  groupCheckpointText,
  groupCreateText,
  groupReadText,
  groupSendText,
  hashDeliveryKey,
  toHex,
} from "@sotto/protocol";
import type { Client } from "./client.js";
import type { TestDevice } from "./device.js";
import { sentMessage } from "./sent-message.js";
import type { TestRelay } from "./test-relay.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** An Ed25519 key. */
export interface TestKey {
  readonly publicKey: Bytes;
  sign(text: Uint8Array): Bytes;
}

/** The keys of one epoch. */
export class TestEpoch {
  readonly access = newKey();
  readonly admin = newKey();

  get keys() {
    return { accessKey: this.access.publicKey, adminKey: this.admin.publicKey };
  }
}

/** A group; `epoch` is the one it is in. */
export class TestGroup {
  readonly group = toHex(randomBytes(16)) as ConversationId;
  epoch = new TestEpoch();

  /** Begins the log; its connection has seen the answer. */
  static async start(relay: TestRelay): Promise<{ readonly group: TestGroup; readonly client: Client }> {
    const group = new TestGroup();
    const client = await relay.anonymous();
    client.say(group.create(client));
    await client.next("groupAppended");
    return { group, client };
  }

  create(client: Client, changes: Partial<Frame<"createGroup">> = {}): Frame<"createGroup"> {
    const { access, admin, keys } = this.epoch;
    const signed = { group: this.group, ...keys, entry: entry(1), ...changes };
    const text = groupCreateText(signed);
    return {
      type: "createGroup",
      id: client.id(),
      ...signed,
      accessSignature: access.sign(text),
      adminSignature: admin.sign(text),
      ...changes,
    };
  }

  /** An entry, signed by the access key unless another is given. */
  append(
    client: Client,
    append: Pick<Frame<"appendGroup">, "expectedSeq"> & Partial<Frame<"appendGroup">>,
    by: TestKey = this.epoch.access,
  ): Frame<"appendGroup"> {
    const signed = { group: this.group, entry: entry(append.expectedSeq + 1), ...append };
    return {
      type: "appendGroup",
      id: client.id(),
      ...signed,
      signature: append.signature ?? by.sign(groupAppendText(signed)),
    };
  }

  /** Begins the next epoch with entry `expectedSeq + 1`; answers the former one. */
  async rotate(client: Client, expectedSeq: number): Promise<TestEpoch> {
    const former = this.epoch;
    const next = new TestEpoch();
    client.say(this.append(client, { expectedSeq, next: next.keys }, former.admin));
    await client.next("groupAppended");
    this.epoch = next;
    return former;
  }

  /** Appends entries up to this number. */
  async fill(client: Client, after: number, upTo: number): Promise<void> {
    for (let expectedSeq = after; expectedSeq < upTo; expectedSeq++) {
      client.say(this.append(client, { expectedSeq }, this.epoch.admin));
      await client.next("groupAppended");
    }
  }

  read(
    client: Client,
    read: Pick<Frame<"readGroup">, "after" | "atMs">,
    by: TestKey = this.epoch.access,
  ): Frame<"readGroup"> {
    const signed = { group: this.group, ...read };
    return { type: "readGroup", id: client.id(), ...signed, signature: by.sign(groupReadText(signed)) };
  }

  checkpoint(
    client: Client,
    checkpoint: Pick<Frame<"putCheckpoint">, "seq"> & Partial<Frame<"putCheckpoint">>,
    by: TestKey = this.epoch.admin,
  ): Frame<"putCheckpoint"> {
    const signed = { group: this.group, body: new Uint8Array(randomBytes(64)), ...checkpoint };
    return { type: "putCheckpoint", id: client.id(), ...signed, signature: by.sign(groupCheckpointText(signed)) };
  }

  /** A message to all these devices. The tags are the accounts' own unless given. */
  send(
    client: Client,
    people: readonly (readonly [TestDevice, ...TestDevice[]])[],
    changes: Partial<Frame<"sendGroup">> = {},
    by: TestKey = this.epoch.access,
  ): Frame<"sendGroup"> {
    const messageId = changes.messageId ?? new Uint8Array(randomBytes(16));
    const signed = {
      group: this.group,
      revision: 1,
      messageId,
      message: sentMessage(people.map((devices) => recipientOf(devices))),
      ...changes,
    };
    return {
      type: "sendGroup",
      id: client.id(),
      storage: "stored",
      commitment: changes.storage === "ephemeral" ? undefined : new Uint8Array(randomBytes(32)),
      urgency: "normal",
      wantBundles: "no",
      ...signed,
      accessTags: changes.accessTags ?? tagsOf(messageId, people),
      signature: changes.signature ?? by.sign(groupSendText(signed)),
    };
  }
}

/** An entry of this number. */
export function entry(seq: number): Bytes {
  return new Uint8Array(Buffer.from(`entry number ${seq}`));
}

/** A fresh Ed25519 key. */
export function newKey(): TestKey {
  const pair = generateKeyPairSync("ed25519");
  const privateKey: KeyObject = pair.privateKey;
  return {
    publicKey: new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32)),
    sign: (text) => new Uint8Array(sign(null, text, privateKey)),
  };
}

/** The access tags of these people for a message, in their order. */
export function tagsOf(messageId: Uint8Array, people: readonly (readonly [TestDevice, ...TestDevice[]])[]): Bytes {
  return new Uint8Array(
    Buffer.concat(
      people.map(([{ known, person }]) => accessTag(messageId, known.account, hashDeliveryKey(person.deliveryKey))),
    ),
  );
}

function recipientOf(devices: readonly [TestDevice, ...TestDevice[]]) {
  const { account } = devices[0].known;
  return { account, devices: devices.map(({ known, registrationId }) => ({ device: known.device, registrationId })) };
}
