/** The honest part of a scripted relay: it greets, and answers what needs no knowledge. */

import { type AccountId, type DeviceId, encodeFrame, type Frame, type FrameToRelay } from "@sotto/protocol";
import { anonymousWelcome } from "../../sdk/core/link/fixture.js";
import type { Script, Victim } from "./hostile-relay.js";

/** The root an honest script presents. */
export const honestRoot = Uint8Array.of(5, ...new Uint8Array(32).fill(1));
/** The root of another relay. */
export const otherRoot = Uint8Array.of(5, ...new Uint8Array(32).fill(2));

/** The challenge of a greeting; `over` replaces fields. */
export function challenge(over: Partial<Frame<"challenge">> = {}): Frame<"challenge"> {
  return {
    type: "challenge",
    version: 1,
    nonce: new Uint8Array(32),
    root: honestRoot,
    serverTimeMs: Date.now(),
    development: "off",
    ...over,
  };
}

/** Greets honestly, believing every proof; then `live` takes over. */
export function greeted(live: (victim: Victim) => void | Promise<void>): Script {
  return (victim) => {
    let isGreeted = false;
    victim.onFrame((frame) => {
      if (isGreeted) return;
      isGreeted = true;
      victim.say(welcomeTo(frame));
      void live(victim);
    });
    victim.say(challenge());
  };
}

function welcomeTo(frame: FrameToRelay): Frame<"welcome"> {
  const nameless = { ...anonymousWelcome, serverTimeMs: Date.now() };
  if (frame.type !== "authenticate") return nameless;
  const { account, device }: { account: AccountId; device: DeviceId } = frame;
  return { ...nameless, account, device, keyDigest: new Uint8Array(32) };
}

/** Answers heartbeats and user lookups as an honest relay does; nothing is stored. */
export function answer(victim: Victim): void {
  victim.onFrame((frame) => {
    if (frame.type === "ping") victim.say({ type: "pong", id: frame.id, serverTimeMs: Date.now() });
    if (frame.type === "resolve") victim.say(resolvedAs(frame.id, someAccount));
  });
}

function resolvedAs(id: number, account: AccountId): Frame<"resolved"> {
  return { type: "resolved", id, account, role: "person", firstContact: "everyone", bases: [] };
}

/** The account every lookup of an honest script answers. */
export const someAccount = "00000000-0000-4000-8000-000000000001" as AccountId;

/** A relay as a client may expect it. */
export const behave: Script = greeted(answer);

/** The head of a WebSocket frame with a binary payload of this size (RFC 6455 §5.2), which a script may leave unfinished. */
export function frameHead(sizeBytes: number): Uint8Array {
  if (sizeBytes < 126) return Uint8Array.of(0x82, sizeBytes);
  const head = new Uint8Array(10);
  head.set([0x82, 127]);
  new DataView(head.buffer).setBigUint64(2, BigInt(sizeBytes));
  return head;
}

/** The bytes of a challenge as they go over TCP. */
export function rawChallenge(): Uint8Array {
  const payload = encodeFrame(challenge());
  return Uint8Array.of(...frameHead(payload.length), ...payload);
}
