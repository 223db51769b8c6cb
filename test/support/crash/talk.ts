/** One direction of a conversation under load: what was sent, what was accepted, what the other side was shown. */

import type { DirectConversation } from "@sotto/sdk/node";
import { type Findings, judge, together } from "./verdict.js";

/** Messages on their way at once in one direction: more than one window of the outbox, so that windows follow each other. */
const OUTSTANDING = 24;

/** What a talk tells. */
export interface TalkEvents {
  accepted(): void;
  shown(): void;
  /** A message was refused or given up, or an item did not open: never right in these tests. */
  wrong(what: string): void;
}

/** Sends numbered texts from one conversation object and watches the peer's. */
export class Talk {
  readonly sent: string[] = [];
  readonly accepted = new Set<string>();
  readonly delivered = new Set<string>();
  /** In the order the recipient's app was shown them while it all happened. */
  readonly shown: string[] = [];
  private quota = 0;
  private to: DirectConversation | undefined;

  constructor(
    private readonly name: string,
    private readonly from: DirectConversation,
    private readonly events: TalkEvents,
  ) {}

  /** The recipient's app shows what comes, from now on. A recipient who was away sees it all from the beginning. */
  show(to: DirectConversation): void {
    this.to = to;
    this.watch(to).catch((error: unknown) => this.events.wrong(`${this.name}: reading ended: ${error}`));
  }

  /** Lets so many more messages be sent; they leave as fast as the relay accepts them. */
  allow(count: number): void {
    this.quota += count;
    this.send();
  }

  /** Whether everything allowed was accepted. */
  get isAccepted(): boolean {
    return this.accepted.size === this.quota;
  }

  /** Whether everything allowed was accepted, shown and confirmed by a receipt. */
  get isDone(): boolean {
    const { sent, quota } = this;
    return sent.length === quota && this.delivered.size === quota && this.shown.length >= quota;
  }

  /** What happened, judged by what the app was shown live and by what it finds when it reads from the start. */
  async findings(): Promise<Findings> {
    if (this.to === undefined) throw new Error(`nobody was shown what ${this.name} wrote`);
    const again: string[] = [];
    for await (const item of this.to.messages()) {
      if (item.direction === "received" && item.kind === "text") again.push(item.text);
      if (item.kind === "undecryptable") again.push(`undecryptable: ${item.reason}`);
      if (again.length === this.shown.length) break;
    }
    const live = judge(this.sent, this.shown);
    return again.every((text, index) => text === this.shown[index]) ? live : together([live, judge(this.sent, again)]);
  }

  private send(): void {
    while (this.sent.length < this.quota && this.sent.length - this.accepted.size < OUTSTANDING) {
      const text = `${this.name} ${this.sent.length}`;
      const handle = this.from.send({ text });
      this.sent.push(text);
      handle.accepted.then(
        () => {
          this.accepted.add(text);
          this.events.accepted();
          this.send();
        },
        (error: unknown) => this.events.wrong(`${text} was not accepted: ${error}`),
      );
      handle.delivered.then(
        () => {
          this.delivered.add(text);
          this.events.shown();
        },
        () => undefined, // told above
      );
    }
  }

  private async watch(to: DirectConversation): Promise<void> {
    for await (const item of to.messages()) {
      if (item.kind === "undecryptable") this.events.wrong(`${this.name}: undecryptable: ${item.reason}`);
      if (item.direction !== "received" || item.kind !== "text") continue;
      this.shown.push(item.text);
      this.events.shown();
    }
  }
}
