/**
 * Sotto's own language, as its SDK speaks it: devices registered with real keys, receivers authenticated by signature,
 * senders on anonymous connections with the recipient's delivery key. Only the bodies are random bytes instead of
 * ciphertext, which the relay cannot tell.
 */

import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { IdentityKeyPair, KEMKeyPair, PrivateKey } from "@signalapp/libsignal-client";
import {
  authenticationText,
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameToClient,
  type FrameToRelay,
  failures,
  frames,
  hashDeliveryKey,
  PROTOCOL_VERSION,
  parseAccountId,
  parseDeviceId,
  registrationText,
} from "@sotto/protocol";
import {
  answeredSequence,
  BODY_BYTES,
  type Dialect,
  inParallel,
  type Place,
  type Recipient,
  sendCopies,
} from "./dialect.js";
import { BenchSocket, frameOf } from "./socket.js";

/** Registrations under way at once in one generator. */
const ENROLMENTS_AT_ONCE = 32;

/** Prekeys whose public halves every device of the bench publishes, each signed by the device's own identity. */
const curveKey = PrivateKey.generate().getPublicKey().serialize();
const kyberKey = KEMKeyPair.generate().getPublicKey().serialize();

interface Greeted {
  readonly socket: BenchSocket;
  readonly welcome: Frame<"welcome">;
}

/** Speaks to a Sotto relay in development mode. */
export function sottoDialect(place: Place): Dialect {
  return {
    enrol: (count, generator) =>
      inParallel(count, ENROLMENTS_AT_ONCE, (index) => register(place, `bench-${generator}-${index}`)),

    async openSender(to, events) {
      const { socket } = await greet(place, () => ({ type: "anonymous", version: PROTOCOL_VERSION }), {
        message(payload) {
          if (payload[1] === frames.accepted.tag) events.accepted(answeredSequence(payload));
          else if (isBusy(payload)) events.refused(answeredSequence(payload));
          else events.failed(describe(payload));
        },
        closed: events.failed,
      });
      const { account, device, registrationId, deliveryKey } = read(to);
      return sendCopies(socket, (id, messageId, body) =>
        encodeFrame({
          type: "send",
          id,
          messageId,
          storage: "stored",
          commitment: randomBytes(32),
          urgency: "normal",
          purpose: "message",
          wantBundles: "no",
          recipients: [{ account, deliveryKey, scope: "all", envelopes: [{ device, registrationId, body }] }],
        }),
      );
    },

    async openReceiver(of, events) {
      const { account, device, authenticationKey } = read(of);
      const answer = (challenge: Frame<"challenge">): FrameToRelay => ({
        type: "authenticate",
        version: PROTOCOL_VERSION,
        account,
        device,
        signature: sign(null, authenticationText(challenge, account, device), authenticationKey),
      });
      const { socket } = await greet(place, answer, {
        message(payload) {
          const tag = payload[1];
          if (tag === frames.deliver.tag) {
            events.delivered(readUint(payload, 2), payload.subarray(payload.length - BODY_BYTES));
          } else if (tag === frames.queueEmpty.tag) events.queueEmpty();
          else if (tag !== frames.keysLow.tag) events.failed(describe(payload));
        },
        closed: events.failed,
      });
      return {
        socket,
        acknowledge: (upTo) => socket.send(frameOf(encodeFrame({ type: "acknowledge", upTo, also: [] })).frame),
      };
    },
  };
}

