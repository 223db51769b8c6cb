/** Delivery under any interleaving of mail, acknowledgements, slow peers and reconnects. */

import { decodeFrame, type FrameToClient, limits } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Client } from "./support/client.js";
import { offlineWith } from "./support/offline.js";
import { sealedTo, sendFrame } from "./support/test-relay.js";
import { settle, until } from "./support/turns.js";

const ACTIONS = 25;
const WRITTEN_AT_ONCE = 60;
/** Room for all there can be: what is refused for want of it would not be delivered. */
const policy = { mailboxQuota: { envelopes: ACTIONS * WRITTEN_AT_ONCE, bytes: 16_777_216 } };

describe("whatever happens", () => {
  it("every connection sees rising cursors without a gap, queueEmpty once, and nothing is lost", async () => {
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant("write" as const),
          count: fc.integer({ min: 1, max: WRITTEN_AT_ONCE }),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant("acknowledge" as const),
          part: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("congest" as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("drain" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("reconnect" as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("settle" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("tick" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: ACTIONS }), async (actions) => {
        const { relay, alice } = await offlineWith(0, 2, { policy });
        const sender = await relay.anonymous();
        const greeted = sender.messages.length;
        const answered = () => sender.messages.length - greeted;
        let written = 0;
        let acknowledged = 0;
        let client = await relay.connected(alice.device);
        const delivered = () => cursorsOf(client);
        for (const one of actions) {
          switch (one.kind) {
            case "write":
              // A sender with more than that unanswered is closed, and what it says then is not written.
              if (written + one.count - answered() > limits.requestsInFlight.value) {
                await until(
                  () => answered() === written,
                  () => "all answers",
                );
              }
              for (let count = 0; count < one.count; count++) sender.say(sendFrame(sender, [sealedTo(alice.device)]));
              written += one.count;
              break;
            case "acknowledge": {
              const upTo = delivered()[Math.floor((delivered().length - 1) * one.part)];
              if (upTo === undefined) break;
              client.say({ type: "acknowledge", upTo, also: [] });
              acknowledged = Math.max(acknowledged, upTo);
              break;
            }
            case "congest":
              client.bufferedBytes = 1_000_000;
              break;
            case "drain":
              client.drain();
              break;
            case "reconnect":
              await settle();
              client.hangUp();
              client = await relay.connected(alice.device);
              break;
            case "settle":
              await settle();
              break;
            case "tick":
              relay.clock.advance(20);
              break;
          }
          expectGapless(client);
        }
        client.drain();
        for (let round = 0; round < 50; round++) {
          await settle();
          relay.clock.advance(20);
          const last = delivered().at(-1);
          if (last === undefined || last === written) continue;
          client.say({ type: "acknowledge", upTo: last, also: [] });
          acknowledged = last;
        }
        expectGapless(client);
        expect(sender.closedWith).toBeUndefined();
        if (written > acknowledged) expect(delivered().at(-1)).toBe(written);
        expect(client.closedWith).toBeUndefined();
        expect(typesOf(client).filter((type) => type === "queueEmpty")).toHaveLength(1);
        expect(relay.bugs).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  function framesOf(client: Client): readonly FrameToClient[] {
    return client.messages.map((message) => decodeFrame(message, "toClient"));
  }
  function typesOf(client: Client): readonly string[] {
    return framesOf(client).map(({ type }) => type);
  }
  function cursorsOf(client: Client): readonly number[] {
    return framesOf(client).flatMap((frame) => (frame.type === "deliver" ? [frame.cursor] : []));
  }
  function expectGapless(client: Client): void {
    const cursors = cursorsOf(client);
    for (let index = 1; index < cursors.length; index++)
      expect(cursors[index]).toBe((cursors[index - 1] as number) + 1);
  }
});
