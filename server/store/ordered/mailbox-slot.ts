/** The place of one mailbox in memory: loading it, the turn of its changes, and what of it is on disk. */

import type { MailboxId } from "../../ports.js";
import type { Engine } from "../engine.js";
import { envelopesOf, mailboxHeadKey, mailboxKey, readEnvelopeKey, U48 } from "../row-keys.js";
import { mailboxHeadValue, readMailboxHead } from "../row-values.js";
import { Mailbox } from "./mailbox.js";
import type { Resident } from "./residents.js";
import type { Batch, Participant } from "./writer.js";

/**
 * A mailbox id with the mailbox behind it, if there is one.
 *
 * `live` is ahead: it is what the calls so far made of the mailbox. `committed` is what the disk knows. They are
 * different objects only while a `create` or `drop` is being written.
 */
export class MailboxSlot implements Participant, Resident {
  readonly id: MailboxId;
  used = true;
  live: Mailbox | undefined;
  committed: Mailbox | undefined;
  /** While it is set, changes wait for it: the load, or a change that itself waits. */
  turn: Promise<void> | undefined;
  /** Why the load failed; the slot is then dead and already forgotten. */
  broken: unknown;
  /** The newest batch with a change of this mailbox that is not on disk. */
  pending: Batch | undefined;
  /** The newest batch with an append that was not announced ahead of its commit; later ones must not overtake it. */
  unannounced: Batch | undefined;
  /** What the request that is being judged asks of this mailbox. */
  #askedEnvelopes = 0;
  #askedBytes = 0;

  constructor(id: MailboxId) {
    this.id = id;
  }

  get idle(): boolean {
    return this.turn === undefined && this.pending === undefined;
  }

  /** Adds an envelope to what is asked. */
  ask(sizeBytes: number): void {
    this.#askedEnvelopes += 1;
    this.#askedBytes += sizeBytes;
  }

  /** Whether a mailbox has room for all that is asked. */
  fits({ count, bytes }: Mailbox, quota: { readonly envelopes: number; readonly bytes: number }): boolean {
    return count + this.#askedEnvelopes <= quota.envelopes && bytes + this.#askedBytes <= quota.bytes;
  }

  /** Starts over for the next request. */
  askNothing(): void {
    this.#askedEnvelopes = 0;
    this.#askedBytes = 0;
  }

  /** Notes that a batch changes this mailbox. */
  joins(batch: Batch): void {
    if (this.pending === batch) return;
    this.pending = batch;
    batch.join(this);
  }

  seal(batch: Batch): () => void {
    const mailbox = this.live;
    const last = mailbox?.last ?? 0;
    const head = mailbox?.dueHead();
    if (mailbox !== undefined && head !== undefined) {
      batch.put(mailboxHeadKey(mailbox.number), mailboxHeadValue(head, this.id));
    }
    return () => {
      this.committed = mailbox;
      if (mailbox !== undefined) mailbox.committed = last;
      if (this.pending === batch) this.pending = undefined;
      if (this.unannounced === batch) this.unannounced = undefined;
    };
  }

  /** Reads the mailbox from disk. A mailbox that does not exist leaves the slot empty. */
  async load(engine: Engine): Promise<void> {
    const number = engine.get(mailboxKey(this.id))?.readUIntBE(0, U48);
    if (number === undefined) return;
    const row = engine.get(mailboxHeadKey(number));
    if (row === undefined) return;
    const head = readMailboxHead(row);
    const keys = await engine.keys(envelopesOf(number, head.floor + 1), Number.POSITIVE_INFINITY);
    this.live = new Mailbox(number, head, keys.map(readEnvelopeKey));
    this.committed = this.live;
  }
}
