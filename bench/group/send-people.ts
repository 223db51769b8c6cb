/** A sender and the members it has sessions with, one device each: both sides have spoken, as in a group that is used. */

import { randomUUID } from "node:crypto";
import * as lib from "@signalapp/libsignal-client";
import {
  MemoryIdentity,
  MemoryKyberPrekeys,
  MemoryPrekeys,
  MemorySessions,
  MemorySignedPrekeys,
} from "../sdk/memory-stores.js";

const DAY_MS = 86_400_000;
const REGISTRATION_ID = 1_234;

/** One device with the library's stores in memory. */
export interface Person {
  readonly uuid: string;
  readonly identity: lib.IdentityKeyPair;
  readonly address: lib.ProtocolAddress;
  readonly sessions: MemorySessions;
  readonly identities: MemoryIdentity;
}

/** The sender with its certificate, and the members. */
export interface People {
  readonly sender: Person;
  readonly certificate: lib.SenderCertificate;
  readonly members: readonly Person[];
}

/** Makes people who have talked. */
export async function peopleOf(members: number): Promise<People> {
  const sender = personOf();
  const root = lib.PrivateKey.generate();
  const serverKey = lib.PrivateKey.generate();
  const server = lib.ServerCertificate.new(1, serverKey.getPublicKey(), root);
  const certificate = lib.SenderCertificate.new(
    ...([lib.Aci.fromUuid(sender.uuid), null, 1, sender.identity.publicKey] as const),
    ...([Date.now() + DAY_MS, server, serverKey] as const),
  );
  const all = Array.from({ length: members }, personOf);
  for (const member of all) await meet(sender, member);
  return { sender, certificate, members: all };
}

function personOf(): Person {
  const uuid = randomUUID();
  const identity = lib.IdentityKeyPair.generate();
  return {
    uuid,
    identity,
    address: lib.ProtocolAddress.new(lib.Aci.fromUuid(uuid), 1),
    sessions: new MemorySessions(),
    identities: new MemoryIdentity(identity, REGISTRATION_ID),
  };
}

/** A session that both sides have used. */
async function meet(from: Person, to: Person): Promise<void> {
  const [oneTime, signed, kyber] = [lib.PrivateKey.generate(), lib.PrivateKey.generate(), lib.KEMKeyPair.generate()];
  const sign = (key: Uint8Array<ArrayBuffer>) => to.identity.privateKey.sign(key);
  const signature = sign(signed.getPublicKey().serialize());
  const kyberSignature = sign(kyber.getPublicKey().serialize());
  const prekeys = new MemoryPrekeys();
  const signedPrekeys = new MemorySignedPrekeys();
  const kyberPrekeys = new MemoryKyberPrekeys();
  await prekeys.savePreKey(1, lib.PreKeyRecord.new(1, oneTime.getPublicKey(), oneTime));
  await signedPrekeys.saveSignedPreKey(
    1,
    lib.SignedPreKeyRecord.new(1, Date.now(), signed.getPublicKey(), signed, signature),
  );
  await kyberPrekeys.saveKyberPreKey(1, lib.KyberPreKeyRecord.new(1, Date.now(), kyber, kyberSignature));
  const bundle = lib.PreKeyBundle.new(
    ...([REGISTRATION_ID, 1, 1, oneTime.getPublicKey(), 1, signed.getPublicKey(), signature] as const),
    ...([to.identity.publicKey, 1, kyber.getPublicKey(), kyberSignature] as const),
  );
  await lib.processPreKeyBundle(bundle, to.address, from.address, from.sessions, from.identities);
  const hello = await lib.signalEncrypt(Buffer.from("hello"), to.address, from.address, from.sessions, from.identities);
  await lib.signalDecryptPreKey(
    ...([lib.PreKeySignalMessage.deserialize(hello.serialize()), from.address, to.address] as const),
    ...([to.sessions, to.identities, prekeys, signedPrekeys, kyberPrekeys] as const),
  );
  const answer = await lib.signalEncrypt(Buffer.from("hi"), from.address, to.address, to.sessions, to.identities);
  await lib.signalDecrypt(
    ...([lib.SignalMessage.deserialize(answer.serialize()), to.address, from.address] as const),
    ...([from.sessions, from.identities] as const),
  );
}
