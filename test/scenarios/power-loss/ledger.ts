/** What a load asked of a store and what it was answered, and whether a store that came back agrees. */

import { type AccountId, type DeviceId, fromHex } from "@sotto/protocol";
import { type MailboxId, mailboxId, type Store } from "../../../server/ports.js";

/** Mailboxes the load writes to. */
export const MAILBOXES: readonly MailboxId[] = Array.from({ length: 6 }, (_, number) =>
  mailboxId(`00000000-0000-4000-8000-00000000000${number}` as AccountId, 1 as DeviceId, 1),
);
/** Senders at work at the same time; sender s sends the messages s, s + SENDERS, s + 2·SENDERS … one after the other. */
export const SENDERS = 16;

/** Something that happened, in the order it happened. `tried` comes before the call, the rest after its answer. */
export type LedgerEvent =
  | { readonly kind: "tried"; readonly message: number }
  | { readonly kind: "stored"; readonly message: number; readonly cursors: readonly number[] }
  | { readonly kind: "acknowledging" | "acknowledged"; readonly mailbox: number; readonly upTo: number }
  | { readonly kind: "tookKey"; readonly id: number };

/** An event of another process, and when it told it, in µs of CLOCK_MONOTONIC. */
export interface TimedEvent {
  readonly event: LedgerEvent;
  readonly atUs: number;
}

/**
 * The ledger of a load whose disk lost power at a moment.
 *
 * An answer is a promise if it came before the cut: with the power its process would have gone too, so nobody would have
 * seen a later one. What was attempted counts at any time, for it may have reached the disk.
 */
export function ledgerAtCut(events: readonly TimedEvent[], cutUs: number): Ledger {
  const ledger = new Ledger();
  for (const { event, atUs } of events) {
    const isAttempt = event.kind === "tried" || event.kind === "acknowledging";
    if (isAttempt || atUs < cutUs) ledger.note(event);
  }
  return ledger;
}

/** Where a message goes: one to three mailboxes, always the same ones. */
export function placesOf(message: number): readonly number[] {
  const count = 1 + (message % 3);
  return Array.from({ length: count }, (_, n) => (message * 7 + n * 2) % MAILBOXES.length).filter(
    (place, index, all) => all.indexOf(place) === index,
  );
}

/** The message's id and body; both spell its number. */
export function idOf(message: number): Uint8Array {
  return fromHex(message.toString(16).padStart(32, "0"));
}

/** A body of a few hundred bytes that starts with the message's number. */
export function bodyOf(message: number): Uint8Array {
  return new TextEncoder().encode(`${message} ${"x".repeat(message % 500)}`);
}

/** Everything a load told, summed up. */
export class Ledger {
  readonly tried = new Set<number>();
  readonly stored = new Map<number, readonly number[]>();
  readonly acknowledging = new Map<number, number>();
  readonly acknowledged = new Map<number, number>();
  readonly tookKeys = new Set<number>();

  note(event: LedgerEvent): void {
    switch (event.kind) {
      case "tried":
        this.tried.add(event.message);
        break;
      case "stored":
        this.stored.set(event.message, event.cursors);
        break;
      case "acknowledging":
      case "acknowledged":
        this[event.kind].set(event.mailbox, Math.max(event.upTo, this[event.kind].get(event.mailbox) ?? 0));
        break;
      case "tookKey":
        this.tookKeys.add(event.id);
        break;
      default:
        event satisfies never;
    }
  }
}

