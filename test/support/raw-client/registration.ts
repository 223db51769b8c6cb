/** The frame that registers a first device, from keys made for it. */

import { generateKeyPairSync, type KeyObject, randomBytes, randomInt, sign } from "node:crypto";
import { deriveDeliveryKey, type Frame, hashDeliveryKey, PROTOCOL_VERSION, registrationText } from "@sotto/protocol";
import { SignalSide } from "./signal-side.js";

/** The private side of a registration. */
export interface NewKeys {
  readonly signal: SignalSide;
  /** Ed25519; proves the device at every greeting. */
  readonly authenticationKey: KeyObject;
  readonly profileKey: Uint8Array;
}

/** A valid answer to a relay's challenge for a new account: of a user id in development mode, or with the host's token. */
export function registration(
  challenge: Frame<"challenge">,
  user: string | { readonly token: string },
): { readonly frame: Frame<"register">; readonly keys: NewKeys } {
  const signal = new SignalSide(randomInt(1, 0x4000));
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const profileKey = new Uint8Array(randomBytes(32));
  const own = {
    mode: "first" as const,
    identityKey: signal.identity.publicKey.serialize(),
    authenticationKey: new Uint8Array(Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url")),
    registrationId: signal.registrationId,
    deliveryKeyHash: hashDeliveryKey(deriveDeliveryKey(profileKey)),
  };
  const text = registrationText(challenge, own);
  const frame: Frame<"register"> = {
    type: "register",
    version: PROTOCOL_VERSION,
    ...(typeof user === "string" ? { userId: user } : user),
    ...own,
    ...signal.published,
    identitySignature: signal.identity.privateKey.sign(text),
    authenticationSignature: new Uint8Array(sign(null, text, privateKey)),
  };
  return { frame, keys: { signal, authenticationKey: privateKey, profileKey } };
}
