/** Message requests as an app meets them: strangers who wait for an answer, and nothing shown of them but what they said. */

import { type AccountId, type ConversationId, directConversationId, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { ConversationState } from "../conversations/conversations.js";
import type { DirectConversation } from "../conversations/direct-conversation.js";
import { cursorOf } from "../conversations/items.js";
import { readStored } from "../conversations/stored-content.js";
import { Following } from "../following.js";
import type { AbortSignalLike } from "../ports.js";
import type { ReportDraft } from "../reports/report-draft.js";
import type { ReportOptions, Reports } from "../reports/reports.js";
import { decodeRow, eachRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Arrivals } from "./arrivals.js";
import type { Consent } from "./consent.js";
import type { Names } from "./names.js";

/** Somebody who asks to write to this account. Until it is accepted, the sender learns nothing: no receipt, no name. */
export interface MessageRequest {
  readonly from: {
    readonly accountId: AccountId;
    /** The host's name for the user, once the relay confirmed that it is this account's; `undefined` offline. */
    readonly userId: string | undefined;
  };
  /** What it said; `undefined` if it asked without words, or if its text did not open yet. Show it inert: no links, no previews. */
  readonly text: string | undefined;
  /** This device's clock when the request came. */
  readonly atMs: number;
  readonly conversation: ConversationId;
  /** Both sides may write from now on. The sender learns of it. */
  accept(): Promise<DirectConversation>;
  /** Puts the request away. The sender does not learn of it. */
  decline(): Promise<void>;
  /** Puts the request away and has the relay refuse the sender from now on. */
  block(): Promise<void>;
  /**
   * Prepares a report of what was said, while the request waits. Neither that nor submitting it answers the request.
   *
   * @throws notReportable if it asked without words; deskUnready; invalidArgument; tooLarge.
   */
  draftReport(options: ReportOptions): Promise<ReportDraft>;
}

/** What requests work with. */
export interface RequestParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly names: Pick<Names, "confirmed">;
  readonly conversations: { of(peer: AccountId): Promise<ConversationState> };
  readonly arrivals: Pick<Arrivals, "request">;
  readonly consent: Pick<Consent, "accept" | "decline" | "block">;
  readonly reports: Pick<Reports, "draftReport">;
  /** The conversation an accepted request becomes. */
  open(account: AccountId): Promise<DirectConversation>;
}

/** Presents requests. */
export class Requests {
  private readonly following: Following<Row<"request">>;

  constructor(private readonly parts: RequestParts) {
    this.following = new Following({
      pending: () => this.pending(),
      nameOf: ({ account, atMs }) => `${account}/${atMs}`,
    });
  }

  /** Every request there is, oldest first, then each that comes, once; until the signal aborts or the client closes. */
  follow(signal: AbortSignalLike | undefined): AsyncGenerator<MessageRequest> {
    return this.following.follow(({ account }) => this.present(account), signal);
  }

  /** The request of an account as it is now; `undefined` if it was decided meanwhile. */
  async present(account: AccountId): Promise<MessageRequest | undefined> {
    const { arrivals, consent, reports, open } = this.parts;
    const row = await arrivals.request(account);
    if (row === undefined) return undefined;
    const [text, userId] = await Promise.all([this.text(row), this.parts.names.confirmed(account)]);
    const conversation = directConversationId(this.parts.account.id, account);
    const said = row.sequence === undefined ? [] : [cursorOf(row.sequence)];
    return {
      from: { accountId: account, userId },
      text,
      atMs: row.atMs,
      conversation,
      accept: async () => {
        await consent.accept(account);
        return open(account);
      },
      decline: () => consent.decline(account),
      block: () => consent.block(account),
      async draftReport(options) {
        if (said.length === 0) throw new SottoError("notReportable");
        return reports.draftReport(conversation, said, options);
      },
    };
  }

  /** Requests came or went. */
  wake(): void {
    this.following.wake();
  }

  /** Ends every reader. Idempotent. */
  close(): void {
    this.following.close();
  }

  private async pending(): Promise<readonly Row<"request">[]> {
    const pending: Row<"request">[] = [];
    for await (const { value } of eachRow(this.parts.store, keys.requests)) pending.push(decodeRow("request", value));
    return pending.sort((one, other) => one.atMs - other.atMs);
  }

  private async text({ account, sequence }: Row<"request">): Promise<string | undefined> {
    if (sequence === undefined) return undefined;
    const { timeline } = await this.parts.conversations.of(account);
    const item = await timeline.row(sequence);
    if (item?.shape !== "content" || item.deletedMs !== undefined) return undefined;
    const content = readStored(item.content);
    return content.kind === "text" ? content.text : undefined;
  }
}
