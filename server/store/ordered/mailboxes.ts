/** The queues of all devices, on ordered rows. */

import type { AccountId, ConversationId } from "@sotto/protocol";
import type { AppendOutcome, AppendRequest, Mailboxes, MailboxId } from "../../ports.js";
import type { Engine } from "../engine.js";
import { EnvelopeKeys, MESSAGE_ID_BYTES, mailboxHeadKey, mailboxKey, u48 } from "../row-keys.js";
import { EnvelopeValues, mailboxHeadValue } from "../row-values.js";
import { type AcceptedSend, type Dedupe, MARK_BYTES, NO_MARK } from "./dedupe.js";
import { EnvelopePages } from "./envelope-page.js";
import type { EnvelopeRemoval } from "./envelope-removal.js";
import type { Expiry } from "./expiry.js";
import { Mailbox } from "./mailbox.js";
import type { MailboxSlot } from "./mailbox-slot.js";
import type { MailboxSlots } from "./mailbox-slots.js";
import type { Numbers } from "./numbers.js";
import type { SharedEnds } from "./shared-ends.js";
import type { Batch, Writer } from "./writer.js";

/**
 * Calls of one commit whose cursors are announced ahead of it. With more, the commit's own answers say it in fewer, larger
 * writes to sockets, which is a third more throughput when there is most to do.
 */
const EARLY_CALLS = 256;

/** Who is told of an append while it is under way. */
interface Told {
  readonly assigned: ((cursors: readonly number[]) => void) | undefined;
  readonly taken: (() => void) | undefined;
}

/** What the mailboxes are made of. */
export interface MailboxParts {
  readonly engine: Engine;
  readonly writer: Writer;
  readonly numbers: Numbers;
  readonly slots: MailboxSlots;
  readonly dedupe: Dedupe;
  readonly ends: SharedEnds;
  readonly removal: EnvelopeRemoval;
  readonly expiry: Expiry;
  /** The revision of an account by all calls so far; `undefined` if there is none. */
  revisionOf(account: AccountId): number | undefined;
  /** The last entry of a group's log by all calls so far, 0 if there is none, and when that is on disk. */
  logAt(group: ConversationId): { readonly seq: number; readonly written: Promise<void> | undefined };
  /** Holds a mailbox's prekeys in memory while `change` runs, and answers what deletes them. */
  withPrekeys<Result>(mailbox: MailboxId, change: (clear: (batch: Batch) => void) => Promise<Result>): Promise<Result>;
}

