/** An app that does what the SDK asks of apps: it keeps its cursor, and looks at its own timeline before it sends again. */

import type { DirectConversation } from "@sotto/sdk";
import { Journal } from "./journal.js";

/** Places looked back for the last message of one's own. */
const LOOK_BACK = 1_000;

/** What an app tells. */
export interface AppEvents {
  /** An item was shown and noted. */
  shown(): void;
  failed(error: unknown): void;
}

/** One user's app over any number of lives, on one journal. */
export class CarefulApp {
  private readonly journal: Journal;

  constructor(
    private readonly conversation: DirectConversation,
    journalPath: string,
    private readonly name: string,
    private readonly events: AppEvents,
  ) {
    this.journal = new Journal(journalPath);
  }

  /** What was shown, in the order it was, over all lives. */
  get shown() {
    return this.journal.items;
  }

  /** Shows and notes what comes, behind what an earlier life noted. Ends when the client closes. */
  async read(): Promise<void> {
    for await (const item of this.conversation.messages({ after: this.journal.last })) {
      const { cursor, direction, kind } = item;
      this.journal.note({ cursor, direction, words: item.kind === "text" ? item.text : kind });
      this.events.shown();
    }
  }

  /** Sends the numbered texts that no earlier life sent, up to `count` in all. */
  async sendUpTo(count: number): Promise<void> {
    for (let number = await this.nextNumber(); number < count; number++) {
      const handle = this.conversation.send({ text: `${this.name} ${number}` });
      handle.accepted.catch((error: unknown) => this.events.failed(error));
    }
  }

  close(): void {
    this.journal.close();
  }

  private async nextNumber(): Promise<number> {
    const own = (await this.conversation.latest(LOOK_BACK)).filter(({ direction }) => direction === "sent");
    const last = own.findLast(({ kind }) => kind === "text");
    return last?.kind === "text" ? Number(last.text.slice(this.name.length + 1)) + 1 : 0;
  }
}
