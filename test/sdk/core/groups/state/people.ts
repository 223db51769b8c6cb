/** People of a group with identity keys, and two ways to sign: the real one, and a cheap one that anybody could forge. */

import { createHash } from "node:crypto";
import { PrivateKey, PublicKey } from "@signalapp/libsignal-client";
import { type AccountId, accountIdFromBytes, digest } from "@sotto/protocol";
import type { Verify } from "../../../../../sdk/core/groups/state/apply.js";

const encoder = new TextEncoder();

/** Somebody who may have a place in a group. */
export interface Person {
  readonly account: AccountId;
  readonly identityKey: Uint8Array;
  readonly wrapKey: Uint8Array;
  readonly deliveryKeyHash: Uint8Array;
  sign(text: Uint8Array): Uint8Array;
}

/** Bytes that are the same for the same name. */
export function named(name: string): Uint8Array<ArrayBuffer> {
  return digest(encoder.encode(name));
}

/** 33 bytes that look like a public key. */
export function curveKey(name: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(5, ...named(name));
}

function person(name: string, identityKey: Uint8Array, sign: (text: Uint8Array) => Uint8Array): Person {
  const account = accountIdFromBytes(named(`account ${name}`).subarray(0, 16));
  return { account, identityKey, wrapKey: curveKey(`wrap ${name}`), deliveryKeyHash: named(`delivery ${name}`), sign };
}

/** Somebody whose signatures anybody can make: a hash of key and text. For properties that run thousands of entries. */
export function unsafePerson(name: string): Person {
  const identityKey = curveKey(`identity ${name}`);
  return person(name, identityKey, (text) => unsafeSignature(identityKey, text));
}

function unsafeSignature(identityKey: Uint8Array, text: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha512").update(identityKey).update(text).digest());
}

/** Checks signatures of `unsafePerson`; a real check but for what a forger could do. */
export const unsafeVerify: Verify = (identityKey, text, signature) =>
  Buffer.compare(unsafeSignature(identityKey, text), signature) === 0;

/** Somebody with a real identity key, who signs by XEdDSA. */
export function realPerson(name: string): Person {
  const key = PrivateKey.generate();
  return person(name, key.getPublicKey().serialize(), (text) => key.sign(Buffer.from(text)));
}

/** Checks XEdDSA signatures. */
export const realVerify: Verify = (identityKey, text, signature) =>
  PublicKey.deserialize(Buffer.from(identityKey)).verify(Buffer.from(text), Buffer.from(signature));
