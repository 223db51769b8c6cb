/** What a stranger has sent to an account: one message and a few repairs, as one row for each pair of accounts. */

import {
  type AccountId,
  decodeRecord,
  encodeRecord,
  equalBytes,
  type Frame,
  field,
  limits,
  SottoError,
  type TypeOf,
  toHex,
} from "@sotto/protocol";
import type { Rules } from "./rules.js";
import type { TableBucket } from "./table-buckets.js";

const PAIRS: TableBucket = "pair";
/** How long an unanswered first contact stands in the way of the next. */
const PAIR_TTL_MS = 30 * 86_400_000;
/** How often a claim is tried against others of the same pair. */
const ATTEMPTS = 8;

const sendId = field.bytes(16);
const row = field.record({
  sinceMs: field.timeMs,
  message: field.optional(sendId),
  repairs: field.list(sendId, limits.firstContactRepairs.value),
});
type Pair = TypeOf<typeof row>;

/** The name of a pair's row. It does not say whose it is. */
export type PairKey = string;

/** One first contact, as its pair sees it. */
export type FirstContact = Pick<Frame<"send">, "messageId" | "purpose">;

/**
 * How a send stands to what its pair has sent: `covered` by it, as a retry or a repair of its message; `room` for it; or
 * `full`.
 */
export type PairStanding = "covered" | "room" | "full";

/**
 * The row of a pair. It ends with the sender's identity and with the recipient's delivery key: who starts over, and who
 * cut old ties, meet the other as new.
 */
export function pairKey(
  { signatures }: Pick<Rules, "signatures">,
  from: { readonly account: AccountId; readonly identityKey: Uint8Array },
  to: { readonly account: AccountId; readonly deliveryKeyHash: Uint8Array },
): PairKey {
  const parts = [from.account, to.account, toHex(from.identityKey), toHex(to.deliveryKeyHash)];
  return signatures.keyedHash("sotto/pair/1", JSON.stringify(parts));
}

/** Whether somebody has sent as a stranger and its row still lives. */
export async function hasWritten({ store }: Pick<Rules, "store">, keys: readonly PairKey[]): Promise<boolean> {
  const rows = await Promise.all(keys.map((key) => store.table.get(PAIRS, key)));
  return rows.some((found) => found !== undefined);
}

/** How a send stands to its pair now; `claimPair` decides. */
export async function pairStanding(
  { store }: Pick<Rules, "store">,
  key: PairKey,
  contact: FirstContact,
): Promise<PairStanding> {
  return standingIn(decodePair(await store.table.get(PAIRS, key)), contact);
}

/**
 * Notes a send in its pair's row, for good: exactly one message and a bounded number of repairs win, however many try at
 * once. Idempotent on the message id, also for a send that was not stored after all. False if there was no room.
 *
 * @throws busy if others of the pair keep winning.
 */
export async function claimPair({ store, clock }: Rules, key: PairKey, contact: FirstContact): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await store.table.get(PAIRS, key);
    const pair = decodePair(stored) ?? { sinceMs: clock.now(), message: undefined, repairs: [] };
    if (isNoted(pair, contact)) return true;
    if (standingIn(pair, contact) === "full") return false;
    const noted = encodeRecord(row, withContact(pair, contact));
    const ttlMs = Math.max(1, pair.sinceMs + PAIR_TTL_MS - clock.now());
    if ((await store.table.compareAndSet(PAIRS, key, stored?.revision, noted, ttlMs)).won) return true;
  }
  throw new SottoError("busy", { detail: "first contacts of a pair keep coming" });
}

function standingIn(pair: Pair | undefined, contact: FirstContact): PairStanding {
  if (pair === undefined) return "room";
  if (isNoted(pair, contact)) return "covered";
  if (contact.purpose === "message") return pair.message === undefined ? "room" : "full";
  if (pair.repairs.length >= limits.firstContactRepairs.value) return "full";
  return pair.message === undefined ? "room" : "covered";
}

function isNoted({ message, repairs }: Pair, { messageId }: FirstContact): boolean {
  return [message, ...repairs].some((id) => id !== undefined && equalBytes(id, messageId));
}

function withContact(pair: Pair, { messageId, purpose }: FirstContact): Pair {
  const id = messageId.slice();
  return purpose === "message" ? { ...pair, message: id } : { ...pair, repairs: [...pair.repairs, id] };
}

function decodePair(stored: { readonly value: Uint8Array } | undefined): Pair | undefined {
  if (stored === undefined) return undefined;
  try {
    return decodeRecord(row, stored.value);
  } catch (cause) {
    throw new SottoError("internal", { detail: "a stored pair does not parse", cause });
  }
}
