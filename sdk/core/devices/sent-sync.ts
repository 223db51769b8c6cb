/**
 * What this account says, told to its other devices: queued when the relay accepted it, shown there as their own. What it
 * has read is told when it was marked.
 */

import { type Content, type DeviceId, decodeContent } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { nothing, ordering, type Plan } from "../inbox/plan.js";
import { type KeptSends, saidMs } from "../outbox/kept-sends.js";
import type { Order, Queued } from "../outbox/order.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** The relay says when a device was added and when a message was accepted; nodes of a cluster differ a little. */
const MARGIN_MS = 5_000;
/** Orders of one commit. */
const BATCH = 64;

/** Whom a content went to: a peer, or a group as its log was read then. */
type Whither = Pick<Order, "peer" | "group" | "standing" | "evidence">;

/** What syncing sends works with. */
export interface SentSyncParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly outbox: Pick<Outbox, "queue" | "vacancy" | "spareRoom">;
  readonly keptSends: Pick<KeptSends, "since" | "get" | "isKept">;
  /** What this device keeps of the frank of a content it said. */
  evidenceOf(body: Uint8Array): Promise<Uint8Array | undefined>;
  /** The other devices of this account. */
  others(): readonly DeviceId[];
}

/** Tells own devices what this one said. */
export class SentSync {
  constructor(private readonly parts: SentSyncParts) {}

  /** The order for a send the relay accepted; committed with what settles it. None without other devices. */
  accepted(
    row: Row<"outbox">,
    { acceptedMs, evidence }: { readonly acceptedMs: number; readonly evidence?: Uint8Array | undefined },
  ): readonly Queued[] {
    const isNews = row.resendOf === undefined && this.isNews(row);
    // Read marks were told when they were made.
    if (!isNews || decodeContent(row.body).kind === "receipt") return [];
    return this.telling({ ...whither(row), evidence }, acceptedMs, row.body);
  }

  /**
   * The order for a read mark, committed with it: it holds for this account whether or not anybody takes the receipt, for the
   * peer may be gone.
   */
  marked(to: Pick<Order, "peer" | "group">, atMs: number, body: Uint8Array): readonly Queued[] {
    return this.telling(to, atMs, body);
  }

  /** Queues, for one new device, everything kept that the relay accepted since it was added. */
  async serve(device: DeviceId, addedMs: number): Promise<void> {
    const { keptSends } = this.parts;
    const missed: { readonly envelope: Uint8Array; readonly saidMs: number }[] = [];
    const sinceMs = addedMs - MARGIN_MS;
    for await (const { envelope, row } of keptSends.since(sinceMs)) {
      // Sent again since, it is as old as when it was said.
      if (this.isNews(row) && saidMs(row) >= sinceMs) missed.push({ envelope, saidMs: saidMs(row) });
    }
    missed.sort((one, other) => one.saidMs - other.saidMs);
    for (let at = 0; at < missed.length; at += BATCH) {
      const envelopes = missed.slice(at, at + BATCH).map(({ envelope }) => envelope);
      await this.queue(device, envelopes);
    }
  }

  private async queue(device: DeviceId, envelopes: readonly Uint8Array[]): Promise<void> {
    const { store, outbox, keptSends } = this.parts;
    const rows = await Promise.all(envelopes.map((envelope) => keptSends.get(envelope)));
    await outbox.vacancy(envelopes.length);
    const evidences = await Promise.all(rows.map((row) => row && this.parts.evidenceOf(row.body)));
    const queued = rows.flatMap((row, index) => {
      // A message may have ended while there was no room.
      if (row === undefined || !keptSends.isKept(envelopes[index] as Uint8Array)) return [];
      const to = { ...whither(row), evidence: evidences[index] };
      return [outbox.queue({ ...this.order(to, saidMs(row), row.body), device })];
    });
    await store.commit(queued.flatMap(({ changes }) => changes));
    for (const { sent } of queued) sent();
  }

  /**
   * For the inbox: an own device lost what it was told since a time. What was said since comes with the history; what was read
   * since may have been said long before, and is told again as far as the outbox takes it now.
   */
  async missed(device: DeviceId, sinceMs: number): Promise<Plan> {
    const { keptSends, outbox } = this.parts;
    // What was told again is kept too.
    const marks = new Map<string, Order>();
    for await (const { row } of keptSends.since(sinceMs)) {
      const { type, peer, group, standing, atMs, body } = row;
      if (type !== "sent" || atMs === undefined || (row.device !== undefined && row.device !== device)) continue;
      const { kind, messageId } = decodeContent(body);
      if (kind !== "receipt") continue;
      marks.set(messageId, { ...this.order({ peer, group, standing }, atMs, body), device });
    }
    if (marks.size === 0) return nothing;
    return ordering(() => [...marks.values()].slice(0, outbox.spareRoom).map((order) => outbox.queue(order)));
  }

  /** Contents for others; a resend was news when it was sent first, and what went to one member when it went to the group. */
  private isNews({
    type,
    recipient,
    group,
    body,
  }: Pick<Row<"sent">, "type" | "recipient" | "group" | "body">): boolean {
    const isToOneOfGroup = group !== undefined && recipient !== undefined;
    return (
      type === "content" && recipient !== this.parts.account.id && !isToOneOfGroup && isSynced(decodeContent(body))
    );
  }

  private telling(to: Whither, atMs: number, body: Uint8Array): readonly Queued[] {
    const { others, outbox } = this.parts;
    // Devices that take nothing for so long find out from the gap, and ask for the history.
    if (others().length === 0 || outbox.spareRoom === 0) return [];
    return [outbox.queue(this.order(to, atMs, body))];
  }

  private order(to: Whither, atMs: number, body: Uint8Array): Order {
    return { recipient: this.parts.account.id, type: "sent", ...to, atMs, body };
  }
}

function whither({ recipient, group, standing }: Pick<Row<"sent">, "recipient" | "group" | "standing">): Whither {
  return group === undefined ? { peer: recipient } : { group, standing };
}

/** What people say and have read; that a message arrived is each device's own word, and typing is none. */
export function isSynced(content: Content): boolean {
  switch (content.kind) {
    case "receipt":
      return content.receipt === "read";
    case "typing":
      return false;
    default:
      return true;
  }
}
