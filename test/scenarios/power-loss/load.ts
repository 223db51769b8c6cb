/** A load on a store that goes on until the store fails. */

import { type MailboxId, type Store, StoreError } from "../../../server/ports.js";
import { bodyOf, idOf, type LedgerEvent, MAILBOXES, placesOf, SENDERS } from "./ledger.js";

const QUOTA = { envelopes: 1_000_000, bytes: 1_000_000_000 };
const KEYS = 500;

/** Creates what the load needs. */
export async function prepare(store: Store): Promise<void> {
  for (const mailbox of MAILBOXES) await store.mail.create(mailbox);
  const keys = Array.from({ length: KEYS }, (_, index) => ({ id: index + 1, key: Uint8Array.of(index & 0xff) }));
  await store.directory.addPrekeys(firstMailbox(), "curve", keys, KEYS);
}

/** Sends, acknowledges and takes keys from all sides; resolves when the store has failed. */
export async function runLoad(store: Store, note: (event: LedgerEvent) => void): Promise<void> {
  const senders = Array.from({ length: SENDERS }, (_, sender) => untilFailure(() => sendOn(store, sender, note)));
  await Promise.all([...senders, untilFailure(() => takeOn(store, note))]);
}

async function sendOn(store: Store, sender: number, note: (event: LedgerEvent) => void): Promise<void> {
  for (let message = sender; ; message += SENDERS) {
    const places = placesOf(message);
    note({ kind: "tried", message });
    const outcome = await store.mail.append({
      messageId: idOf(message),
      acceptedMs: Date.now(),
      rows: places.map((place) => ({ mailbox: MAILBOXES[place] ?? firstMailbox(), body: bodyOf(message) })),
      guards: [],
      quota: QUOTA,
    });
    if (outcome.kind !== "stored") throw new Error(`a fresh send was answered ${outcome.kind}`);
    note({ kind: "stored", message, cursors: outcome.cursors });
    const [mailbox = 0] = places;
    const [cursor = 0] = outcome.cursors;
    // Half of the mailboxes are read by somebody, a little behind the newest.
    if (mailbox % 2 === 0 && cursor > 10) {
      const upTo = cursor - 10;
      note({ kind: "acknowledging", mailbox, upTo });
      await store.mail.acknowledge(MAILBOXES[mailbox] ?? firstMailbox(), upTo, []);
      note({ kind: "acknowledged", mailbox, upTo });
    }
  }
}

async function takeOn(store: Store, note: (event: LedgerEvent) => void): Promise<void> {
  for (;;) {
    const key = await store.directory.takePrekey(firstMailbox(), "curve");
    if (key === undefined) return;
    note({ kind: "tookKey", id: key.id });
  }
}

async function untilFailure(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== "fatal") throw error;
  }
}

function firstMailbox(): MailboxId {
  const [mailbox] = MAILBOXES;
  if (mailbox === undefined) throw new Error("the load has mailboxes");
  return mailbox;
}