/** Opens a socket and goes through the greeting; afterwards `live` hears everything. */
export async function greet(
  place: Place,
  answer: (challenge: Frame<"challenge">) => FrameToRelay,
  live: { message(payload: Buffer): void; closed(reason: string): void },
): Promise<Greeted> {
  const challenge = deferred<Frame<"challenge">>();
  const welcome = deferred<Frame<"welcome">>();
  let isLive = false;
  const fail = (reason: string) => {
    challenge.reject(new Error(reason));
    welcome.reject(new Error(reason));
  };
  const socket = await BenchSocket.open(
    { ...place, path: "/v1" },
    {
      message(payload) {
        if (isLive) return live.message(payload);
        const frame: FrameToClient = decodeFrame(Uint8Array.from(payload), "toClient");
        if (frame.type === "challenge") challenge.resolve(frame);
        else if (frame.type === "welcome") {
          isLive = true;
          welcome.resolve(frame);
        } else fail(describe(payload));
      },
      closed: (reason) => (isLive ? live.closed(reason) : fail(reason)),
    },
  );
  socket.send(frameOf(encodeFrame(answer(await challenge.promise))).frame);
  return { socket, welcome: await welcome.promise };
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(cause: Error): void;
}

function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, "promise"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Who waits hears of a rejection; it is no crash while nobody does yet.
  promise.catch(() => undefined);
  return { promise, resolve: (value) => settle?.resolve(value), reject: (cause) => settle?.reject(cause) };
}

async function register(place: Place, userId: string): Promise<Recipient> {
  const identity = IdentityKeyPair.generate();
  const identityKey = identity.publicKey.serialize();
  const authentication = generateKeyPairSync("ed25519");
  const authenticationKey = authentication.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const deliveryKey = randomBytes(16);
  const registrationId = 1 + (randomBytes(2).readUInt16BE(0) % 0x3fff);
  const keys = {
    mode: "first",
    identityKey,
    authenticationKey,
    registrationId,
    deliveryKeyHash: hashDeliveryKey(deliveryKey),
  } as const;
  const { socket, welcome } = await greet(
    place,
    (challenge) => {
      const signed = registrationText(challenge, keys);
      return {
        type: "register",
        version: PROTOCOL_VERSION,
        userId,
        ...keys,
        signedPrekey: { id: 1, key: curveKey, signature: identity.privateKey.sign(curveKey) },
        lastResortPrekey: { id: 1, key: kyberKey, signature: identity.privateKey.sign(kyberKey) },
        identitySignature: identity.privateKey.sign(signed),
        authenticationSignature: sign(null, signed, authentication.privateKey),
      };
    },
    { message: () => undefined, closed: () => undefined },
  );
  socket.close();
  return {
    account: String(welcome.account),
    device: Number(welcome.device),
    registrationId,
    deliveryKey: deliveryKey.toString("hex"),
    authenticationKey: authentication.privateKey.export({ format: "der", type: "pkcs8" }).toString("hex"),
  };
}

/** What a recipient of this dialect consists of. */
export function read(recipient: Recipient) {
  return {
    account: parseAccountId(String(recipient.account)),
    device: parseDeviceId(Number(recipient.device)),
    registrationId: Number(recipient.registrationId),
    deliveryKey: Buffer.from(String(recipient.deliveryKey), "hex"),
    authenticationKey: createPrivateKey({
      key: Buffer.from(String(recipient.authenticationKey), "hex"),
      format: "der",
      type: "pkcs8",
    }),
  };
}

/** Whether a frame is the failure of a relay that cannot take a send now. */
function isBusy(payload: Buffer): boolean {
  if (payload[1] !== frames.failed.tag) return false;
  const frame = decodeFrame(Uint8Array.from(payload), "toClient");
  return frame.type === "failed" && frame.failure === failures.busy.wire;
}

/** A msgpack unsigned integer (the forms Sotto's frames use). */
function readUint(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  if (first <= 0x7f) return first;
  if (first === 0xcc) return bytes.readUInt8(at + 1);
  if (first === 0xcd) return bytes.readUInt16BE(at + 1);
  if (first === 0xce) return bytes.readUInt32BE(at + 1);
  return Number(bytes.readBigUInt64BE(at + 1));
}

/** A frame to a client as text. */
export function describe(payload: Buffer): string {
  return JSON.stringify(decodeFrame(Uint8Array.from(payload), "toClient"), (_, value: unknown) =>
    value instanceof Uint8Array ? "bytes" : value,
  );
}
