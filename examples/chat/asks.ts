/** Who waits for an answer: people who would like to write, and invitations to groups. */

import { type AccountId, type GroupInvitation, type MessageRequest, SottoError } from "@sotto/sdk/node";

/** Somebody asks for something. */
export type Ask =
  | { readonly kind: "request"; readonly request: MessageRequest }
  | { readonly kind: "invitation"; readonly invitation: GroupInvitation };

/** What waits, oldest first. */
export class Asks {
  private waiting: readonly Ask[] = [];

  /** One more. */
  add(ask: Ask): void {
    this.waiting = [...this.waiting, ask];
  }

  /** The oldest of those who would like to write. */
  get request(): MessageRequest | undefined {
    return this.waiting.find((ask) => ask.kind === "request")?.request;
  }

  /** The oldest invitation. */
  get invitation(): GroupInvitation | undefined {
    return this.waiting.find((ask) => ask.kind === "invitation")?.invitation;
  }

  /** Answers one. It waits on if that failed and may work later. */
  async answer<Answer>(one: MessageRequest | GroupInvitation, answering: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await answering();
      this.drop((asked) => asked === one);
      return answer;
    } catch (error) {
      if (!(error instanceof SottoError && error.retryable)) this.drop((asked) => asked === one);
      throw error;
    }
  }

  /** Whoever's invitation was answered has the answer to its request, too. */
  settleRequestsOf(account: AccountId): void {
    this.drop((asked) => !("group" in asked) && asked.from.accountId === account);
  }

  private drop(isGone: (asked: MessageRequest | GroupInvitation) => boolean): void {
    this.waiting = this.waiting.filter((ask) => !isGone(ask.kind === "request" ? ask.request : ask.invitation));
  }
}
