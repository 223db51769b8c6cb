/** A relay that cheats one of its users: a real one, and somebody before it who changes what that user is delivered and answered. */

import { decodeFrame, encodeFrame, type Frame, type FrameToClient } from "@sotto/protocol";
import type { Client, ConversationId, MessageId } from "@sotto/sdk/node";
import type { ClientParts } from "../../../../sdk/core/compose/parts.js";
import { type RunningProxy, startProxy } from "../../../support/hostile-relay/index.js";
import type { World } from "../../../support/world.js";

/** What becomes of a frame on its way to the client; `undefined`: it is lost. */
export type Cheat = (frame: FrameToClient) => FrameToClient | undefined;

/** Somebody before a relay. */
export class Between {
  private constructor(private readonly proxy: RunningProxy) {}

  /** Stands before a world's relay, and is honest at first. */
  static async stand(world: World): Promise<Between> {
    return new Between(await startProxy({ upstream: world.url.replace("localhost", "127.0.0.1") }));
  }

  /** Where the cheated client connects. */
  get url(): string {
    return this.proxy.url;
  }

  /** Cheats from now on. */
  cheat(how: Cheat): void {
    this.proxy.become(({ direction, bytes }) => {
      if (direction === "toRelay") return [bytes];
      const frame = decodeFrame(bytes, "toClient");
      const told = how(frame);
      return told === undefined ? [] : [told === frame ? bytes : encodeFrame(told)];
    });
  }

  close(): Promise<void> {
    return this.proxy.close();
  }
}

/** Changes what is delivered of what was stored, and nothing else. */
export function delivering(change: (frame: Frame<"deliver">) => Frame<"deliver"> | undefined): Cheat {
  return (frame) => (frame.type === "deliver" && frame.commitment !== undefined ? change(frame) : frame);
}

/** Bytes with the first one another. */
export function garbled(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of((bytes[0] ?? 0) ^ 1, ...bytes.subarray(1));
}

/** What a client is made of, for what no app can ask. */
export function partsOf(client: Client): ClientParts {
  return (client as unknown as { readonly running: { readonly parts: ClientParts } }).running.parts;
}

/** The commitment of a message that a client keeps. */
export async function commitmentOf(
  client: Client,
  conversation: ConversationId,
  from: Client,
  message: MessageId,
): Promise<Uint8Array> {
  const kept = await partsOf(client).evidence.of(conversation, from.accountId, message);
  if (kept === undefined) throw new Error("nothing is kept of that message");
  return kept.evidence.commitment;
}
