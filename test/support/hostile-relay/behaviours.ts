/** What a hostile relay may do, one script each. The name says it; the test says what must come of it. */

import { encodeFrame, type Frame, limits } from "@sotto/protocol";
import { answer, challenge, frameHead, greeted, otherRoot, rawChallenge } from "./greeting.js";
import type { Script, Victim } from "./hostile-relay.js";
import { seededRandom } from "./seeded-random.js";

const delivery = (cursor: number, sizeBytes = 1): Frame<"deliver"> => ({
  type: "deliver",
  cursor,
  messageId: new Uint8Array(16),
  acceptedMs: 1,
  body: new Uint8Array(sizeBytes),
});

/** Random bytes instead of a challenge. */
export const randomBytes: Script = (victim) => void victim.sayBytes(seededRandom(victim.index).bytes(300));

/** Well-formed msgpack, as a frame's array, with a tag no row has. */
export const unknownTag: Script = (victim) => void victim.sayBytes(Uint8Array.of(0x92, 0xcc, 0xc8, 0x01));

/** Well-formed msgpack that is no array. */
export const msgpackMap: Script = (victim) => void victim.sayBytes(Uint8Array.of(0x81, 0xa1, 0x61, 0x01));

/** Text where only binary frames exist. */
export const text: Script = (victim) => victim.sayText('{"hello":"world"}');

/** A challenge of a version to come. */
export const wrongVersion: Script = (victim) => victim.say(challenge({ version: 2 }));

/** The challenge of another relay. */
export const wrongRoot: Script = (victim) => victim.say(challenge({ root: otherRoot }));

/** The TCP stream ends inside a frame. */
export const cutInsideFrame: Script = (victim) => {
  const raw = rawChallenge();
  victim.writeRaw(raw.subarray(0, raw.length - 10));
  victim.cut();
};

/** Bytes that are no WebSocket frame: reserved bits and a reserved opcode. */
export const brokenFraming: Script = (victim) => victim.writeRaw(Uint8Array.of(0xff, 0xff, 0, 1, 2, 3));

/** Accepts the connection and never says a word. */
export const stall: Script = () => undefined;

/** Sends the challenge a byte at a time, so slowly that it never ends. */
export const slowDrip: Script = (victim) => {
  const raw = rawChallenge();
  let at = 0;
  const drip = setInterval(() => {
    if (victim.isGone || at === raw.length - 1) clearInterval(drip);
    else victim.writeRaw(raw.subarray(at, ++at));
  }, 50);
};

/** Greets, then answers nothing. */
export const stallAfterWelcome: Script = greeted(() => undefined);

/** Greets, then answers heartbeats and nothing else. */
export const answersHeartbeatsOnly: Script = greeted((victim) => {
  victim.onFrame((frame) => {
    if (frame.type === "ping") victim.say({ type: "pong", id: frame.id, serverTimeMs: 1 });
  });
});

/** Waits for two requests and gives each the answer of the other. */
export const swappedIds: Script = greeted((victim) => {
  const ids: { resolve?: number; certificate?: number } = {};
  victim.onFrame((frame) => {
    if (frame.type === "resolve") ids.resolve = frame.id;
    if (frame.type === "fetchCertificate") ids.certificate = frame.id;
    if (ids.resolve === undefined || ids.certificate === undefined) return;
    victim.say({ type: "certificate", id: ids.resolve, certificate: new Uint8Array(8), expiresMs: 1 });
  });
});

/** Says every answer twice. */
export const duplicateAnswers: Script = greeted((victim) => {
  answer(victim);
  answer(victim);
});

/** Delivers live mail with a hole in it. */
export const gap: Script = greeted((victim) => victim.say({ type: "queueEmpty" }, delivery(1), delivery(3)));

/** Delivers mail again on the same connection. */
export const regressingCursor: Script = greeted((victim) => victim.say(delivery(7), delivery(6)));

/** Ends the backlog a thousand times. */
export const queueEmptyFlood: Script = greeted((victim) => repeat(victim, { type: "queueEmpty" }, 1_000));

/** Delivers far more than may be in flight, large envelopes each. */
export const mailFlood: Script = greeted(async (victim) => {
  for (let cursor = 1; cursor <= 2_000 && !victim.isGone; cursor++) {
    await victim.sayBytes(encodeFrame(delivery(cursor, limits.ciphertextBytes.value)));
  }
});

/** One message above the limit of the socket. */
export const hugeFrame: Script = greeted((victim) => void victim.sayBytes(new Uint8Array(limits.frameBytes.value + 1)));

/** Announces a message of a petabyte and starts to send it. */
export const announcedHugeFrame: Script = greeted((victim) => {
  victim.writeRaw(frameHead(2 ** 50));
  victim.writeRaw(new Uint8Array(100_000));
});

/** Floods with frames that are each allowed: ephemeral envelopes, as many as asked, as large as may be. */
export function ephemeralFlood(count: number): Script {
  return greeted(async (victim) => {
    answer(victim);
    const bytes = encodeFrame(delivery(0, limits.ciphertextBytes.value));
    for (let sent = 0; sent < count && !victim.isGone; sent++) await victim.sayBytes(bytes);
    victim.say({ type: "queueEmpty" });
  });
}

function repeat(victim: Victim, frame: Frame<"queueEmpty">, times: number): void {
  for (let count = 0; count < times; count++) victim.say(frame);
}
