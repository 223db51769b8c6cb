/** What a relay with groups asks of its store, at random and all at once, until the store fails or is told to stop. */

import { type AccountId, type ConversationId, type DeviceId, fromHex } from "@sotto/protocol";
import { type MailboxId, mailboxId, type Store, StoreError } from "../../../../server/ports.js";
import type { SeededRandom } from "../../../support/crash/seeded-random.js";

const QUOTA = { envelopes: 100_000, bytes: 1_000_000_000 };
const WORKERS = 6;
const LOOK = { count: 50, bytes: 100_000 } as const;

/** The mailboxes of the load; the last one comes and goes. */
export const MAILBOXES: readonly MailboxId[] = Array.from({ length: 6 }, (_, number) =>
  mailboxId(`00000000-0000-4000-8000-00000000000${number}` as AccountId, 1 as DeviceId, 1),
);
/** The groups of the load. */
const GROUPS: readonly ConversationId[] = [1, 2, 3].map(
  (number) => number.toString(16).padStart(32, "0") as ConversationId,
);

/** A load on one store. */
interface Load {
  readonly store: Store;
  readonly random: SeededRandom;
  /** Where the messages of this life begin; none is used by two lives. */
  readonly firstMessage: number;
  /** The load's own time; each call goes on by one. */
  now(): number;
  /** Told of everything that was answered. */
  done(what: Done): void;
}

/** What happened, in its order. Between `expiring` and `expired` a log may end, whoever appends to it. */
export type Done =
  | { readonly kind: "appended"; readonly group: number; readonly seq: number }
  | { readonly kind: "expiring" | "expired" | "other" };

/** How far the store has answered that each log is, while nothing may have ended it. */
export class Progress {
  readonly #seqs = new Map<number, number>();
  #expiries = 0;
  answers = 0;

  note(what: Done): void {
    this.answers += 1;
    if (what.kind === "expiring") this.#expiries += 1;
    if (what.kind === "expired") this.#expiries -= 1;
    if (this.#expiries > 0 || what.kind === "expired") this.#seqs.clear();
    else if (what.kind === "appended") this.#seqs.set(what.group, what.seq);
  }

  /** Logs that are not where they were said to be, nor beyond. */
  async lost(store: Store): Promise<readonly string[]> {
    const lost: string[] = [];
    for (const [group, seq] of this.#seqs) {
      const head = await store.logs.head(at(GROUPS, group));
      if ((head?.seq ?? 0) < seq) lost.push(`log ${group} is at ${head?.seq ?? 0} and was at ${seq}`);
    }
    return lost;
  }
}

/** The end of a message's bodies; it spells the number. */
function endOf(message: number): string {
  return `end of ${message} ${"x".repeat((message * 37) % 300)}`;
}

/** A message's whole body for a place. */
function bodyOf(message: number, place: number): string {
  return `to ${place}: ${endOf(message)}`;
}

/** Runs so many steps in each of some workers; resolves early when the store has failed. */
export async function runLoad(load: Load, steps: number): Promise<void> {
  let message = load.firstMessage;
  const worker = async () => {
    for (let count = 0; count < steps; count++) {
      message += 1;
      await step(load, message);
    }
  };
  for (const outcome of await Promise.allSettled(Array.from({ length: WORKERS }, worker))) {
    if (outcome.status === "fulfilled") continue;
    if (!(outcome.reason instanceof StoreError) || outcome.reason.kind !== "fatal") throw outcome.reason;
  }
}

async function step(load: Load, message: number): Promise<void> {
  const choice = load.random.below(100);
  if (choice < 40) return send(load, message);
  if (choice < 65) return acknowledge(load);
  if (choice < 70) return expire(load);
  if (choice < 74) return comeAndGo(load);
  if (choice < 92) return appendToLog(load, message);
  return putCheckpoint(load);
}

async function send({ store, random, now, done }: Load, message: number): Promise<void> {
  const places = MAILBOXES.map((_, place) => place).filter(() => random.below(2) === 0);
  const outcome = await store.mail.append({
    messageId: fromHex(message.toString(16).padStart(32, "0")),
    acceptedMs: now(),
    shared: bytes(endOf(message)),
    rows: places.map((place) => ({ mailbox: at(MAILBOXES, place), body: bytes(`to ${place}: `) })),
    guards: [],
    quota: QUOTA,
  });
  if (outcome.kind !== "stored" && outcome.kind !== "noMailbox") throw new Error(`a send was ${outcome.kind}`);
  done({ kind: "other" });
}

async function acknowledge({ store, random, done }: Load): Promise<void> {
  const place = random.below(MAILBOXES.length);
  const { items, head } = await store.mail.read(at(MAILBOXES, place), 0, LOOK);
  const one = items[random.below(items.length + 1)]?.cursor ?? 0;
  const upTo = random.below(3) === 0 ? head : (items[0]?.cursor ?? 0);
  await store.mail.acknowledge(at(MAILBOXES, place), upTo, [one, one]);
  done({ kind: "other" });
}

async function expire({ store, random, now, done }: Load): Promise<void> {
  done({ kind: "expiring" });
  await store.mail.expire(now() - 40, { aborted: false });
  await store.logs.expire(now() - random.below(60), { aborted: false });
  done({ kind: "expired" });
}

async function comeAndGo({ store, done }: Load): Promise<void> {
  const mailbox = at(MAILBOXES, MAILBOXES.length - 1);
  await store.mail.drop(mailbox);
  await store.mail.create(mailbox);
  done({ kind: "other" });
}

async function appendToLog({ store, random, now, done }: Load, message: number): Promise<void> {
  const group = random.below(GROUPS.length);
  const head = await store.logs.head(at(GROUPS, group));
  const expectedSeq = head?.seq ?? 0;
  const { kind } = await store.logs.append({
    group: at(GROUPS, group),
    expectedSeq,
    acceptedMs: now() - random.below(5),
    entry: bytes(endOf(message)),
    document: bytes(`document of ${message}`),
  });
  done(kind === "appended" ? { kind: "appended", group, seq: expectedSeq + 1 } : { kind: "other" });
}

async function putCheckpoint({ store, random, done }: Load): Promise<void> {
  const group = at(GROUPS, random.below(GROUPS.length));
  const head = await store.logs.head(group);
  if (head === undefined) return;
  await store.logs.putCheckpoint({
    group,
    expectedSeq: head.seq,
    seq: head.seq,
    body: bytes(`checkpoint ${head.seq}`),
    document: head.document,
    deleteBelow: head.seq,
    keep: [random.below(head.seq + 1)],
  });
  done({ kind: "other" });
}

/** Bodies that are not what was sent. */
export async function damagedBodies(store: Store): Promise<readonly string[]> {
  const damaged: string[] = [];
  for (const [place, mailbox] of MAILBOXES.entries()) {
    const { items } = await store.mail.read(mailbox, 0, { count: 1_000_000, bytes: 1_000_000_000 });
    for (const { messageId, body } of items) {
      const message = Number.parseInt(Buffer.from(messageId).toString("hex"), 16);
      const found = new TextDecoder().decode(body);
      if (found !== bodyOf(message, place)) damaged.push(`mailbox ${place} has of message ${message}: ${found}`);
    }
  }
  return damaged;
}

/** Acknowledges everything and ends every log. */
export async function clearOut(store: Store): Promise<void> {
  const heads = await store.mail.heads(MAILBOXES);
  await Promise.all([...heads].map(([mailbox, head]) => store.mail.acknowledge(mailbox, head, [])));
  await store.logs.expire(Number.MAX_SAFE_INTEGER, { aborted: false });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError("the load has no such place");
  return item;
}
