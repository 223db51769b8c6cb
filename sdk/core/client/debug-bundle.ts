/** What a user can send to support: how the client is doing, and nothing about whom it talks to or what is said. */

import { PROTOCOL_VERSION } from "@sotto/protocol";
import type { ClientParts } from "../compose/parts.js";
import type { ClientState } from "./client-events.js";

/** A redacted picture of a client. */
export interface DebugBundle {
  readonly protocolVersion: number;
  readonly platform: string;
  readonly engine: string;
  readonly state: ClientState;
  readonly madeAtMs: number;
  readonly relayClockOffsetMs: number;
  /** Times the relay broke the protocol. */
  readonly relayViolations: number;
  readonly outboxSize: number;
  readonly conversationCount: number;
  /** Whether a realm is held, and the number of its manifest; 0 without one. */
  readonly realmNumber: number;
  /** Tokens of the present epoch that were not used yet. */
  readonly tokensLeft: number;
  /** Counts since the client was created, see `counters.ts`. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Makes the bundle. Holds no id, name, key, address or text. */
export async function debugBundle(parts: ClientParts, state: ClientState): Promise<DebugBundle> {
  const { platform, engine, relay, outbox, conversations, counters, realm, tokens } = parts;
  return {
    protocolVersion: PROTOCOL_VERSION,
    platform: platform.name,
    engine: engine.name,
    state,
    madeAtMs: platform.clock.now(),
    relayClockOffsetMs: Math.round(relay.device.serverTimeOffsetMs),
    relayViolations: relay.device.violations,
    outboxSize: outbox.size,
    conversationCount: (await conversations.peers()).length,
    realmNumber: realm.isKnown ? realm.current.number : 0,
    tokensLeft: tokens.left,
    counts: counters.snapshot(),
  };
}
