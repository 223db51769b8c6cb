/**
 * What it costs a client to encrypt a message to a group: the library alone, the engine, the engine with everything around
 * it that makes a frame, and all that from the SDK's store. Prints one line of JSON.
 *
 *   node --conditions=sotto-source --import tsx bench/group/send-work.ts library|engine|frame|stored <accounts> <messages>
 */

import { randomBytes, randomUUID } from "node:crypto";
import * as lib from "@signalapp/libsignal-client";
import {
  accessTag,
  decodeFrame,
  encodeContent,
  encodeFrame,
  encodePayload,
  groupSendText,
  parseAccountId,
  parseConversationId,
  parseDeviceId,
  parseMessageId,
  toHex,
} from "@sotto/protocol";
import type { Address, EngineRecords } from "../../sdk/core/ports.js";
import { libsignalEngine } from "../../sdk/engine/libsignal.js";
import { ed25519 } from "../../sdk/node/ed25519.js";
import { MESSAGE_TEXT, startCost } from "../sdk/cost.js";
import { MemorySenderKeys } from "../sdk/memory-stores.js";
import { type People, peopleOf } from "./send-people.js";
import { storedGroup } from "./send-stored.js";

/** One send; answers the bytes that would be uploaded. */
type Send = () => Promise<number>;

const group = randomBytes(16);
const groupId = parseConversationId(toHex(group));
const newMessageId = () => new Uint8Array(randomBytes(16));
const device = parseDeviceId(1);

/** The padded payload of one text, as it goes under the sender key. */
function padded({ sender }: People, counter: number): Uint8Array<ArrayBuffer> {
  const content = encodeContent({
    kind: "text",
    text: MESSAGE_TEXT,
    sender: parseAccountId(sender.uuid),
    device,
    conversation: groupId,
    revision: 1_000,
    messageId: parseMessageId(toHex(newMessageId())),
    counter,
    sentAtMs: Date.now(),
    seen: [],
  });
  return encodePayload({ type: "content", content, group: { id: groupId, revision: 1_000, head: randomBytes(32) } });
}

/** The least there is: the library on stores in memory, for bytes that are padded already. */
async function library(people: People): Promise<Send> {
  const { sender, certificate, members } = people;
  const keys = new MemorySenderKeys();
  const distribution = randomUUID();
  await lib.SenderKeyDistributionMessage.create(sender.address, distribution, keys);
  const recipients = members.map(({ address }) => address);
  const plaintext = padded(people, 1);
  return async () => {
    const message = await lib.groupEncrypt(sender.address, distribution, keys, plaintext);
    const hint = lib.ContentHint.Resendable;
    const content = lib.UnidentifiedSenderMessageContent.new(message, certificate, hint, new Uint8Array(group));
    const { identities: identityStore, sessions: sessionStore } = sender;
    return (await lib.sealedSenderMultiRecipientEncrypt({ content, recipients, identityStore, sessionStore })).length;
  };
}

/** The engine on records in memory; answers the message and commits. */
async function encrypting(people: People): Promise<(plaintext: Uint8Array) => Promise<Uint8Array>> {
  const { sender, certificate, members } = people;
  const engine = await libsignalEngine();
  const addressOf = (uuid: string): Address => ({ account: parseAccountId(uuid), device });
  const sessions = new Map(members.map(({ uuid, address }) => [uuid, sender.sessions.bytesOf(address)]));
  const identities = new Map(members.map(({ uuid, identity }) => [uuid, identity.publicKey.serialize()]));
  let key: Uint8Array | undefined;
  const own = {
    identity: { publicKey: sender.identity.publicKey.serialize(), privateKey: sender.identity.privateKey.serialize() },
    registrationId: 1,
    address: addressOf(sender.uuid),
  };
  const records: EngineRecords = {
    own: () => own,
    peerIdentity: async (account) => identities.get(account),
    session: async ({ account }) => sessions.get(account),
    senderKey: async () => key,
    curvePrekey: async () => undefined,
    signedPrekey: async () => undefined,
    kyberPrekey: async () => undefined,
    lastResortUsed: async () => false,
  };
  const commit = (changes: Awaited<ReturnType<typeof engine.encryptToGroup>>["changes"]) => {
    for (const change of changes) if (change.kind === "senderKey") key = change.record;
  };
  const distribution = new Uint8Array(randomBytes(16));
  commit((await engine.distributeSenderKey(records, distribution)).changes);
  const to = {
    distribution,
    group: new Uint8Array(group),
    recipients: members.map(({ uuid }) => addressOf(uuid)),
    certificate: certificate.serialize(),
  };
  return async (plaintext) => {
    const { message, changes } = await engine.encryptToGroup(records, { ...to, plaintext, nowMs: Date.now() });
    commit(changes);
    return message;
  };
}

async function engine(people: People): Promise<Send> {
  const encrypt = await encrypting(people);
  const plaintext = padded(people, 1);
  return async () => (await encrypt(plaintext)).length;
}

async function frame(people: People): Promise<Send> {
  return framing(people, await encrypting(people));
}

/** A whole frame from the SDK's store. */
async function stored(people: People): Promise<Send> {
  const { encrypt, close } = await storedGroup(people, groupId);
  atEnd = close;
  return framing(people, encrypt);
}

/** From a text to the bytes of `sendGroup`: content, padding, encryption, an access tag for each account, a signature. */
function framing(people: People, encrypt: (plaintext: Uint8Array) => Promise<Uint8Array>): Send {
  const access = ed25519.generate();
  const accounts = people.members.map(({ uuid }) => ({ account: parseAccountId(uuid), hash: randomBytes(32) }));
  let counter = 0;
  return async () => {
    counter += 1;
    const message = await encrypt(padded(people, counter));
    const messageId = newMessageId();
    const tags = Buffer.concat(accounts.map(({ account, hash }) => accessTag(messageId, account, hash)));
    const text = groupSendText({ group: groupId, revision: 1_000, messageId, message });
    const encoded = encodeFrame({
      type: "sendGroup",
      id: counter,
      messageId,
      storage: "stored",
      commitment: new Uint8Array(32),
      urgency: "normal",
      wantBundles: "yes",
      group: groupId,
      revision: 1_000,
      signature: ed25519.sign(access.privateKey, text),
      accessTags: tags,
      message,
    });
    if (counter === 1) decodeFrame(encoded, "toRelay");
    return encoded.length;
  };
}

let atEnd = async (): Promise<void> => undefined;
const works = { library, engine, frame, stored };
const [work, accounts, messages] = process.argv.slice(2);
const make = Object.entries(works).find(([name]) => name === work)?.[1];
if (make === undefined) throw new Error(`say one of ${Object.keys(works).join(", ")}`);
const send = await make(await peopleOf(Number(accounts)));
const count = Number(messages);
for (let warmUp = 0; warmUp < Math.ceil(count / 5); warmUp++) await send();
const stop = startCost();
let uploadBytes = 0;
for (let index = 0; index < count; index++) uploadBytes = Math.max(uploadBytes, await send());
const { cpuMicrosPerMessage, wallMicrosPerMessage } = stop(count);
await atEnd();
process.stdout.write(
  `${JSON.stringify({ cpuMicros: cpuMicrosPerMessage, wallMicros: wallMicrosPerMessage, uploadBytes })}
`,
);
