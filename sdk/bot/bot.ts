/**
 * A program that answers people in direct conversations. It is an ordinary client: its keys are its own, and the relay sees
 * nothing of what it says. What labels it a bot is its account's role, which the host signs.
 */

import { failures, SottoError } from "@sotto/protocol";
import { type AbortSignalLike, type Client, DirectConversation } from "../core/index.js";
import type { BotMessage, MessageItem } from "./bot-message.js";
import { Lane, type LaneParts } from "./lane.js";
import { type BotClock, checkedRate, Pace, platformClock, type Rate } from "./pace.js";
import type { Handler, Pattern, Rule } from "./rules.js";

/** A handler threw, or an answer was refused; the message counts as handled. */
export interface Failing {
  readonly error: unknown;
  readonly message: BotMessage;
}

/** How a bot behaves. */
export interface BotOptions {
  /** How much it says in all; 300 a minute unless given. */
  readonly rate?: Rate | undefined;
  /** How much it says in one conversation; 20 a minute unless given. */
  readonly ratePerConversation?: Rate | undefined;
  /** Whether it takes everybody who asks to write to it (`accept`, unless given), or leaves requests to an agent. */
  readonly requests?: "accept" | "leave" | undefined;
  /** Whether it answers other bots: `ignore` unless given, for two that answer each other never end. */
  readonly bots?: "answer" | "ignore" | undefined;
  /**
   * Told of errors. Unless given, the first ends `run`, but for those that are the other side's doing, such as `notAllowed` of
   * somebody who blocked the bot meanwhile: nobody must be able to stop it for all others.
   */
  readonly failed?: ((failing: Failing) => void) | undefined;
  /** For tests. */
  readonly clock?: BotClock | undefined;
}

const MINUTE_MS = 60_000;

function isOfPeer(error: unknown): boolean {
  return error instanceof SottoError && failures[error.code].fault === "peer";
}

/** One bot on one client. */
export class Bot {
  private readonly rules: Rule[] = [];
  private readonly lanes = new Map<DirectConversation, Lane>();
  private readonly parts: LaneParts;
  private readonly requests: "accept" | "leave";
  private running: { stop(error?: unknown): void } | undefined;

  /** @throws invalidArgument for a rate that is none. */
  constructor(
    private readonly client: Client,
    options: BotOptions = {},
  ) {
    const { clock = platformClock, bots = "ignore", requests = "accept", failed } = options;
    const overall = checkedRate(options.rate ?? { messages: 300, everyMs: MINUTE_MS });
    const rate = checkedRate(options.ratePerConversation ?? { messages: 20, everyMs: MINUTE_MS });
    this.requests = requests;
    this.parts = {
      ...{ clock, bots, rate, rules: this.rules, overall: new Pace(overall, clock) },
      failed: (error, message) => {
        if (failed !== undefined) failed({ error, message });
        else if (!isOfPeer(error)) this.running?.stop(error);
      },
      broken: (error) => this.running?.stop(error),
    };
  }

  /** Adds a rule. Of the rules that fit a message, only the first is asked. */
  match(pattern: Pattern, handler: Handler): this {
    this.rules.push({ pattern, handler });
    return this;
  }

  /** Adds the rule for what no rule before it fits. */
  otherwise(handler: Handler): this {
    return this.match((_item: MessageItem) => true, handler);
  }

  /**
   * Answers what is unread, and then what comes, one message of a conversation after the other, until the signal aborts or the
   * client closes. Each is marked read behind its handler: a crash in between has it handled once more. Resolves when the
   * handlers that were running have ended.
   *
   * @throws invalidArgument if it runs already; what a handler throws, as `failed` says.
   */
  async run({ signal }: { readonly signal?: AbortSignalLike } = {}): Promise<void> {
    if (this.running !== undefined) throw new SottoError("invalidArgument", { detail: "this bot runs already" });
    const { client } = this;
    const stopped = new Promise<void>((resolve, reject) => {
      this.running = { stop: (error) => (error === undefined ? resolve() : reject(error)) };
    });
    const stop = () => this.running?.stop();
    const heard = ({ conversation }: { readonly conversation?: unknown }) => this.wake(conversation);
    const changed = ({ state }: { readonly state: string }) => {
      if (state === "closed" || state === "revoked") stop();
    };
    signal?.addEventListener("abort", stop, { once: true });
    client.addEventListener("message", heard);
    client.addEventListener("contact", heard);
    client.addEventListener("notes", heard);
    client.addEventListener("state", changed);
    if (signal?.aborted === true) stop();
    try {
      if (this.requests === "accept") this.acceptRequests(signal);
      for (const conversation of await client.conversations()) this.wake(conversation);
      await stopped;
    } finally {
      signal?.removeEventListener("abort", stop);
      client.removeEventListener("message", heard);
      client.removeEventListener("contact", heard);
      client.removeEventListener("notes", heard);
      client.removeEventListener("state", changed);
      await Promise.all([...this.lanes.values()].map((lane) => lane.close()));
      this.lanes.clear();
      this.running = undefined;
    }
  }

  private wake(conversation: unknown): void {
    if (!(conversation instanceof DirectConversation)) return;
    const lane = this.lanes.get(conversation) ?? new Lane(conversation, this.parts);
    this.lanes.set(conversation, lane);
    lane.wake();
  }

  private acceptRequests(signal: AbortSignalLike | undefined): void {
    const accept = async () => {
      for await (const request of this.client.requests({ signal })) this.wake(await request.accept());
    };
    accept().catch((error: unknown) => this.running?.stop(error));
  }
}
