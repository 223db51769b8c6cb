import { deriveDeliveryKey, type Frame } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { Typing, type TypingParts } from "../../../../sdk/core/conversations/typing.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { settled } from "../link/manual-clock.js";
import { peer, Talk } from "../people.js";

const profileKey = new Uint8Array(32).fill(7);

let nowMs: number;
let requests: Frame<"send">[];
let relation: string;
let state: "ready" | "closed";
let typing: Typing;
let talk: Talk;
const send = (how: "started" | "stopped") =>
  typing.send(
    {
      ...{ kind: "direct", peer, timeline: talk.timeline, writer: talk.writer, reader: talk.reader },
      tell: () => undefined,
    },
    how,
  );

beforeEach(async () => {
  talk = await Talk.open();
  [nowMs, requests, relation, state] = [1_000, [], "accepted", "ready"];
  const parts = {
    store: talk.store,
    account: { current: { profileKey } },
    peers: { get: async () => ({ profileKey, relation }) },
    sessions: { encrypt: async () => ({ envelopes: [], durable: Promise.resolve() }) },
    relay: {
      get device() {
        return { state };
      },
      anonymous: {
        request: async (frame: Frame<"send">) => {
          requests.push(frame);
        },
      },
    },
    author: { passing: () => ({ encoded: Uint8Array.of(1), change: talk.timeline.countersChange() }) },
    clock: { now: () => nowMs },
    random: nodePlatform.random,
    failed: (error: unknown) => {
      throw error;
    },
  };
  typing = new Typing(parts as unknown as TypingParts);
});

describe("typing", () => {
  it("leaves sealed and unstored, once in three seconds, and stops only what was started", async () => {
    send("stopped");
    send("started");
    await settled();
    nowMs += 2_999;
    send("started");
    await settled();
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      storage: "ephemeral",
      recipients: [{ account: peer, deliveryKey: deriveDeliveryKey(profileKey), scope: "all" }],
    });
    nowMs += 1;
    send("started");
    await settled();
    send("stopped");
    await settled();
    send("stopped");
    await settled();
    expect(requests).toHaveLength(3);
  });

  it("is dropped while the relay is away", async () => {
    state = "closed";
    send("started");
    await settled();
    expect(requests).toEqual([]);
  });

  it("is told to contacts only", async () => {
    relation = "sent";
    send("started");
    await settled();
    expect(requests).toEqual([]);
  });
});