/** Compares a store that came back with what the load was told. Answers every broken promise; none is right. */
export async function violations(store: Store, ledger: Ledger): Promise<readonly string[]> {
  const broken: string[] = [];
  const found = new Map<number, Map<number, number>>();
  const heads = await store.mail.heads(MAILBOXES);
  for (const [place, mailbox] of MAILBOXES.entries()) {
    const { items } = await store.mail.read(mailbox, 0, { count: 1_000_000, bytes: 1_000_000_000 });
    const newestOf = new Map<number, number>();
    for (const { cursor, body, messageId } of items) {
      const message = Number.parseInt(new TextDecoder().decode(body), 10);
      const isSent = ledger.tried.has(message) && placesOf(message).includes(place);
      if (!isSent || !same(body, bodyOf(message)) || !same(messageId, idOf(message))) {
        broken.push(`mailbox ${place} holds at ${cursor} what nobody sent`);
        continue;
      }
      const sender = message % SENDERS;
      if (message <= (newestOf.get(sender) ?? -1)) broken.push(`mailbox ${place} has message ${message} out of order`);
      newestOf.set(sender, message);
      const places = found.get(message) ?? new Map<number, number>();
      places.set(place, cursor);
      found.set(message, places);
      if (cursor <= (ledger.acknowledged.get(place) ?? 0)) {
        broken.push(`mailbox ${place} holds ${cursor}, which was acknowledged`);
      }
    }
    checkWholeness(place, heads.get(mailbox) ?? 0, items, ledger, broken);
  }
  checkStored(found, heads, ledger, broken);
  await checkRepeats(store, ledger, broken);
  await checkKeys(store, ledger, broken);
  return broken;
}

/** Behind everything anybody tried to acknowledge, no cursor up to the head may be missing. */
function checkWholeness(
  place: number,
  head: number,
  items: readonly { readonly cursor: number }[],
  ledger: Ledger,
  broken: string[],
): void {
  const cursors = new Set(items.map(({ cursor }) => cursor));
  for (let cursor = (ledger.acknowledging.get(place) ?? 0) + 1; cursor <= head; cursor++) {
    if (!cursors.has(cursor)) broken.push(`mailbox ${place} has a gap at ${cursor}`);
  }
}

function checkStored(
  found: ReadonlyMap<number, ReadonlyMap<number, number>>,
  heads: ReadonlyMap<MailboxId, number>,
  ledger: Ledger,
  broken: string[],
): void {
  for (const [message, cursors] of ledger.stored) {
    for (const [index, place] of placesOf(message).entries()) {
      const cursor = cursors[index] ?? 0;
      const mailbox = MAILBOXES[place];
      if (mailbox !== undefined && (heads.get(mailbox) ?? 0) < cursor) {
        broken.push(`mailbox ${place} has a head below ${cursor}, which was stored`);
      }
      const isPerhapsDeleted = cursor <= (ledger.acknowledging.get(place) ?? 0);
      const at = found.get(message)?.get(place);
      if (at === undefined ? !isPerhapsDeleted : at !== cursor) {
        broken.push(`message ${message} was stored at ${cursor} of mailbox ${place} and is at ${at ?? "none"}`);
      }
    }
  }
  // All rows of a send or none, where no acknowledgement can have taken some of them.
  for (const [message, places] of found) {
    const missing = placesOf(message).filter((place) => !places.has(place) && !ledger.acknowledging.has(place));
    if (missing.length > 0) broken.push(`message ${message} is in some of its mailboxes only`);
  }
}

async function checkRepeats(store: Store, ledger: Ledger, broken: string[]): Promise<void> {
  const quota = { envelopes: 0, bytes: 0 };
  const acceptedMs = Date.now();
  const repeats = [...ledger.stored.keys()].map(async (message) => {
    const { kind } = await store.mail.append({ messageId: idOf(message), acceptedMs, rows: [], guards: [], quota });
    if (kind !== "repeated") broken.push(`message ${message} was stored and its repeat is ${kind}`);
  });
  await Promise.all(repeats);
}

async function checkKeys(store: Store, ledger: Ledger, broken: string[]): Promise<void> {
  const [mailbox] = MAILBOXES;
  if (mailbox === undefined) return;
  const left = await store.directory.countPrekeys(mailbox, "curve");
  const takes = Array.from({ length: left }, async () => {
    const key = await store.directory.takePrekey(mailbox, "curve");
    if (key !== undefined && ledger.tookKeys.has(key.id)) broken.push(`prekey ${key.id} was taken twice`);
  });
  await Promise.all(takes);
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
