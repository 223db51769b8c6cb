/** The conversation as lines: one for each item, changed in place when the item changes, gone when it goes. */

import type { Item } from "@sotto/sdk/node";
import { isMessage, lineOf, type Message, type Telling } from "./item-words.js";
import type { Names } from "./names.js";
import type { Room } from "./room.js";

/** Items kept on the screen's list. */
const MAX_ITEMS = 500;

/** A line of a transcript; `key` stays when its text changes. */
export interface Line {
  readonly key: string;
  readonly text: string;
}

/** Follows a conversation and keeps its lines up to date. */
export class Transcript implements Telling {
  private readonly items = new Map<string, Item>();
  /** What commands mean messages by: counted as they come, so that a number keeps its message. */
  private readonly numbers = new Map<string, number>();
  /** One look at an item behind the other, so that what was read before does not take the place of what was read later. */
  private looking: Promise<void> = Promise.resolve();
  readonly nameOf: Telling["nameOf"];
  readonly numberOf: Telling["numberOf"] = (item) => this.numbers.get(item.cursor);

  constructor(
    private readonly room: Room,
    private readonly names: Names,
    private readonly changed: (appeared: Item | undefined) => void,
  ) {
    this.nameOf = names.of;
  }

  /** Shows history and then what comes, until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { conversation } = this.room;
    // What fails here fails below too.
    const changed = ({ cursor }: Pick<Item, "cursor">) => void this.look(cursor, "changed").catch(() => undefined);
    conversation.addEventListener("changed", changed, { signal });
    // What came is read again: it may have changed since, and the event may have been before anything was kept.
    for await (const { cursor } of conversation.messages({ signal })) await this.look(cursor, "came");
  }

  /** The lines, oldest first: in the order that all devices of everybody show. */
  get lines(): readonly Line[] {
    const inOrder = [...this.items.values()].sort((one, other) => (one.order < other.order ? -1 : 1));
    return inOrder.flatMap((item) => {
      const text = lineOf(item, this);
      return text === undefined ? [] : [{ key: `${this.room.conversation.id} ${item.cursor}`, text }];
    });
  }

  /** The words of an item; `undefined` if it has no line of its own. */
  wordsOf(item: Item): string | undefined {
    return lineOf(item, this);
  }

  /** The message of a number; `undefined` if none has it, or it is gone. */
  numbered(number: number): Message | undefined {
    return this.messages.find((item) => this.numberOf(item) === number);
  }

  /** The last message in a direction. */
  last(direction: Item["direction"]): Message | undefined {
    return this.messages.findLast((item) => item.direction === direction);
  }

  /** What was given up. */
  get failed(): readonly Message[] {
    return this.messages.filter(({ status }) => status === "failed");
  }

  private get messages(): readonly Message[] {
    return [...this.items.values()].filter(isMessage);
  }

  private look(cursor: Item["cursor"], why: "came" | "changed"): Promise<void> {
    const looked = this.looking.then(async () => {
      const before = this.items.get(cursor);
      // What changed and is not here yet is read when it comes.
      if (before === undefined && why === "changed") return;
      const item = await this.room.conversation.item(cursor);
      if (item === undefined) this.items.delete(cursor);
      else {
        await this.names.meet(this.room, item);
        this.keep(item);
      }
      // What had nothing to show, and has now, appears.
      const isNew = before === undefined || lineOf(before, this) === undefined;
      this.changed(isNew ? item : undefined);
    });
    this.looking = looked.catch(() => undefined);
    return looked;
  }

  private keep(item: Item): void {
    this.items.set(item.cursor, item);
    const [oldest] = this.items.keys();
    if (this.items.size > MAX_ITEMS && oldest !== undefined) this.items.delete(oldest);
    if (isMessage(item) && !this.numbers.has(item.cursor)) this.numbers.set(item.cursor, this.numbers.size + 1);
  }
}
