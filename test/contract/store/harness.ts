/** What the contract suite of the store needs of an adapter, and the small parts its tests are written with. */

import { type AccountId, type ConversationId, type DeviceId, fromHex, parseConversationId } from "@sotto/protocol";
import {
  type AppendRequest,
  type Clock,
  type MailboxId,
  mailboxId,
  type Store,
  type StoredEnvelope,
} from "../../../server/ports.js";

/** A store under test, on data that outlives it. */
export interface StoreHarness {
  /** The open store; another one after `reopen`. */
  readonly store: Store;
  readonly clock: ManualClock;
  /** Closes the store and opens a new one on the same data. */
  reopen(): Promise<void>;
  /** Closes the store and deletes the data. */
  dispose(): Promise<void>;
}

/** Makes an open, empty store. */
export type MakeStore = () => Promise<StoreHarness>;

/** A clock that moves only when told to. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

/** A manual clock that starts in November 2023. */
export function manualClock(): ManualClock {
  let nowMs = 1_700_000_000_000;
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    after() {
      throw new Error("a store sets no timers");
    },
    advance(ms) {
      nowMs += ms;
    },
  };
}

/** Quota that no test fills by accident. */
export const AMPLE = { envelopes: 10_000, bytes: 1_000_000_000 } as const;
/** More than any test reads at once. */
export const EVERYTHING = { count: 100_000, bytes: 1_000_000_000 } as const;
/** A signal nobody aborts. */
export const NEVER_ABORTED = { aborted: false } as const;

/** The account with this number. */
export function account(number: number): AccountId {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}` as AccountId;
}

/** The mailbox of device 1 of the account with this number. */
export function mailbox(number: number): MailboxId {
  return mailboxId(account(number), 1 as DeviceId, 4711);
}

/** The group with this number. */
export function group(number: number): ConversationId {
  return parseConversationId(number.toString(16).padStart(32, "0"));
}

/** The message id with this number. */
export function messageId(number: number): Uint8Array {
  return fromHex(number.toString(16).padStart(32, "0"));
}

/** Bytes that spell a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The text that bytes spell. */
export function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

/** A send of one body to some mailboxes, without guards and with ample quota unless said otherwise. */
export function send(
  harness: StoreHarness,
  number: number,
  mailboxes: readonly MailboxId[],
  rest: Partial<AppendRequest> & { readonly body?: Uint8Array } = {},
): AppendRequest {
  const { body = bytes(`body ${number}`), ...fields } = rest;
  return {
    messageId: messageId(number),
    acceptedMs: harness.clock.now(),
    rows: mailboxes.map((mailbox) => ({ mailbox, body })),
    guards: [],
    quota: AMPLE,
    ...fields,
  };
}

/** Everything a mailbox holds behind a cursor. */
export async function readAll(store: Store, from: MailboxId, after = 0): Promise<readonly StoredEnvelope[]> {
  const { items, more } = await store.mail.read(from, after, EVERYTHING);
  if (more) throw new Error("a test's mailbox holds more than everything");
  return items;
}

/** The texts a mailbox holds, in order. */
export async function textsIn(store: Store, from: MailboxId): Promise<readonly string[]> {
  return (await readAll(store, from)).map(({ body }) => text(body));
}

/** The cursors a mailbox holds, in order. */
export async function cursorsIn(store: Store, from: MailboxId): Promise<readonly number[]> {
  return (await readAll(store, from)).map(({ cursor }) => cursor);
}
