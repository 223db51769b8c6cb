/** The conversations of this account: one state per peer, loaded once and shared by everyone who works with it. */

import { type AccountId, directConversationId } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { decodeRow, eachRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { ContentWriter, type Telling } from "./content-writer.js";
import { Early } from "./early.js";
import { ItemReader } from "./item-reader.js";
import { Timeline } from "./timeline.js";

/** Everything that belongs to one conversation. */
export interface ConversationState {
  readonly peer: AccountId;
  readonly timeline: Timeline;
  readonly writer: ContentWriter;
  readonly reader: ItemReader;
  /** Receives the conversation's events; set by whoever presents it to the app. */
  tell: (telling: Telling) => void;
}

/** Loads conversation states, each exactly once. */
export class Conversations {
  private readonly states = new Map<AccountId, Promise<ConversationState>>();
  private readonly early: Early;
  private isClosed = false;

  constructor(
    private readonly store: SealedStore,
    private readonly account: OwnAccount,
  ) {
    this.early = new Early(store);
  }

  /** The conversation with an account; begun with its first commit. */
  of(peer: AccountId): Promise<ConversationState> {
    const present = this.states.get(peer);
    if (present !== undefined) return present;
    const loading = this.load(peer);
    this.states.set(peer, loading);
    loading.catch(() => this.states.delete(peer));
    return loading;
  }

  /** The peers of all conversations there are. */
  async peers(): Promise<readonly AccountId[]> {
    const peers: AccountId[] = [];
    for await (const { value } of eachRow(this.store, keys.conversations)) {
      peers.push(decodeRow("conversation", value).peer);
    }
    return peers;
  }

  /** The key under which work on a conversation is serialised. Taken after a peer's lock, never before. */
  static lockKey(state: ConversationState): string {
    return `conversation/${state.timeline.id}`;
  }

  /** Ends every reader. Idempotent. */
  close(): void {
    this.isClosed = true;
    for (const loading of this.states.values()) {
      loading.then(
        ({ timeline }) => timeline.close(),
        () => undefined, // it never loaded, so nobody reads it
      );
    }
  }

  private async load(peer: AccountId): Promise<ConversationState> {
    const me = this.account.id;
    const timeline = await Timeline.load(this.store, directConversationId(me, peer), peer);
    if (this.isClosed) timeline.close();
    const people = { me, peer };
    return {
      peer,
      timeline,
      writer: new ContentWriter(this.store, timeline, people, this.early),
      reader: new ItemReader(this.store, timeline, people),
      tell: () => undefined,
    };
  }
}
