/**
 * Tells a new contact this account's name.
 *
 * A decision is made on one device, which tells it. An acceptance reaches all devices of this account alike, so they take
 * turns: the lowest device id tells at once, each further one waits a little longer and tells only if no other was heard
 * to. Whichever devices are online, one of them does; that two do is harmless, since a profile replaces the one before.
 */

import type { AccountId, DeviceId } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Saying } from "../conversations/author.js";
import type { ConversationState } from "../conversations/conversations.js";
import { readStored } from "../conversations/stored-content.js";
import type { Clock } from "../ports.js";

/** How long one device waits for the one before it: what that one said is told its siblings within a second. */
const TURN_MS = 3_000;

/** What introductions work with. */
export interface IntroductionParts {
  readonly account: OwnAccount;
  readonly clock: Clock;
  readonly conversations: { of(peer: AccountId): Promise<ConversationState> };
  /** The other devices of this account. */
  others(): readonly DeviceId[];
  say(state: ConversationState, saying: Saying): void;
  failed(error: unknown): void;
}

/** Introduces this account by its name. */
export class Introductions {
  private readonly turns = new Set<{ cancel(): void }>();
  private isClosed = false;

  constructor(private readonly parts: IntroductionParts) {}

  /** This device made somebody a contact: tells the name now, if there is one. */
  made(peer: AccountId): void {
    this.parts.conversations.of(peer).then((state) => this.tell(state), this.parts.failed);
  }

  /** Somebody made this account its contact, on all its devices: tells the name unless another device does. */
  answered(peer: AccountId): void {
    const { account, conversations, failed, others } = this.parts;
    const before = others().filter((device) => device < account.device).length;
    conversations.of(peer).then((state) => {
      if (before === 0) return this.tell(state);
      this.after(before * TURN_MS, state);
    }, failed);
  }

  /** Stops. Who waits for its turn leaves it to the others. */
  close(): void {
    this.isClosed = true;
    for (const turn of this.turns) turn.cancel();
  }

  private after(delayMs: number, state: ConversationState): void {
    if (this.isClosed) return;
    const { end } = state.timeline;
    const turn = this.parts.clock.after(delayMs, () => {
      this.turns.delete(turn);
      this.wasTold(state, end).then((was) => was || this.tell(state), this.parts.failed);
    });
    this.turns.add(turn);
  }

  private tell(state: ConversationState): void {
    const { account, say } = this.parts;
    const { name } = account.current;
    if (name !== undefined && !this.isClosed) say(state, { kind: "profile", name });
  }

  /** Whether another device of this account said its name behind a place. */
  private async wasTold({ timeline }: ConversationState, end: number): Promise<boolean> {
    for (let sequence = end + 1; sequence <= timeline.end; sequence++) {
      const row = await timeline.row(sequence);
      if (row?.shape !== "content" || row.from !== this.parts.account.id || row.content.length === 0) continue;
      if (readStored(row.content).kind === "profile") return true;
    }
    return false;
  }
}
