/** Where a message stands among others: by the relay's time, the sender's counter and its id, so alike on every device. */

import { decodeRecord, encodeRecord, field, type MessageId, parseMessageId, SottoError } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { keys, type Placement, type Row, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { readStored } from "./stored-content.js";

/** Fixed width, so that the order of texts is the order of numbers; 11 digits of base 36 hold any safe integer. */
const DIGITS = 11;
const ORDER = /^(?:([0-9a-z]{11})\.([0-9a-z]{11})\.([0-9a-f]{32})|~([0-9a-z]{11}))$/;

const place = field.uint(Number.MAX_SAFE_INTEGER);

/** A position in the order of a conversation: that of an accepted message, or the local place of one on its way. */
export type Position =
  | { readonly kind: "placed"; readonly placement: Placement }
  | { readonly kind: "pending"; readonly sequence: number };

/**
 * The placement of a stored row; `undefined` for a place that shows nothing, and for a message of this account while
 * nobody said when the relay accepted it, also if a receipt was faster.
 *
 * What is no message stands where this device met it, unless its row names a time of the relay.
 */
export function placementOf(row: Row<"item">, sequence: number): Placement | undefined {
  if (row.shape === "hidden" || (row.shape === "content" && row.acceptedMs === undefined)) return undefined;
  return { acceptedMs: row.acceptedMs ?? row.atMs, ...nameOf(row, sequence) };
}

/**
 * The row of an earlier version, which kept no time of the relay: this device's stands for it. Then `placementOf` knows its
 * place; a message that was not accepted stays as it is.
 */
export function withAcceptance(row: Row<"item">): Row<"item"> {
  const isOnItsWay = row.status === "pending" || row.status === "failed";
  return row.acceptedMs !== undefined || isOnItsWay || row.shape === "hidden" ? row : { ...row, acceptedMs: row.atMs };
}

/**
 * When a message was accepted, of two times that were told: the earlier one, whoever told it and in whatever order. The later
 * is that of a repair, or of a receipt, and each device would know another.
 */
export function earlierOf(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}

/** What tells a row from others of the same millisecond. What only this device shows has no counter. */
function nameOf({ messageId, counter, content }: Row<"item">, sequence: number): Omit<Placement, "acceptedMs"> {
  if (messageId !== undefined) return { messageId, counter: counter ?? 0 };
  if (content.length === 0) return { messageId: localName(sequence), counter: 0 };
  const said = readStored(content);
  return { messageId: said.messageId, counter: said.counter };
}

/** A name for a place without a message. Its first digits differ between places, because a key holds no more of it. */
function localName(sequence: number): MessageId {
  return parseMessageId((sequence % 2 ** 32).toString(16).padStart(8, "0").padEnd(32, "0"));
}

/** The change that finds a place by its placement. */
export function orderRow(
  store: SealedStore,
  conversation: string,
  placement: Placement,
  sequence: number,
): StoreChange {
  return { key: keys.order(store, conversation, placement), value: encodeRecord(place, sequence) };
}

/**
 * The place an order row names.
 *
 * @throws storeCorrupt if it names none.
 */
export function placeOf(stored: Uint8Array): number {
  try {
    return decodeRecord(place, stored);
  } catch (cause) {
    throw new SottoError("storeCorrupt", { detail: "a stored order row does not parse", cause });
  }
}

/** Order rows read at once. */
const PAGE = 64;
const FIRST_NAME = "0".repeat(32);

/** The places of what was accepted at or after a time, in their order, from the index: what lies before it is not read. */
export async function* placesSince(store: SealedStore, conversation: string, sinceMs: number): AsyncGenerator<number> {
  const all = range(keys.orders(store, conversation), PAGE);
  const start = keys.order(store, conversation, { acceptedMs: sinceMs, counter: 0, messageId: FIRST_NAME });
  let { after } = sinceMs === 0 ? all : { after: start.slice(0, -FIRST_NAME.length / 4) };
  for (;;) {
    const page = await store.list({ ...all, after });
    for (const { value } of page) yield placeOf(value);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.key;
  }
}

/** The text of a position: compares with `<`, and is the same on every device once the message was accepted. */
export function orderText(position: Position): string {
  if (position.kind === "pending") return `~${digits(position.sequence)}`;
  const { acceptedMs, counter, messageId } = position.placement;
  return `${digits(acceptedMs)}.${digits(counter)}.${messageId}`;
}

/**
 * The position of an order text.
 *
 * @throws invalidArgument if it is none of ours.
 */
export function positionOf(order: string): Position {
  const [, acceptedMs, counter, messageId, sequence] = ORDER.exec(order) ?? [];
  if (sequence !== undefined) return { kind: "pending", sequence: number(sequence) };
  if (acceptedMs === undefined || counter === undefined || messageId === undefined)
    throw new SottoError("invalidArgument", { detail: "`before` is no order of an item" });
  return { kind: "placed", placement: { acceptedMs: number(acceptedMs), counter: number(counter), messageId } };
}

function number(text: string): number {
  const read = Number.parseInt(text, 36);
  if (!Number.isSafeInteger(read))
    throw new SottoError("invalidArgument", { detail: "`before` is no order of an item" });
  return read;
}

function digits(value: number): string {
  return value.toString(36).padStart(DIGITS, "0");
}
