/** Ed25519 as clients check it (node:crypto), as the desk does (ZIP-215), and as an independent library does. */

import type { Sign, Verify } from "@sotto/protocol";
import nacl from "tweetnacl";
import { ed25519 as client } from "../../../sdk/node/ed25519.js";
import { verifySignature as deskVerify, isSoundKey } from "../../../server/desk/keys/ed25519.js";

export { deskVerify, isSoundKey };

/** A key pair and what it signs. */
export interface Signer {
  readonly publicKey: Uint8Array;
  readonly sign: Sign;
}

/** A pair of a 32-byte seed, by the library that the SDK signs with. */
export function signerOf(seed: Uint8Array): Signer {
  const { publicKey, privateKey } = client.fromSeed(seed);
  return { publicKey, sign: client.signer(privateKey) };
}

/** The same pair, by tweetnacl. */
export function independentSignerOf(seed: Uint8Array): Signer {
  const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(seed);
  return { publicKey, sign: (message) => nacl.sign.detached(message, secretKey) };
}

/** As clients check. */
export const clientVerify: Verify = (publicKey, message, signature) => client.verify(publicKey, message, signature);

/** As tweetnacl checks. */
export const independentVerify: Verify = (publicKey, message, signature) =>
  nacl.sign.detached.verify(message, signature, publicKey);
