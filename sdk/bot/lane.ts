/**
 * What a bot does in one conversation: one message after the other, oldest first.
 *
 *   idle ──woken──▶ looking ──nothing unread, or somebody else looks after it──▶ idle
 *                    ▲   └──unread──▶ handling ──handled, marked read──┐
 *                    └─────────────────────────────────────────────────┘
 */

import { SottoError } from "@sotto/protocol";
import type { DirectConversation, Item } from "../core/index.js";
import { BotMessage, type MessageItem } from "./bot-message.js";
import { type BotClock, Pace, type Rate } from "./pace.js";
import { type Rule, ruleFor } from "./rules.js";

/** Items read at once. */
const PAGE = 100;
/** Items looked at in all: who was away for longer leaves the rest to people. */
const LOOK_BACK = 5_000;
/** Items in memory at once: each may have 64 KiB, and anybody may have said as many as there is room for. */
const HANDFUL = 500;

/** What all lanes of a bot share. */
export interface LaneParts {
  readonly clock: BotClock;
  readonly rules: readonly Rule[];
  readonly bots: "answer" | "ignore";
  readonly rate: Rate;
  readonly overall: Pace;
  /** A handler threw. */
  failed(error: unknown, message: BotMessage): void;
  /** The client failed. */
  broken(error: unknown): void;
}

/** One conversation. */
export class Lane {
  private readonly pace: Pace;
  private working: Promise<void> | undefined;
  private isWoken = false;
  private isClosed = false;
  /** Ends a wait for the bot's turn. */
  private interrupt: () => void = () => {};

  constructor(
    private readonly conversation: DirectConversation,
    private readonly parts: LaneParts,
  ) {
    this.pace = new Pace(parts.rate, parts.clock);
  }

  /** Looks for something unread, now or behind what is being done. */
  wake(): void {
    this.isWoken = true;
    if (this.working !== undefined || this.isClosed) return;
    this.working = this.work()
      .catch((error: unknown) => {
        if (!this.isClosed) this.parts.broken(error);
      })
      .finally(() => {
        this.working = undefined;
        if (this.isWoken && !this.isClosed) this.wake();
      });
  }

  /** Takes no further message; resolves when the one being handled is done. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.interrupt();
    await this.working;
  }

  private async work(): Promise<void> {
    const { conversation, parts } = this;
    while (this.isWoken && !this.isClosed) {
      this.isWoken = false;
      if (parts.bots === "ignore" && (await conversation.peer()).accountRole === "bot") return;
      for (const item of await this.unread()) {
        // Asked before each: a handler, or an agent, may have handed it over meanwhile.
        if (this.isClosed || (await conversation.assignee()) !== undefined) return;
        await this.handle(item);
        this.isWoken = true;
      }
    }
  }

  /** The oldest, back to the first page on which nothing is unread. Whoever handled them looks again. */
  private async unread(): Promise<readonly MessageItem[]> {
    let found: readonly MessageItem[] = [];
    let before: string | undefined;
    for (let looked = 0; looked < LOOK_BACK; looked += PAGE) {
      const page = await this.conversation.latest(PAGE, { before });
      const unread = page.filter(isMessage).filter(isUnread);
      found = [...unread, ...found].slice(0, HANDFUL);
      before = page[0]?.order;
      if (unread.length === 0 || before === undefined) break;
    }
    return found;
  }

  private async handle(item: MessageItem): Promise<void> {
    const rule = ruleFor(this.parts.rules, item);
    if (rule !== undefined) {
      const message = new BotMessage(this.conversation, item, rule.match, {
        say: async (outgoing) => {
          await this.turn();
          await this.conversation.send(outgoing).accepted;
        },
        handOver: (agent) => this.conversation.assign(agent),
      });
      try {
        await rule.handler(message);
      } catch (error) {
        if (this.isClosed) return;
        this.parts.failed(error, message);
      }
    }
    await this.conversation.markRead([item.messageId]);
  }

  /** Waits for the conversation's turn, then for the bot's. @throws aborted if the bot is stopped first. */
  private async turn(): Promise<void> {
    for (const pace of [this.pace, this.parts.overall]) {
      for (let waitMs = pace.take(); waitMs > 0; waitMs = pace.take()) await this.pause(waitMs);
    }
  }

  private async pause(waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.parts.clock.after(waitMs, resolve);
      this.interrupt = () => {
        timer.cancel();
        resolve();
      };
    });
    if (this.isClosed) throw new SottoError("aborted");
  }
}

const KINDS: ReadonlySet<Item["kind"]> = new Set<MessageItem["kind"]>([
  "text",
  "reply",
  "attachments",
  "location",
  "card",
  "poll",
  "custom",
]);

function isMessage(item: Item): item is MessageItem {
  return KINDS.has(item.kind);
}

function isUnread({ direction, status }: MessageItem): boolean {
  return direction === "received" && status === "received";
}