/** The mailboxes of a store. */
export function orderedMailboxes(parts: MailboxParts): Mailboxes {
  const { engine, writer, numbers, slots, dedupe, ends, removal } = parts;
  const envelopeKeys = new EnvelopeKeys();
  const envelopeValues = new EnvelopeValues();
  const pages = new EnvelopePages(engine, ends);

  /** The part of an append that must see every call before it, in one go. */
  function store(
    request: AppendRequest,
    places: readonly MailboxSlot[],
    { assigned, taken }: Told,
  ): Promise<AppendOutcome> {
    writer.assertAccepting();
    const { messageId, mark = NO_MARK, acceptedMs, rows, shared, logGuard } = request;
    if (messageId.length !== MESSAGE_ID_BYTES) throw new RangeError("a message id has 16 bytes");
    if (mark.length !== MARK_BYTES) throw new RangeError("a mark has 32 bytes");
    const first = dedupe.find(messageId, acceptedMs);
    if (first !== undefined) {
      taken?.();
      return repeated(first, mark);
    }
    for (const { account, revision } of request.guards) {
      if (parts.revisionOf(account) !== revision) return Promise.resolve({ kind: "changed" });
    }
    if (logGuard !== undefined) {
      const { seq, written } = parts.logAt(logGuard.group);
      if (seq !== logGuard.seq) return moved(seq, written);
    }
    const refusal = refuse(request, places);
    if (refusal !== undefined) return Promise.resolve(refusal);

    const cursors: number[] = [];
    const sharedBytes = shared?.length ?? 0;
    const batch = writer.change(sizeOf(request), (batch) => {
      const sharedEnd = shared === undefined || rows.length === 0 ? undefined : ends.add(batch, shared, rows.length);
      for (let index = 0; index < rows.length; index++) {
        const slot = places[index];
        const body = rows[index]?.body;
        if (slot?.live === undefined || body === undefined)
          throw new Error("a row without a mailbox passed the checks");
        const sizeBytes = body.length + sharedBytes;
        const cursor = slot.live.add(sizeBytes, sharedEnd);
        const key = envelopeKeys.write(slot.live.number, cursor, sizeBytes, sharedEnd);
        batch.put(key, envelopeValues.write(messageId, acceptedMs, body));
        slot.joins(batch);
        cursors.push(cursor);
      }
      dedupe.remember(batch, { messageId, acceptedMs, mark });
    });
    if (batch.calls <= EARLY_CALLS && places.every(isAnnounced)) assigned?.(cursors);
    else for (const slot of places) slot.unannounced = batch;
    taken?.();
    return batch.done.then(() => ({ kind: "stored", cursors }));
  }

  function removeAcknowledged(slot: MailboxSlot, upTo: number, also: readonly number[]): Promise<void> {
    writer.assertAccepting();
    const mailbox = slot.live;
    if (mailbox === undefined) return settled(slot);
    const end = Math.min(upTo, mailbox.last);
    if (end <= mailbox.floor && !also.some((cursor) => mailbox.sizeOf(cursor) !== undefined)) return settled(slot);
    removal.prepare(mailbox, upTo, also);
    return writer.change(0, (batch) => removal.remove(batch, slot, upTo, also)).done;
  }

  /** Answers when the newest change of a mailbox is on disk: a repeated call must not answer before the first. */
  function settled(slot: MailboxSlot): Promise<void> {
    return slot.pending?.done ?? Promise.resolve();
  }

  function storeInTurn(request: AppendRequest, places: readonly MailboxSlot[], told: Told): Promise<AppendOutcome> {
    const copy = copyOf(request);
    return slots.inTurn(places, sizeOf(request), () => store(copy, places, told));
  }

  function removeInTurn(slot: MailboxSlot, upTo: number, also: readonly number[]): Promise<void> {
    return slots.inTurn([slot], 0, () => removeAcknowledged(slot, upTo, also));
  }

  // Appends and acknowledgements are the bulk, so they do without the promises of an `async` function.
  return {
    append(request, assigned, taken) {
      const told = { assigned, taken };
      try {
        const places = request.rows.map(({ mailbox }) => slots.of(mailbox));
        return places.every(isFree) ? store(request, places, told) : storeInTurn(request, places, told);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async read(mailbox, after, max) {
      writer.assertOpen();
      const { committed } = await slots.loaded(mailbox);
      if (committed === undefined) return { items: [], more: false, head: 0 };
      const head = committed.committed;
      const page = committed.page(after, max);
      if (page === undefined) return { items: [], more: false, head };
      return { items: await pages.read(committed, page), more: page.more, head };
    },

    acknowledge(id, upTo, also) {
      try {
        const slot = slots.of(id);
        return isFree(slot) ? removeAcknowledged(slot, upTo, also) : removeInTurn(slot, upTo, [...also]);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async heads(mailboxes) {
      writer.assertOpen();
      const heads = new Map<MailboxId, number>();
      for (const id of mailboxes) {
        const { committed } = await slots.loaded(id);
        if (committed !== undefined) heads.set(id, committed.committed);
      }
      return heads;
    },

    async create(id) {
      const slot = slots.of(id);
      return slots.inTurn([slot], 0, () => {
        writer.assertAccepting();
        if (slot.live !== undefined) return settled(slot).then(() => false);
        const batch = writer.change(0, (batch) => {
          const number = numbers.next(batch);
          const head = { floor: 0, last: 0 };
          slot.live = new Mailbox(number, head, []);
          batch.put(mailboxKey(id), u48(number));
          batch.put(mailboxHeadKey(number), mailboxHeadValue(head, id));
          slot.joins(batch);
        });
        return batch.done.then(() => true);
      });
    },

    async drop(id) {
      return parts.withPrekeys(id, (clearPrekeys) => {
        const slot = slots.of(id);
        return slots.inTurn([slot], 0, async () => {
          const mailbox = slot.live;
          if (mailbox !== undefined) removal.prepare(mailbox, mailbox.last, []);
          const batch = writer.change(0, (batch) => {
            clearPrekeys(batch);
            slot.joins(batch);
            if (mailbox === undefined) return;
            removal.remove(batch, slot, mailbox.last, []);
            batch.delete(mailboxKey(id));
            batch.delete(mailboxHeadKey(mailbox.number));
            slot.live = undefined;
          });
          return batch.done;
        });
      });
    },

    expire: (beforeMs, signal) => parts.expiry.expire(beforeMs, signal),
  };
}

function isAnnounced({ unannounced }: MailboxSlot): boolean {
  return unannounced === undefined;
}

function isFree({ turn }: MailboxSlot): boolean {
  return turn === undefined;
}

async function repeated({ acceptedMs, mark, written }: AcceptedSend, now: Uint8Array): Promise<AppendOutcome> {
  await written;
  return { kind: mark.equals(now) ? "repeated" : "reused", acceptedMs };
}

async function moved(seq: number, written: Promise<void> | undefined): Promise<AppendOutcome> {
  // Told only once it is true on disk too.
  await written;
  return { kind: "moved", seq };
}

/** Checks existence and quota of all rows together; a mailbox may be named by several. */
function refuse({ rows, shared, quota }: AppendRequest, places: readonly MailboxSlot[]): AppendOutcome | undefined {
  let missing: Set<MailboxId> | undefined;
  let full: Set<MailboxId> | undefined;
  const sharedBytes = shared?.length ?? 0;
  // Summed up in the slots, not slot by slot over all rows: a group send has hundreds.
  for (let index = 0; index < rows.length; index++) {
    places[index]?.ask((rows[index]?.body.length ?? 0) + sharedBytes);
  }
  for (const slot of places) {
    if (slot.live === undefined) {
      missing ??= new Set();
      missing.add(slot.id);
    } else if (!slot.fits(slot.live, quota)) {
      full ??= new Set();
      full.add(slot.id);
    }
    // A second row of the same slot was judged with the first.
    slot.askNothing();
  }
  if (missing !== undefined) return { kind: "noMailbox", mailboxes: [...missing] };
  return full === undefined ? undefined : { kind: "full", mailboxes: [...full] };
}

function sizeOf(request: AppendRequest): number {
  let bytes = request.shared?.length ?? 0;
  for (const { body } of request.rows) bytes += body.length;
  return bytes;
}

function copyOf(request: AppendRequest): AppendRequest {
  return {
    ...request,
    messageId: request.messageId.slice(),
    mark: request.mark?.slice(),
    shared: request.shared?.slice(),
    rows: request.rows.map(({ mailbox, body }) => ({ mailbox, body: body.slice() })),
  };
}
