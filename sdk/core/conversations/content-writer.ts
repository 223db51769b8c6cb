/** What a content does to a conversation: one set of rules for what others sent and what this account sends. */

import { type AccountId, equalBytes, type MessageId } from "@sotto/protocol";
import { learntFrom, settingChanges, wordOn } from "../disappearing/timer-setting.js";
import { wordAbout } from "../disappearing/words-about.js";
import { Genuine, type Wording } from "../franking/genuine.js";
import type { StoreChange } from "../ports.js";
import { encodeRow, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Early } from "./early.js";
import { EarlyContents } from "./early-contents.js";
import { type FoundContent, findContent } from "./find.js";
import { isFit } from "./fit.js";
import { changed, hidden, type Incoming, type Outcome } from "./incoming.js";
import type { ItemStatus } from "./items.js";
import { type AboutMessage, isPassing, type Of } from "./kind-roles.js";
import { earlierOf } from "./placement.js";
import { received } from "./receipt-rules.js";
import { movesOn } from "./statuses.js";
import { contentHash } from "./stored-content.js";
import type { Timeline } from "./timeline.js";
import { Votes } from "./votes.js";
import { WordEffects } from "./word-effects.js";

export { hidden, type Incoming, type Outcome, type Telling } from "./incoming.js";

/** A content that is new here, with what is known of it before its rules are asked. */
interface Arrival extends Incoming, Wording {
  /** The status its row gets; a receipt may have come before it. */
  readonly rowStatus: ItemStatus;
  /** When another device of this account read it, if that was told before. */
  readonly readMs: number | undefined;
  /** Deletes that early receipt. */
  release(): readonly StoreChange[];
  /** The row of the undecryptable item it resolves. */
  readonly resolving: Row<"item"> | undefined;
}

/** Applies contents to one conversation. The caller holds the conversation's lock. */
export class ContentWriter {
  /** What came before its message; also for messages that come from the history. */
  readonly early: EarlyContents;
  readonly votes: Votes;
  private readonly effects: WordEffects;

  constructor(
    private readonly store: SealedStore,
    private readonly timeline: Timeline,
    private readonly me: AccountId,
    early: Early,
  ) {
    this.votes = new Votes(store, timeline.id);
    this.early = new EarlyContents({ store, timeline, me, early, votes: this.votes });
    this.effects = new WordEffects({ store, timeline, me, votes: this.votes });
  }

  /** Decides what a content changes; reads only. */
  async write(incoming: Incoming): Promise<Outcome> {
    if (!Genuine.is(incoming.said)) throw new Error("words that nobody checked");
    const { content, encoded } = incoming.said;
    const resolving = incoming.resolves === undefined ? undefined : await this.timeline.row(incoming.resolves);
    const arriving = { ...incoming, content, encoded, ...FRESH };
    if (!isFit(content, this.timeline)) return this.nothingShown({ ...arriving, resolving }, "refused");
    if (incoming.status === "pending") return this.decide(arriving);
    if (isPassing(content.kind)) return this.decide({ ...arriving, resolving });
    // What is being sent has a fresh random id: looking it up would ask the disk for nothing.
    const before = await findContent(this.store, this.timeline, content.messageId, content.sender);
    if (before !== undefined) return this.again({ ...arriving, resolving }, before);
    const known = await this.early.statusOf(incoming.status === "synced" ? "accepted" : "received", content);
    const { status: rowStatus, readMs, release } = known;
    return this.decide({ ...arriving, resolving, rowStatus, readMs, release });
  }

  /**
   * What is said inside another payload takes no place, but its name is taken like any other: answers the changes that say so, or
   * `taken` if something came under it before. Two contents under one name would hide each other from a report.
   */
  async naming({ content, encoded }: Genuine): Promise<readonly StoreChange[] | "taken"> {
    const before = await findContent(this.store, this.timeline, content.messageId, content.sender);
    return before === undefined ? [this.seen({ content, encoded }, 0)] : "taken";
  }

