/** One mailbox filled while its owner is away, then drained. */

import { bodySequence, type Dialect, type Receiver, type Recipient } from "./dialect.js";
import type { Drained } from "./orders.js";

/** Unanswered sends while filling. */
const FILL_WINDOW = 128;

/** A filled mailbox. */
export interface Drain {
  /** Connects the owner, receives and acknowledges everything, and looks again whether anything was left. */
  run(): Promise<Drained>;
}

/** Fills a new mailbox with `messages` messages. */
export async function prepareDrain(
  dialect: Dialect,
  messages: number,
  { generator, failed }: { readonly generator: number; failed(reason: string): void },
): Promise<Drain> {
  const [recipient] = await dialect.enrol(1, generator);
  if (recipient === undefined) throw new Error("no mailbox");
  await fill(dialect, recipient, { messages, failed });
  return {
    async run() {
      const started = performance.now();
      const first = await receive(dialect, recipient, failed);
      const seconds = (first.lastMs - started) / 1_000;
      const second = await receive(dialect, recipient, failed);
      const { duplicated, reordered } = first;
      const lost = messages - (first.received - duplicated);
      return { messages, seconds, leftBehind: second.received, faults: { lost, refused: 0, duplicated, reordered } };
    },
  };
}

async function fill(
  dialect: Dialect,
  recipient: Recipient,
  { messages, failed }: { readonly messages: number; failed(reason: string): void },
): Promise<void> {
  let sent = 0;
  let accepted = 0;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const sender = await dialect.openSender(recipient, {
    accepted() {
      accepted += 1;
      if (accepted === messages) finish();
      else if (sent < messages) sender.send(++sent);
    },
    refused: () => failed("the relay was busy while its mailbox was filled"),
    failed,
  });
  while (sent < Math.min(FILL_WINDOW, messages)) sender.send(++sent);
  await finished;
  sender.socket.close();
}

/** Receives until the mailbox says it is empty, acknowledging as it goes. */
async function receive(dialect: Dialect, recipient: Recipient, failed: (reason: string) => void) {
  let received = 0;
  let duplicated = 0;
  let reordered = 0;
  let highest = 0;
  let lastMs = performance.now();
  let upTo = 0;
  let receiver: Receiver | undefined;
  let finish: () => void = () => undefined;
  const empty = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const seen = new Set<number>();
  const acknowledge = () => {
    receiver?.acknowledge(upTo);
    upTo = 0;
  };
  receiver = await dialect.openReceiver(recipient, {
    delivered(cursor, body) {
      const sequence = bodySequence(body);
      received += 1;
      lastMs = performance.now();
      if (seen.has(sequence)) duplicated += 1;
      else if (sequence < highest) reordered += 1;
      seen.add(sequence);
      highest = Math.max(highest, sequence);
      if (upTo === 0) setImmediate(acknowledge);
      upTo = cursor;
    },
    queueEmpty: () => finish(),
    failed,
  });
  await empty;
  // The last acknowledgement leaves before the socket does.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  await receiver.socket.end();
  return { received, duplicated, reordered, lastMs };
}
