/** Somebody whose mail waits. */

import type { Client } from "./client.js";
import { envelopeFor, sealedTo, sendFrame, TestRelay, type TestRelayOptions } from "./test-relay.js";

/** Alice, offline, with this much mail; bodies spell their number. `write` adds to it. */
export async function offlineWith(count: number, bodyBytes = 2, options: TestRelayOptions = {}) {
  const relay = await TestRelay.start(options);
  const alice = await relay.person("alice");
  alice.client.hangUp();
  let sender = await relay.anonymous();
  const write = async (number: number) => {
    if (sender.closedWith !== undefined) sender = await relay.anonymous();
    const body = new Uint8Array(bodyBytes);
    new DataView(body.buffer).setUint16(0, number);
    sender.say(sendFrame(sender, [{ ...sealedTo(alice.device), envelopes: [envelopeFor(alice.device, body)] }]));
    await sender.next("accepted");
  };
  for (let number = 1; number <= count; number++) await write(number);
  return { relay, alice, write };
}

/** The next frames must deliver these cursors in order. */
export async function deliveries(client: Client, first: number, last: number): Promise<void> {
  for (let cursor = first; cursor <= last; cursor++) {
    const frame = await client.next("deliver");
    if (frame.cursor !== cursor) throw new Error(`expected cursor ${cursor}, got ${frame.cursor}`);
  }
}
