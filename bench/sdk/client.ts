/**
 * One side of the measured conversation: the published SDK on real storage, driven over the channel of `fork`. Bob's
 * cost counts from his first measured message to his last, Alice's from her first measured send to her last acceptance;
 * what the SDK does beside that (receipts, encryption at rest, the durable outbox) is part of the cost.
 */

import { parseArgs } from "node:util";
import { createClient, levelStore } from "@sotto/sdk/node";
import { MESSAGE_TEXT, startCost } from "./cost.js";
import type { ClientReport } from "./order.js";

/** Sends not yet accepted. */
const WINDOW = 32;

const { values } = parseArgs({
  options: {
    as: { type: "string", default: "" },
    to: { type: "string", default: "" },
    relay: { type: "string", default: "" },
    folder: { type: "string", default: "" },
    messages: { type: "string", default: "2000" },
  },
});
const messages = Number(values.messages);
const warmUp = Math.ceil(messages / 10);

function report(message: ClientReport): void {
  process.send?.(message);
}

type Client = Awaited<ReturnType<typeof createClient>>;

/** Asks, is accepted, sends. */
async function sender(client: Client): Promise<void> {
  const conversation = await client.openDM({ userId: values.to });
  await conversation.send({ text: "May I measure?" }).accepted;
  report({ kind: "asked" });
  for await (const item of conversation.messages()) {
    if (item.kind === "text" && item.direction === "received") break;
  }
  const sendSome = async (count: number) => {
    let left = count;
    const lane = async () => {
      while (left > 0) {
        left -= 1;
        await conversation.send({ text: MESSAGE_TEXT }).accepted;
      }
    };
    await Promise.all(Array.from({ length: WINDOW }, lane));
  };
  await sendSome(warmUp);
  const stop = startCost();
  await sendSome(messages);
  report({ kind: "cost", cost: stop(messages) });
}

/** Accepts and reads. */
async function receiver(client: Client): Promise<void> {
  const conversation = await client.openDM({ userId: values.to });
  await conversation.send({ text: "You may." }).accepted;
  let received = 0;
  let stop: ReturnType<typeof startCost> | undefined;
  for await (const item of conversation.messages()) {
    if (item.kind !== "text" || item.text !== MESSAGE_TEXT) continue;
    received += 1;
    if (received === warmUp) stop = startCost();
    if (received === warmUp + messages) break;
  }
  if (stop !== undefined) report({ kind: "cost", cost: stop(messages) });
}

const client = await createClient({ relay: values.relay, userId: values.as, store: levelStore(values.folder) });
process.on("message", (order: "ask" | "accept") => {
  void (order === "ask" ? sender(client) : receiver(client));
});
report({ kind: "ready" });