  private async decide(arrival: Arrival): Promise<Outcome> {
    const { content } = arrival;
    switch (content.kind) {
      case "edit":
      case "delete":
      case "reaction":
      case "vote":
        return this.word(arrival, content);
      case "receipt":
        return this.receive(arrival, content);
      case "typing":
      case "invitation":
        return this.nothingShown(arrival, "refused");
      case "groupProfile":
        return this.remembered(arrival);
      case "text":
      case "reply":
      case "attachments":
      case "annotated":
      case "location":
      case "card":
      case "poll":
      case "custom":
      case "unsupported":
        return arrival.status === "pending" ? this.item(arrival, () => []) : this.message(arrival);
      case "profile":
        return this.item(arrival, () => []);
      case "timer": {
        const set = await settingChanges(
          this.store,
          this.timeline.id,
          wordOn(content, arrival.acceptedMs ?? arrival.atMs),
        );
        return this.item(arrival, () => set);
      }
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
    const { content, readMs } = arrival;
    const plain = this.row(arrival);
    const endedMs = this.timeline.lives.overSince(plain, readMs);
    if (endedMs !== undefined) return this.over(arrival, endedMs);
    const said = await this.early.meeting(plain, content);
    const { atMs, acceptedMs = atMs } = arrival;
    const learnt = await learntFrom(this.store, this.timeline, { content, acceptedMs });
    const begun = (at: number) => (readMs === undefined ? [] : this.timeline.lives.readBefore(at, plain, readMs));
    const further = (at: number) => [...said.changes(at), ...begun(at), ...learnt];
    return { ...this.item(arrival, further, said.row), tellings: said.tellings };
  }

  /** It ended before it came here: it takes no place, and nothing that is said about it does. */
  private async over(arrival: Arrival, endedMs: number): Promise<Outcome> {
    const { release } = await this.early.words.about(arrival.content.messageId);
    const outcome = this.remembered(arrival);
    return { ...outcome, endedMs, build: () => ({ changes: [...outcome.build().changes, ...release()] }) };
  }

  /** `further` are the changes that go with it, by its place. */
  private item(arrival: Arrival, further: (at: number) => readonly StoreChange[], row = this.row(arrival)): Outcome {
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
        const changes = [
          ...placed.changes,
          this.seen(arrival, placed.sequence),
          ...arrival.release(),
          ...further(placed.sequence),
        ];
        return { sequence: placed.sequence, changes };
      },
      tellings: [],
    };
  }

  /** Something said about a message. */
  private async word(arrival: Arrival, content: AboutMessage): Promise<Outcome> {
    const effect = await this.effects.of(content, arrival);
    switch (effect.kind) {
      case "said": {
        const standing = await wordAbout({ store: this.store, timeline: this.timeline, me: this.me }, content);
        const further = (at: number) => [...effect.changes(), ...standing(at)];
        return { ...this.item(arrival, further), tellings: effect.tellings };
      }
      case "remembered":
        return this.remembered(arrival);
      case "early":
        return this.hold(arrival, content.target);
      case "refused":
        return this.nothingShown(arrival, "refused");
      default:
        return effect satisfies never;
    }
  }

  /** Receipts move the status of messages on, never back, and take no place. */
  private async receive(arrival: Arrival, receipt: Of<"receipt">): Promise<Outcome> {
    const { store, timeline, me } = this;
    const { peer } = timeline;
    const { receipts } = this.early;
    const outcome = await received({ store, timeline, receipts, people: { me, peer } }, { receipt, ...arrival });
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

  /** What shows nothing here: it takes no place, but is remembered as seen. */
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

  private seen({ content, encoded }: Wording, sequence: number): StoreChange {
    const key = this.timeline.indexKey(content.sender, content.messageId);
    return { key, value: encodeRow("messageIndex", { sequence, hash: contentHash(encoded) }) };
  }
}

/** What nothing came before. */
const FRESH = { rowStatus: "pending", readMs: undefined, release: () => [], resolving: undefined } as const;
