/** Message requests as an app meets them: strangers who wait for an answer, and nothing shown of them but what they said. */

import { type AccountId, type ConversationId, directConversationId, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { ConversationState } from "../conversations/conversations.js";
import type { DirectConversation } from "../conversations/direct-conversation.js";
import { readStored } from "../conversations/stored-content.js";
import { isFatal } from "../fatal.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { AbortSignalLike } from "../ports.js";
import type { Relay } from "../relay.js";
import { decodeRow, eachRow, keys, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Arrivals } from "./arrivals.js";
import type { Consent } from "./consent.js";

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
}

/** What requests work with. */
export interface RequestParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly locks: KeyedLock;
  readonly conversations: { of(peer: AccountId): Promise<ConversationState> };
  readonly relay: { readonly device: Pick<Relay["device"], "state" | "request"> };
  readonly arrivals: Pick<Arrivals, "request">;
  readonly consent: Pick<Consent, "accept" | "decline" | "block">;
  /** The conversation an accepted request becomes. */
  open(account: AccountId): Promise<DirectConversation>;
}

/** Presents requests. */
export class Requests {
  private readonly readers = new Set<() => void>();
  private isClosed = false;

  constructor(private readonly parts: RequestParts) {}

  /** Every request there is, oldest first, then each that comes, once; until the signal aborts or the client closes. */
  async *follow(signal: AbortSignalLike | undefined): AsyncGenerator<MessageRequest> {
    let told = new Set<string>();
    let wake = () => {};
    let isWoken = true;
    const look = () => {
      isWoken = true;
      wake();
    };
    const hasEnded = () => this.isClosed || signal?.aborted === true;
    this.readers.add(look);
    signal?.addEventListener("abort", look, { once: true });
    try {
      while (!hasEnded()) {
        if (!isWoken) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        isWoken = false;
        const pending = await this.pending();
        // What is no longer there need not be remembered: if it asks again, it asks anew.
        told = new Set(pending.map(nameOf).filter((name) => told.has(name)));
        for (const row of pending) {
          if (told.has(nameOf(row))) continue;
          const request = await this.present(row.account);
          if (hasEnded()) return;
          told.add(nameOf(row));
          if (request !== undefined) yield request;
          if (hasEnded()) return;
        }
      }
    } finally {
      this.readers.delete(look);
      signal?.removeEventListener("abort", look);
    }
  }

  /** The request of an account as it is now; `undefined` if it was decided meanwhile. */
  async present(account: AccountId): Promise<MessageRequest | undefined> {
    const { arrivals, consent, open } = this.parts;
    const row = await arrivals.request(account);
    if (row === undefined) return undefined;
    const [text, userId] = await Promise.all([this.text(row), this.confirmedName(account)]);
    return {
      from: { accountId: account, userId },
      text,
      atMs: row.atMs,
      conversation: directConversationId(this.parts.account.id, account),
      accept: async () => {
        await consent.accept(account);
        return open(account);
      },
      decline: () => consent.decline(account),
      block: () => consent.block(account),
    };
  }

  /** Requests came or went. */
  wake(): void {
    for (const look of [...this.readers]) look();
  }

  /** Ends every reader. Idempotent. */
  close(): void {
    this.isClosed = true;
    this.wake();
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

  /** What a stranger says its name is, is worth nothing until the relay says the same. */
  private async confirmedName(account: AccountId): Promise<string | undefined> {
    const { peers, relay, locks, store } = this.parts;
    const { userId, claimedUserId } = await peers.get(account);
    if (userId !== undefined) return userId;
    if (claimedUserId === undefined || relay.device.state !== "ready") return undefined;
    try {
      const resolved = await relay.device.request({ type: "resolve", userId: claimedUserId });
      if (resolved.account !== account) return undefined;
    } catch (error) {
      if (isFatal(error) && !(error instanceof SottoError)) throw error;
      return undefined;
    }
    const { durable } = await locks.run(account, async () => ({
      durable: store.commit(peers.remember(await peers.get(account), claimedUserId)),
    }));
    await durable;
    return claimedUserId;
  }
}

function nameOf({ account, atMs }: Row<"request">): string {
  return `${account}/${atMs}`;
}
