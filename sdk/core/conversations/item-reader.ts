/** From stored timeline rows to the items an app renders. */

import type { AccountId, Content, MessageId } from "@sotto/protocol";
import { endOf, timerOf } from "../disappearing/lifetime.js";
import { timerSetting } from "../disappearing/timer-setting.js";
import { Shown } from "../groups/shown.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { ContentItems, type Placed } from "./content-items.js";
import { type FoundMessage, findShown } from "./find.js";
import { readGroupItem } from "./group-change.js";
import { cursorOf, type Item } from "./items.js";
import { isAboutMessage, type Of } from "./kind-roles.js";
import { orderText, placementOf } from "./placement.js";
import { pollIn } from "./polls.js";
import { readStored } from "./stored-content.js";
import type { Timeline, TimelineRow } from "./timeline.js";

/** The reason of an undecryptable item that nobody can send again. */
export const LOST = "lost";

/** Reads the items of one conversation. */
export class ItemReader {
  private readonly contents: ContentItems;

  constructor(
    private readonly store: SealedStore,
    private readonly timeline: Timeline,
    private readonly me: AccountId,
    /** A group's title or picture is shown once somebody stated it. */
    private readonly shown: Pick<Shown, "inItem"> = new Shown(store),
  ) {
    this.contents = new ContentItems(store, timeline, me);
  }

  /** The message that an answer to this id quotes: in a DM the peer's, if both sides gave it to one. */
  async message(id: MessageId): Promise<FoundMessage | undefined> {
    const [found] = await findShown(this.store, this.timeline, id, this.me);
    return found;
  }

  /** The poll under an id; `undefined` if there is none, or it was deleted. */
  async poll(id: MessageId): Promise<Of<"poll"> | undefined> {
    const shown = await findShown(this.store, this.timeline, id, this.me);
    return shown.map(({ row }) => pollIn(row)).find((poll) => poll !== undefined);
  }

  /**
   * The items of the rows that `find` answers, in its order. What changes while they are read is read again: whoever was told
   * of that is shown nothing older afterwards.
   */
  items(find: () => Promise<readonly TimelineRow[]>): Promise<readonly Item[]> {
    return this.timeline.watching(async (replaced) => {
      let due = await find();
      const items = new Map<number, Item | undefined>(due.map(({ sequence }) => [sequence, undefined]));
      while (due.length > 0) {
        const read = await Promise.all(due.map((row) => this.item(row)));
        for (const [index, { sequence }] of due.entries()) items.set(sequence, read[index]);
        const again = [...replaced].filter((sequence) => items.has(sequence));
        replaced.clear();
        due = (await Promise.all(again.map((sequence) => this.placed(sequence)))).flat();
      }
      return [...items.values()].filter((item) => item !== undefined);
    });
  }

  /** The item in a place, as it is when it is answered; `undefined` if there is nothing to show. */
  async at(sequence: number): Promise<Item | undefined> {
    const [item] = await this.items(() => this.placed(sequence));
    return item;
  }

  /** The item of a row; `undefined` for a place that holds nothing to show. */
  async item({ sequence, row }: TimelineRow): Promise<Item | undefined> {
    const placement = placementOf(row, sequence);
    const position =
      placement === undefined ? ({ kind: "pending", sequence } as const) : ({ kind: "placed", placement } as const);
    const placed = {
      cursor: cursorOf(sequence),
      order: orderText(position),
      from: row.from,
      direction: row.from === this.me ? ("sent" as const) : ("received" as const),
      atMs: row.atMs,
    };
    switch (row.shape) {
      case "hidden":
        return undefined;
      case "keychange":
        return { ...placed, kind: "keychange" };
      case "group":
        return { ...placed, kind: "group", change: this.shown.inItem(this.timeline.id, readGroupItem(row.content)) };
      case "undecryptable":
        return { ...placed, kind: "undecryptable", reason: row.reason ?? "unknown", resolved: this.resolved(sequence) };
      case "content":
        return this.fromContent(placed, { sequence, row });
      default:
        return row.shape satisfies never;
    }
  }

  /** How long messages said here from now on are kept after they were read; `undefined` = for ever. */
  async timerMs(): Promise<number | undefined> {
    const setting = await timerSetting(this.store, this.timeline.id);
    return setting === undefined || setting.durationMs === 0 ? undefined : setting.durationMs;
  }

  private async placed(sequence: number): Promise<readonly TimelineRow[]> {
    const row = await this.timeline.row(sequence);
    return row === undefined ? [] : [{ sequence, row }];
  }

  /** What is over is shown no more, also while what it leaves is being deleted. */
  private async fromContent(placed: Placed, { sequence, row }: TimelineRow): Promise<Item | undefined> {
    const { lives } = this.timeline;
    if (row.deletedMs !== undefined) {
      return (await lives.isOverAt(sequence)) ? undefined : { ...placed, kind: "deleted", messageId: row.messageId };
    }
    const content = readStored(row.content);
    const timerMs = timerOf(content);
    if (timerMs === undefined) {
      return (await this.isAboutNothing(content)) ? undefined : this.contents.item(placed, row, content);
    }
    const life = await lives.at(sequence);
    const isOver = life === undefined ? await this.isGone(sequence) : lives.hasEnded(life);
    if (isOver) return undefined;
    return this.contents.item(placed, row, content, { timerMs, ...(life && { expiresMs: endOf(life) }) });
  }

  /** Whether a message went since its row was read: then its time is no more either, as if it had not begun. */
  private async isGone(sequence: number): Promise<boolean> {
    return (await this.timeline.row(sequence))?.shape !== "content";
  }

  /** Whether a word goes with its message, which is over. What is about a message with a timer says its timer too. */
  private async isAboutNothing(content: Content): Promise<boolean> {
    if (content.timerMs === undefined || !isAboutMessage(content)) return false;
    return (await findShown(this.store, this.timeline, content.target, this.me)).length === 0;
  }

  /** Not every app looks at the promise, so its rejection (a store that closed) is nobody's surprise. */
  private resolved(sequence: number): Promise<Item | undefined> {
    const resolving = this.resolve(sequence);
    resolving.catch(() => undefined);
    return resolving;
  }

  private async resolve(sequence: number): Promise<Item | undefined> {
    const settled = this.timeline.resolved(sequence);
    let row = await this.timeline.row(sequence);
    // It may have been settled between the reading of the row and now.
    if (row?.shape === "undecryptable" && row.reason !== LOST) {
      await settled;
      row = await this.timeline.row(sequence);
    }
    return row === undefined || row.shape === "undecryptable" ? undefined : this.item({ sequence, row });
  }
}
