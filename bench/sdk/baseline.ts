/**
 * What a 1:1 message costs at least: libsignal's sealed sender and one synced LevelDB commit on each side, one message
 * after the other. Prints one line of JSON. `--messages N`, after a tenth of that as warm-up.
 */

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as lib from "@signalapp/libsignal-client";
import { ClassicLevel } from "classic-level";
import { MESSAGE_TEXT, startCost } from "./cost.js";
import {
  MemoryIdentity,
  MemoryKyberPrekeys,
  MemoryPrekeys,
  MemorySessions,
  MemorySignedPrekeys,
} from "./memory-stores.js";

/** The size Sotto pads a content with this text to. */
const PADDED_BYTES = 512;
const DAY_MS = 86_400_000;

const root = lib.PrivateKey.generate();
const serverKey = lib.PrivateKey.generate();
const server = lib.ServerCertificate.new(1, serverKey.getPublicKey(), root);

async function openParty(folder: string) {
  const uuid = randomUUID();
  const identity = lib.IdentityKeyPair.generate();
  const database = new ClassicLevel<string, Uint8Array>(folder, { valueEncoding: "view" });
  await database.open();
  const sessions = new MemorySessions();
  let rows = 0;
  return {
    uuid,
    identity,
    sessions,
    address: lib.ProtocolAddress.new(lib.Aci.fromUuid(uuid), 1),
    identities: new MemoryIdentity(identity, 1),
    prekeys: new MemoryPrekeys(),
    signedPrekeys: new MemorySignedPrekeys(),
    kyberPrekeys: new MemoryKyberPrekeys(),
    certificate: lib.SenderCertificate.new(uuid, null, 1, identity.publicKey, Date.now() + DAY_MS, server, serverKey),
    /** The one commit of a message: the session it changed, and a row with what was sent or shown. */
    commit(peer: lib.ProtocolAddress, row: Uint8Array): Promise<void> {
      rows += 1;
      return database
        .batch()
        .put("session", sessions.bytesOf(peer))
        .put(`row.${String(rows).padStart(12, "0")}`, row)
        .write({ sync: true });
    },
    close: () => database.close(),
  };
}

type Party = Awaited<ReturnType<typeof openParty>>;

/** Starts the session of `from` towards `to` with fresh prekeys. */
async function meet(from: Party, to: Party): Promise<void> {
  const oneTime = lib.PrivateKey.generate();
  const signed = lib.PrivateKey.generate();
  const kyber = lib.KEMKeyPair.generate();
  const signedSignature = to.identity.privateKey.sign(signed.getPublicKey().serialize());
  const kyberSignature = to.identity.privateKey.sign(kyber.getPublicKey().serialize());
  await to.prekeys.savePreKey(1, lib.PreKeyRecord.new(1, oneTime.getPublicKey(), oneTime));
  await to.signedPrekeys.saveSignedPreKey(
    1,
    lib.SignedPreKeyRecord.new(1, Date.now(), signed.getPublicKey(), signed, signedSignature),
  );
  await to.kyberPrekeys.saveKyberPreKey(1, lib.KyberPreKeyRecord.new(1, Date.now(), kyber, kyberSignature));
  const bundle = lib.PreKeyBundle.new(
    ...([1, 1, 1, oneTime.getPublicKey(), 1, signed.getPublicKey(), signedSignature] as const),
    ...([to.identity.publicKey, 1, kyber.getPublicKey(), kyberSignature] as const),
  );
  await lib.processPreKeyBundle(bundle, to.address, from.address, from.sessions, from.identities);
}

async function send(from: Party, to: Party, padded: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const sealed = await lib.sealedSenderEncryptMessage(
    padded,
    to.address,
    from.certificate,
    from.sessions,
    from.identities,
  );
  await from.commit(to.address, padded);
  return sealed;
}

async function receive(to: Party, from: Party, sealed: Uint8Array<ArrayBuffer>): Promise<void> {
  const opened = await lib.sealedSenderDecryptMessage(
    sealed,
    root.getPublicKey(),
    Date.now(),
    null,
    to.uuid,
    1,
    to.sessions,
    to.identities,
    to.prekeys,
    to.signedPrekeys,
    to.kyberPrekeys,
  );
  await to.commit(from.address, opened.message());
}

async function burst(from: Party, to: Party, messages: number) {
  const padded = new Uint8Array(PADDED_BYTES);
  padded.set(new TextEncoder().encode(MESSAGE_TEXT));
  const mail: Uint8Array<ArrayBuffer>[] = [];
  const stopSending = startCost();
  for (let count = 0; count < messages; count++) mail.push(await send(from, to, padded));
  const sending = stopSending(messages);
  const stopReceiving = startCost();
  for (const sealed of mail) await receive(to, from, sealed);
  return { sending, receiving: stopReceiving(messages) };
}

const { values } = parseArgs({ options: { messages: { type: "string", default: "2000" } } });
const messages = Number(values.messages);
const folder = await mkdtemp(join(tmpdir(), "sotto-bench-sdk-"));
const alice = await openParty(join(folder, "alice"));
const bob = await openParty(join(folder, "bob"));
await meet(alice, bob);
await burst(alice, bob, 1);
await burst(bob, alice, 1);
await burst(alice, bob, Math.ceil(messages / 10));
const { sending, receiving } = await burst(alice, bob, messages);
await Promise.all([alice.close(), bob.close()]);
await rm(folder, { recursive: true });
console.log(JSON.stringify({ sending, receiving }));
