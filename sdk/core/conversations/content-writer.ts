/** What a content does to a conversation: one set of rules for what others sent and what this account sends. */

import { type AccountId, type Content, equalBytes, type KnownContent, type MessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { encodeRow, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Early } from "./early.js";
import { EarlyContents } from "./early-contents.js";
import { isFit } from "./fit.js";
import { changed, hidden, type Incoming, type Outcome } from "./incoming.js";
import { type FoundContent, type FoundMessage, findContent, findMessage, findNamed } from "./item-reader.js";
import type { ItemStatus } from "./items.js";
import { earlierOf } from "./placement.js";
import { reacted } from "./reactions.js";
import { received } from "./receipt-rules.js";
import { deleted, edited, isRevisable, overtakesRevision } from "./revisions.js";
import { movesOn } from "./statuses.js";
import { contentHash, readStored } from "./stored-content.js";
import type { Timeline } from "./timeline.js";

export { hidden, type Incoming, type Outcome, type Telling } from "./incoming.js";

type Of<Kind extends KnownContent["kind"]> = Extract<KnownContent, { kind: Kind }>;

/** A content that is new here, with what is known of it before its rules are asked. */
interface Arrival extends Incoming {
  /** The status its row gets; a receipt may have come before it. */
  readonly rowStatus: ItemStatus;
  /** Deletes that early receipt. */
  release(): readonly StoreChange[];
  /** The row of the undecryptable item it resolves. */
  readonly resolving: Row<"item"> | undefined;
}

/** Applies contents to one conversation. The caller holds the conversation's lock. */
export class ContentWriter {
  /** What came before its message; also for messages that come from the history. */
  readonly early: EarlyContents;

  constructor(
    private readonly store: SealedStore,
    private readonly timeline: Timeline,
    private readonly me: AccountId,
    early: Early,
  ) {
    this.early = new EarlyContents(store, timeline, me, early);
  }

  /** Decides what a content changes; reads only. */
  async write(incoming: Incoming): Promise<Outcome> {
    const { content } = incoming;
    const { kind } = content;
    const resolving = incoming.resolves === undefined ? undefined : await this.timeline.row(incoming.resolves);
    if (!isFit(content, this.timeline)) return this.nothingShown({ ...incoming, ...FRESH, resolving }, "refused");
    if (incoming.status === "pending") return this.decide({ ...incoming, ...FRESH });
    if (kind === "receipt" || kind === "typing") return this.decide({ ...incoming, ...FRESH, resolving });
    // What is being sent has a fresh random id: looking it up would ask the disk for nothing.
    const before = await findContent(this.store, this.timeline, content.messageId, content.sender);
    if (before !== undefined) return this.again({ ...incoming, ...FRESH, resolving }, before);
    const known = await this.early.statusOf(incoming.status === "synced" ? "accepted" : "received", content);
    return this.decide({ ...incoming, resolving, rowStatus: known.status, release: known.release });
  }

  private async decide(arrival: Arrival): Promise<Outcome> {
    const { content } = arrival;
    switch (content.kind) {
      case "edit":
      case "delete":
        return this.revise(arrival, content);
      case "reaction":
        return this.react(arrival, content);
      case "receipt":
        return this.receive(arrival, content);
      case "typing":
        return this.nothingShown(arrival, "refused");
      case "text":
      case "reply":
      case "custom":
      case "unsupported":
        return arrival.status === "pending" ? this.item(arrival, () => []) : this.message(arrival);
      case "profile":
        return this.item(arrival, () => []);
      default:
        return content satisfies never;
    }
  }

  /**
   * Seen before. It may tell an earlier time of acceptance; of what is still on its way from here, or was given up, another
   * device of mine tells that it was accepted at all.
   */
  private again(arrival: Arrival, { sequence, row, hash }: FoundContent): Outcome {
    const outcome = this.nothingShown(arrival, "duplicate");
    const { status, acceptedMs, encoded } = arrival;
    if (row?.shape !== "content" || acceptedMs === undefined) return outcome;
    // Another content under the same name says nothing of this one.
    if (!equalBytes(hash, contentHash(encoded))) return outcome;
    const isNews = status === "synced" && movesOn(row.status, "accepted");
    const time = earlierOf(row.acceptedMs, acceptedMs);
    if (!isNews && time === row.acceptedMs) return outcome;
    const accepted = isNews ? ({ status: "accepted", failure: undefined } as const) : {};
    const after: Row<"item"> = { ...row, ...accepted, acceptedMs: time };
    return {
      ...outcome,
      build: () => ({ changes: [...outcome.build().changes, ...this.timeline.move(sequence, row, after)] }),
      tellings: [changed(sequence)],
    };
  }

  /** A content that shows nothing; the place of the undecryptable item it resolves, if any, becomes empty. */
  private nothingShown(arrival: Arrival, kind: "duplicate" | "refused"): Outcome {
    return { kind, build: () => ({ changes: [...this.emptied(arrival), ...arrival.release()] }), tellings: [] };
  }

  private emptied({ resolves, resolving, content, atMs }: Arrival): readonly StoreChange[] {
    return resolves === undefined ? [] : this.timeline.move(resolves, resolving, hidden(content.sender, atMs));
  }

  /** A message that came, together with what was said about it before. */
  private async message(arrival: Arrival): Promise<Outcome> {
    const said = await this.early.meeting(this.row(arrival), arrival.content);
    return { ...this.item(arrival, said.changes, said.row), tellings: said.tellings };
  }

  private item(arrival: Arrival, further: () => readonly StoreChange[], row = this.row(arrival)): Outcome {
    const { content, resolves, resolving } = arrival;
    const { acceptedMs } = row;
    const { counter, messageId } = content;
    const placement = acceptedMs === undefined ? undefined : { acceptedMs, counter, messageId };
    return {
      kind: "shown",
      build: () => {
        const placed =
          resolves === undefined
            ? this.timeline.append(row, placement)
            : { sequence: resolves, changes: this.timeline.move(resolves, resolving, row) };
        const changes = [...placed.changes, this.seen(arrival, placed.sequence), ...arrival.release(), ...further()];
        return { sequence: placed.sequence, changes };
      },
      tellings: [],
    };
  }

  /** An edit or delete: only of what the same account wrote, which the index key by sender guarantees. */
  private async revise(arrival: Arrival, content: Of<"edit" | "delete">): Promise<Outcome> {
    const target = await findContent(this.store, this.timeline, content.target, content.sender);
    if (target === undefined) return this.hold(arrival, content.target);
    const { row, sequence } = target;
    const isPending = arrival.status === "pending";
    if (row?.shape === "content" && row.deletedMs !== undefined) {
      // Every delete is an item, so that it does not matter which of two came first. Words of what is gone are none.
      if (isPending) return this.nothingShown(arrival, "refused");
      return content.kind === "delete" ? this.item(arrival, () => []) : this.remembered(arrival);
    }
    if (row === undefined || !isRevisable(row, content.kind)) return this.nothingShown(arrival, "refused");
    const before = row.edit === undefined ? undefined : readStored(row.edit);
    if (before !== undefined && !overtakesRevision(content, before)) return this.remembered(arrival);
    const after = content.kind === "delete" ? deleted(row, arrival.atMs) : edited(row, arrival.encoded);
    const emptied = before === undefined ? undefined : await this.withoutWords(before, arrival.atMs);
    const outcome = this.item(arrival, () => [this.timeline.replace(sequence, after), ...(emptied?.changes() ?? [])]);
    return { ...outcome, tellings: [changed(sequence), ...(emptied?.tellings ?? [])] };
  }

  /** The item of an earlier edit keeps no words: only the message itself says what it says now. */
  private async withoutWords({ messageId, sender }: Content, atMs: number) {
    const found = await findMessage(this.store, this.timeline, messageId, [sender]);
    if (found === undefined) return undefined;
    const { sequence, row } = found;
    const changes = () => this.timeline.move(sequence, row, hidden(sender, atMs));
    return { changes, tellings: [changed(sequence)] };
  }

  private async react(arrival: Arrival, content: Of<"reaction">): Promise<Outcome> {
    const isPending = arrival.status === "pending";
    const target = await this.reactable(content.target);
    if (target === undefined) return this.hold(arrival, content.target);
    const { sequence, row } = target;
    // Also on what is gone it is an item, so that it does not matter which of the two came first.
    if (row.deletedMs !== undefined && !isPending) return this.item(arrival, () => []);
    if (!isRevisable(row, "reaction")) return this.nothingShown(arrival, "refused");
    const after = reacted(row, content);
    if (after === row) return isPending ? this.nothingShown(arrival, "refused") : this.item(arrival, () => []);
    const outcome = this.item(arrival, () => [this.timeline.replace(sequence, after)]);
    return { ...outcome, tellings: [changed(sequence)] };
  }

  /** Whatever came under this id, whoever gave it; a place that shows nothing included. */
  private async reactable(id: MessageId): Promise<Pick<FoundMessage, "sequence" | "row"> | undefined> {
    const [found] = await findNamed(this.store, this.timeline, id, this.me);
    return found === undefined ? undefined : { sequence: found.sequence, row: found.row ?? hidden(this.me, 0) };
  }

  /** Receipts move the status of messages on, never back, and take no place. */
  private async receive(arrival: Arrival, receipt: Of<"receipt">): Promise<Outcome> {
    const { store, timeline, me } = this;
    const { peer } = timeline;
    const { receipts } = this.early;
    const people = peer === undefined ? undefined : { me, peer };
    const outcome = people && (await received({ store, timeline, receipts, people }, { receipt, ...arrival }));
    if (outcome === undefined) return this.nothingShown(arrival, "refused");
    const build = () => ({ changes: [...outcome.changes(), ...this.emptied(arrival)] });
    return { kind: "applied", build, tellings: outcome.tellings, proven: outcome.proven };
  }

  /** A word about a message that is not here: of mine an error, else it takes an empty place until the message comes. */
  private async hold(arrival: Arrival, target: MessageId): Promise<Outcome> {
    const { content, encoded, resolves, resolving, atMs } = arrival;
    if (arrival.status === "pending") return this.nothingShown(arrival, "refused");
    const holding = await this.early.words.hold({ content, encoded }, target, atMs);
    if (holding.kind === "unneeded") return this.remembered(arrival);
    if (holding.kind === "full") return this.nothingShown(arrival, "refused");
    const row: Row<"item"> = { ...this.row(arrival), shape: "hidden", content: new Uint8Array(0) };
    return {
      kind: "applied",
      build: () => {
        const { sequence, changes } =
          resolves === undefined
            ? this.timeline.append(row)
            : { sequence: resolves, changes: this.timeline.move(resolves, resolving, row) };
        return {
          sequence,
          changes: [...changes, this.seen(arrival, sequence), ...arrival.release(), ...holding.build()],
        };
      },
      tellings: [],
    };
  }

  /** A revision that shows nothing: it takes no place, but is remembered as seen. */
  private remembered(arrival: Arrival): Outcome {
    const build = () => ({
      changes: [...this.emptied(arrival), this.seen(arrival, arrival.resolves ?? 0), ...arrival.release()],
    });
    return { kind: "applied", build, tellings: [] };
  }

  private row({ content, encoded, atMs, acceptedMs, status, rowStatus }: Arrival): Row<"item"> {
    const accepted = status === "pending" ? undefined : (acceptedMs ?? atMs);
    const from = content.sender;
    return { shape: "content", from, atMs, acceptedMs: accepted, content: encoded, status: rowStatus, reactions: [] };
  }

  private seen({ content, encoded }: Arrival, sequence: number): StoreChange {
    const key = this.timeline.indexKey(content.sender, content.messageId);
    return { key, value: encodeRow("messageIndex", { sequence, hash: contentHash(encoded) }) };
  }
}

/** What nothing came before. */
const FRESH = { rowStatus: "pending", release: () => [], resolving: undefined } as const;
