/** A device that speaks frames by hand, for tests of the relay's outside that must not depend on the SDK. */

import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { once } from "node:events";
import { KEMKeyPair, PrivateKey } from "@signalapp/libsignal-client";
import {
  decodeFrame,
  encodeFrame,
  type FrameToClient,
  type FrameToRelay,
  PROTOCOL_VERSION,
  registrationText,
} from "@sotto/protocol";
import { WebSocket } from "ws";

/** A socket whose frames arrive one by one. */
export interface RawSocket {
  send(frame: FrameToRelay): void;
  sendBytes(bytes: Uint8Array): void;
  /** The next frame; rejects if the socket closes first. */
  next(): Promise<FrameToClient>;
  closed(): Promise<number>;
  close(): void;
}

/** Opens a socket. */
export async function openRaw(url: string): Promise<RawSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1`);
  const arrived: FrameToClient[] = [];
  const waiting: ((frame: FrameToClient) => void)[] = [];
  socket.on("message", (data: Buffer) => {
    const frame = decodeFrame(new Uint8Array(data), "toClient");
    const first = waiting.shift();
    if (first === undefined) arrived.push(frame);
    else first(frame);
  });
  // One that is refused closes too; why is told to who opens it.
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  await once(socket, "open");
  return {
    send: (frame) => socket.send(encodeFrame(frame)),
    sendBytes: (bytes) => socket.send(bytes),
    next() {
      const frame = arrived.shift();
      if (frame !== undefined) return Promise.resolve(frame);
      const gone = closed.then((code) => Promise.reject(new Error(`closed with ${code}`)));
      return Promise.race([new Promise<FrameToClient>((resolve) => void waiting.push(resolve)), gone]);
    },
    closed: () => closed,
    close: () => socket.close(),
  };
}

/** What registers a device: the host's token, or in development mode any user id. */
export type Credential = { readonly userId: string } | { readonly token: string };

/** Registers a user's first device on a new socket and answers the relay's last word. */
export async function registerRaw(
  url: string,
  credential: Credential,
): Promise<{ socket: RawSocket; answer: FrameToClient }> {
  const socket = await openRaw(url);
  const challenge = await socket.next();
  if (challenge.type !== "challenge") throw new Error(`expected a challenge, not ${challenge.type}`);
  const identity = PrivateKey.generate();
  const device = generateKeyPairSync("ed25519");
  const own = {
    mode: "first" as const,
    identityKey: identity.getPublicKey().serialize(),
    authenticationKey: new Uint8Array(Buffer.from(device.publicKey.export({ format: "jwk" }).x ?? "", "base64url")),
    registrationId: 17,
    deliveryKeyHash: new Uint8Array(randomBytes(32)),
  };
  const text = registrationText(challenge, own);
  const signed = (key: Uint8Array<ArrayBuffer>) => ({ id: 1, key, signature: identity.sign(key) });
  socket.send({
    type: "register",
    version: PROTOCOL_VERSION,
    ...credential,
    ...own,
    signedPrekey: signed(PrivateKey.generate().getPublicKey().serialize()),
    lastResortPrekey: signed(KEMKeyPair.generate().getPublicKey().serialize()),
    identitySignature: identity.sign(text),
    authenticationSignature: new Uint8Array(sign(null, text, device.privateKey)),
  });
  return { socket, answer: await socket.next() };
}
